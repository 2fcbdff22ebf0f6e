import Glibc
import ScanClient

/// A job file on disk.
struct TemporaryJobFile {
    let path: String

    init(_ text: String, mode: mode_t = 0o600) throws {
        path = "/tmp/synscan-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).toml"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw ClientError.usage(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        let count = write(descriptor, text, text.utf8.count)
        // Not left to the umask.
        guard count == text.utf8.count, fchmod(descriptor, mode) == 0 else { throw ClientError.usage(String(cString: strerror(errno))) }
    }

    func remove() {
        unlink(path)
    }
}
