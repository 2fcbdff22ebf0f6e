import Glibc

/// Keeps files and sockets from becoming standard input, output or error where those were closed (`>&-`).
package enum StandardDescriptors {
    /// Call before anything is opened. A gap is filled with `/dev/null` opened the wrong way round, so that using it fails as it should.
    package static func fillGaps() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is taken: this one, since those below it are open by now.
            _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
