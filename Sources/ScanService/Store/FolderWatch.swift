import Glibc
import PacketIO

/// Wakes a thread when a name comes into a folder or goes from it (inotify(7)). An idle folder costs nothing. Used by one thread.
struct FolderWatch: ~Copyable {
    private let descriptor: Int32
    /// False where the folder cannot be watched, or has gone itself.
    private(set) var isWatching: Bool

    init(_ directory: String) {
        descriptor = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        let news = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF
        isWatching = descriptor >= 0 && inotify_add_watch(descriptor, directory, UInt32(news)) >= 0
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Waits for news, for `wake`, or for so long.
    mutating func wait(_ wake: WakeEvent, nanoseconds: Int64) {
        var entries = [
            pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: isWatching ? descriptor : -1, events: Int16(POLLIN), revents: 0),
        ]
        let milliseconds = nanoseconds == .max ? -1 : Int32(clamping: nanoseconds / 1_000_000)
        guard poll(&entries, nfds_t(entries.count), milliseconds) > 0 else { return }
        if entries[0].revents != 0 { wake.clear() }
        if entries[1].revents != 0 { drain() }
    }

    /// Which names came or went is not read: whoever waits looks for itself, and so nothing is missed when there was too much news.
    private mutating func drain() {
        var events = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &events, events.count)
            guard count > 0 else { return }
            events.withUnsafeBytes { bytes in
                var place = 0
                while place + MemoryLayout<inotify_event>.size <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: place, as: inotify_event.self)
                    // Whoever goes, or is told that nothing is watched any more, is not here.
                    if event.mask & UInt32(IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) != 0 { isWatching = false }
                    place += MemoryLayout<inotify_event>.size + Int(event.len)
                }
            }
        }
    }
}
