import Glibc
import Synchronization
import SystemPackage

/// Knows, after the daemon has died of a fault of its own, which jobs had just been started: one of them may bring it down each time.
///
/// The ids of the jobs that run without a checkpoint yet stand in memory; the handler of the deadly signals writes them to a file, which the next
/// start reads. A handler can reach nothing but globals, and does nothing but write(2).
package enum CrashNote {
    /// Those that a fault of the program causes; the watchdog's is ABRT.
    private static let signals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT]
    /// More jobs never run side by side.
    private static let places = 128

    private static let descriptor = Atomic<Int32>(-1)
    // Made once by `install`, never freed; all access is atomic.
    nonisolated(unsafe) private static let ids: UnsafeMutablePointer<Atomic<Int64>> = {
        let ids = UnsafeMutablePointer<Atomic<Int64>>.allocate(capacity: places)
        for index in 0..<places { (ids + index).initialize(to: Atomic(0)) }
        return ids
    }()

    /// Notes that a job runs whose start may be deadly.
    package static func add(_ job: Int64) {
        for index in 0..<places
        where (ids + index).pointee.compareExchange(expected: 0, desired: job, ordering: .relaxed).exchanged {
            return
        }
    }

    /// The job has come to a checkpoint, or runs no more.
    package static func remove(_ job: Int64) {
        for index in 0..<places { _ = (ids + index).pointee.compareExchange(expected: job, desired: 0, ordering: .relaxed) }
    }

    /// The jobs that had just been started when the last process died of a fault; forgets them. Blocks.
    package static func take(_ path: String) -> [Int64] {
        var bytes = [UInt8](repeating: 0, count: places * 8)
        guard let file = try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow]) else { return [] }
        defer {
            try? file.close()
            unlink(path)
        }
        let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
        return (0..<count / 8).map { index in
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 8, as: Int64.self) }
        }.filter { $0 > 0 }
    }

    /// Opens the file and installs the handlers. Blocks.
    package static func install(_ path: String) throws(ServiceError) {
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
            descriptor.store(file.rawValue, ordering: .releasing)
        } catch {
            throw ServiceError("cannot open \(path): \(ServiceError.words(error))")
        }
        _ = ids
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { CrashNote.handle($0) }
        // Once: raised again, the signal ends the process, with a core if the system wants one.
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER | SA_ONSTACK
        for signal in signals { sigaction(signal, &action, nil) }
    }

    private static func handle(_ signal: Int32) {
        let file = descriptor.load(ordering: .acquiring)
        _ = write(file, UnsafeRawPointer(ids), places * 8)
        raise(signal)
    }
}
