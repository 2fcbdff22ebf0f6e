/// Keeps requests that change nothing from filling the audit log: what of a kind comes faster than a line a second is counted. Any thread.
final class AuditBrake: Sendable {
    private struct Kind: Hashable {
        let uid: UInt32
        /// Empty for what is no command: there are as many as anybody likes.
        let command: String
        let status: Int
    }

    private let brake: LineBrake<Kind, AuditEntry>

    init(_ audit: AuditLog) {
        brake = LineBrake(burst: 100, perSecond: 1) { entry, more in audit.note(Self.telling(more, in: entry)) }
    }

    /// The entry as it is to be written; nil when it is counted instead. Whatever changes something has a line of its own, and so has all that root asks; of
    /// the rest a user writes no more than so much.
    func braked(_ entry: AuditEntry) -> AuditEntry? {
        guard let peer = entry.peer, !peer.isRoot, entry.isReading || entry.status >= 400 else { return entry }
        let kind = Kind(uid: peer.uid, command: entry.isKnown ? entry.command : "", status: entry.status)
        return brake.take(entry, of: kind).map { Self.telling($0, in: entry) }
    }

    private static func telling(_ more: Int, in entry: AuditEntry) -> AuditEntry {
        var entry = entry
        entry.reason = LineBrake<Kind, AuditEntry>.words(entry.reason, more: more)
        return entry
    }

    /// Writes what was left out of the audit log and not told yet.
    func end() {
        brake.flush()
    }
}
