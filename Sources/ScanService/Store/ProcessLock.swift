import Glibc
import SystemPackage

/// A lock file that one process holds as long as it lives (flock(2)); it carries that process's id.
package final class ProcessLock: Sendable {
    // The descriptor is closed once, in deinit: that runs also where the initialiser throws behind this.
    private let file: FileDescriptor

    /// Takes the lock. `what` names what it protects, for the error that another daemon's lock gives.
    package init(_ path: String, protecting what: String) throws(ServiceError) {
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec, .noFollow], permissions: [.ownerReadWrite])
        } catch {
            throw ServiceError("cannot open the lock file \(path): \(ServiceError.words(error))")
        }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            let code = Errno(rawValue: errno)
            let holder = Self.holder(file)
            guard code == .wouldBlock else { throw ServiceError("cannot lock \(path): \(code)") }
            throw ServiceError(
                "\(what) belongs to another synscand, process \(holder): stop that one, or give this one a configuration of its own")
        }
        let text = "\(getpid())\n"
        _ = ftruncate(file.rawValue, 0)
        _ = try? file.writeAll(toAbsoluteOffset: 0, text.utf8)
    }

    deinit {
        try? file.close()
    }

    private static func holder(_ file: FileDescriptor) -> String {
        var text = [UInt8](repeating: 0, count: 16)
        let count = (try? text.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }) ?? 0
        let digits = text.prefix(count).prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        return digits.isEmpty ? "unknown" : String(decoding: digits, as: UTF8.self)
    }
}
