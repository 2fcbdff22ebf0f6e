import Glibc
package import Logging
import PacketIO
package import ScanAPI
import Synchronization
import SystemPackage

/// What somebody asked for and what became of it.
package struct AuditEntry: Sendable {
    package var peer: Peer?
    package var role: Role?
    /// As in the command line; for a path that stands for nothing, method and path.
    package var command: String
    /// Whether the path stands for a command, and whether that is one that changes nothing.
    package var isKnown = false
    package var isReading = false
    package var job: Int64?
    package var targets: [String] = []
    package var status = 0
    /// Why it was refused.
    package var reason: String?

    package init(command: String) {
        self.command = command
    }
}

/// One line of JSON for each request, done or refused; readable for root alone.
///
/// A thread of its own writes the lines, so that a disk keeps nobody waiting. What waits for it is bounded, for each user and for all: a request that finds
/// no room for its line is not to be done.
package final class AuditLog: Sendable {
    package let path: String
    private let queue: AuditQueue
    private let thread: WorkerThread
    /// Lines that wait or will come: so many of one user, so many in all.
    private let room = CallerShares(each: 1024, all: 8192)

    /// How long an answer waits for its line, and the end of the daemon for the last ones.
    private static let patience = Duration.seconds(1)
    private static let lastPatience: Int64 = 2_000_000_000
    /// A reopening that a disk keeps waiting longer is told so.
    private static let reopenLimit = Duration.seconds(10)
    /// What root's lines may take besides, for what must not be refused.
    private static let reserve = 1024
    /// Bytes; of a longer line only the beginnings are kept.
    private static let longestLine = 4096

    /// Opens the file, making it if it is not there: 0600. Never follows a symbolic link. Blocks.
    package init(path: String, logger: Logger) throws(ServiceError) {
        self.path = path
        do {
            let queue = try AuditQueue()
            let writer = AuditWriter(path: path, file: try AuditWriter.open(path), queue: queue, logger: logger)
            thread = try WorkerThread("audit") { writer.run() }
            self.queue = queue
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("the audit log cannot be kept: \(error)")
        }
    }

    /// Waits for the last lines, but not for a disk that does not take them.
    deinit {
        queue.close()
        if queue.finished.wait(nanoseconds: Self.lastPatience) { thread.join() } else { thread.detach() }
    }

    /// Keeps room for the line of a request that is about to be done; false when there is none. `write` or `note` gives it back.
    package func reserve(for uid: UInt32) -> Bool { room.take(1, by: uid) }

    /// Gives that room back, of a request that has no line of its own.
    package func giveBack(for uid: UInt32) { room.giveBack(1, by: uid) }

    /// Appends the line for which there is room, and returns when the file has it, or after a second at most.
    package func write(_ entry: AuditEntry) async {
        let (stream, end) = AsyncStream.makeStream(of: Void.self)
        put(entry) { end.finish() }
        let patience = Task {
            try? await Task.sleep(for: Self.patience)
            end.finish()
        }
        for await _ in stream {}
        patience.cancel()
    }

    /// Appends a line for which no room was kept: of what is never refused, or was not a request. Where there is no room at all it is counted, and the
    /// count is written. Returns at once. Any thread.
    package func note(_ entry: AuditEntry) {
        let uid = entry.peer?.uid ?? 0
        let most = uid == 0 ? 2 * Self.reserve : Self.reserve
        guard room.take(1, by: uid, atMost: most) else { return queue.countUnwritten() }
        put(entry) {}
    }

    /// Counts a request that was refused because there was no room for its line.
    package func noteRefused() { queue.countUnwritten() }

    private func put(_ entry: AuditEntry, _ done: @escaping @Sendable () -> Void) {
        let uid = entry.peer?.uid ?? 0
        let line = Self.bounded(entry, at: Timestamp(microseconds: WallClock.microseconds()))
        queue.put(
            .line(line) { [room] in
                room.giveBack(1, by: uid)
                done()
            })
    }

    /// Goes on in a new file where this one has been renamed; what was written so far is safe in the old one. Throws what keeps it from that.
    package func reopen() async throws {
        let (stream, end) = AsyncStream.makeStream(of: Result<Void, ServiceError>.self)
        queue.put(.reopen { end.yield($0) })
        let patience = Task {
            try await Task.sleep(for: Self.reopenLimit)
            end.yield(.failure(ServiceError("the disk of the audit log \(path) does not answer; it is reopened when it does")))
        }
        defer { patience.cancel() }
        for await outcome in stream { return try outcome.get() }
    }

    /// The line, of which only the beginnings are kept where it is too long.
    private static func bounded(_ entry: AuditEntry, at time: Timestamp) -> [UInt8] {
        let whole = line(entry, at: time)
        guard whole.count > longestLine else { return whole }
        var short = entry
        short.command = beginning(entry.command)
        short.reason = entry.reason.map(beginning)
        short.targets = entry.targets.map(beginning)
        while line(short, at: time).count > longestLine, !short.targets.isEmpty { short.targets.removeLast() }
        return line(short, at: time)
    }

    /// In characters of which each takes six bytes at most.
    private static func beginning(_ text: String) -> String {
        let scalars = text.unicodeScalars
        return scalars.count > 200 ? String(String.UnicodeScalarView(scalars.prefix(200))) + "…" : text
    }

    /// `v time uid pid role command job targets verdict status reason`, absent values left out.
    package static func line(_ entry: AuditEntry, at time: Timestamp) -> [UInt8] {
        var line = LineBuffer()
        line.append("{\"v\":1,\"time\":")
        line.append(quoted: time.description)
        if let peer = entry.peer {
            line.append(",\"uid\":")
            line.append(peer.uid)
            line.append(",\"pid\":")
            line.append(peer.pid)
        }
        if let role = entry.role {
            line.append(",\"role\":")
            line.append(quoted: role.rawValue)
        }
        line.append(",\"command\":")
        line.append(quoted: entry.command)
        if let job = entry.job {
            line.append(",\"job\":")
            line.append(job)
        }
        if !entry.targets.isEmpty {
            line.append(",\"targets\":[")
            for (index, target) in entry.targets.enumerated() {
                if index > 0 { line.append(",") }
                line.append(quoted: target)
            }
            line.append("]")
        }
        line.append(",\"verdict\":")
        line.append(quoted: entry.status < 400 ? "allowed" : "refused")
        line.append(",\"status\":")
        line.append(entry.status)
        if let reason = entry.reason {
            line.append(",\"reason\":")
            line.append(quoted: reason)
        }
        line.append("}\n")
        return line.bytes
    }
}
