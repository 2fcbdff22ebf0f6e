import Glibc
package import Logging

/// Writes log messages to standard error, one line each; with a `<N>` priority in front when that is the journal (sd-daemon(3)).
package struct JournalLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level = .info
    private let isJournal: Bool

    /// systemd sets JOURNAL_STREAM where standard error leads to the journal.
    package init() {
        self.init(isJournal: getenv("JOURNAL_STREAM") != nil)
    }

    package init(isJournal: Bool) {
        self.isJournal = isJournal
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let bytes = Array(line(event.level, "\(event.message)\(details)").utf8)
        Self.write(bytes)
    }

    /// One call, so that lines of several threads do not mix. There is nowhere to report a failure to, and nobody waits for a journal that takes nothing,
    /// because its own disk is stuck: such lines are lost.
    private static func write(_ bytes: [UInt8]) {
        if send(STDERR_FILENO, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0 || errno != ENOTSOCK { return }
        var entry = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        if poll(&entry, 1, 0) > 0 { _ = Glibc.write(STDERR_FILENO, bytes, bytes.count) }
    }

    /// The message as one line: what could break out of it, or turn it around, is replaced.
    package func line(_ level: Logger.Level, _ message: String) -> String {
        let plain = String(String.UnicodeScalarView(message.unicodeScalars.map { Self.isHarmful($0) ? " " : $0 }))
        return (isJournal ? "<\(Self.priority(level))>" : "synscand: ") + plain + "\n"
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        [.control, .format, .lineSeparator, .paragraphSeparator].contains(scalar.properties.generalCategory)
    }

    /// syslog(3)
    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }
}
