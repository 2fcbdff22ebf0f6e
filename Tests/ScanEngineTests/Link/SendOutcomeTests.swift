import Glibc
import PacketIO
import SystemPackage
import Testing

@Suite("What the kernel says to a send")
struct SendOutcomeTests {
    private static func outcome(_ code: Int32) throws -> SendOutcome {
        errno = code
        return try SendOutcome(-1, interface: "eth0")
    }

    @Test("only the loss of the device or the socket ends a run", arguments: [ENETDOWN, ENODEV, ENXIO, EBADF, ENOTSOCK])
    func gone(code: Int32) {
        #expect(throws: EngineError.self) { try Self.outcome(code) }
    }

    @Test("what has no room is offered again", arguments: [EAGAIN, ENOBUFS, ENOMEM, EINTR, EBUSY])
    func busy(code: Int32) throws {
        guard case .busy = try Self.outcome(code) else {
            Issue.record("\(code) is not taken for a want of room")
            return
        }
    }

    @Test("every other refusal concerns one frame, whatever it is")
    func refused() throws {
        let others: Set = [ENETDOWN, ENODEV, ENXIO, EBADF, ENOTSOCK, EAGAIN, ENOBUFS, ENOMEM, EINTR, EBUSY]
        for code in Int32(1)...200 where !others.contains(code) {
            guard case .refused(Errno(rawValue: code)) = try Self.outcome(code) else {
                Issue.record("\(code) is not taken for one frame's")
                continue
            }
        }
    }
}
