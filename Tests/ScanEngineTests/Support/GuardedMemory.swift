import Glibc
import PacketIO
import ScanCore

/// Bytes that end where a page without any access begins: whoever reads past them ends the test process. What lies before them is 0xa5.
final class GuardedMemory {
    private static let page = Int(getpagesize())
    private let memory: UnsafeMutableRawPointer

    init() {
        let size = Self.page * 2
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), memory != MAP_FAILED,
            mprotect(memory + Self.page, Self.page, PROT_NONE) == 0
        else { preconditionFailure("no memory for a guarded page") }
        self.memory = memory
        memory.initializeMemory(as: UInt8.self, repeating: 0xA5, count: Self.page)
    }

    deinit {
        munmap(memory, Self.page * 2)
    }

    /// Calls `body` with a copy of `bytes`, of which there are at most 4096.
    func with<Result>(_ bytes: some Collection<UInt8>, _ body: (PacketBytes) -> Result?) -> Result? {
        let start = memory + (Self.page - bytes.count)
        let buffer = UnsafeMutableRawBufferPointer(start: start, count: bytes.count)
        buffer.copyBytes(from: bytes)
        defer { buffer.initializeMemory(as: UInt8.self, repeating: 0xA5) }
        return PacketBytes(UnsafeRawBufferPointer(buffer)).flatMap(body)
    }

    /// What the receiver makes of a captured frame.
    func reply(_ frame: some Collection<UInt8>, behind header: LinkHeader = .raw) -> Reply? {
        with(frame) { captured in header.packet(in: captured).flatMap { Reply($0) } }
    }
}
