import Glibc
package import Logging
package import ScanAPI
import ScanEngine
import Synchronization
import SystemPackage

/// What somebody asked for and what became of it.
package struct AuditEntry: Sendable {
    package var peer: Peer?
    package var role: Role?
    /// As in the command line; for a path that stands for nothing, method and path.
    package var command: String
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
package final class AuditLog: Sendable {
    private struct State {
        var file: FileDescriptor
        var isFailing = false
    }

    package let path: String
    private let state: Mutex<State>
    private let logger: Logger

    /// Opens the file, making it if it is not there: 0600. Never follows a symbolic link.
    package init(path: String, logger: Logger) throws(ServiceError) {
        self.path = path
        self.logger = logger
        state = Mutex(State(file: try Self.open(path)))
    }

    deinit {
        state.withLock { try? $0.file.close() }
    }

    private static func open(_ path: String) throws(ServiceError) -> FileDescriptor {
        do {
            let file = try FileDescriptor.open(
                path, .readWrite, options: [.append, .create, .closeOnExec, .noFollow, .nonBlocking], permissions: .ownerReadWrite)
            var status = stat()
            guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG, fchmod(file.rawValue, 0o600) == 0 else {
                try? file.close()
                throw ServiceError("the audit log \(path) is not a regular file of this user's")
            }
            // What a power loss has left of a line is no beginning for the next.
            if try ResultsLog.tail(of: file, before: Int64(status.st_size)).last ?? UInt8(ascii: "\n") != UInt8(ascii: "\n") {
                _ = try file.writeAll([UInt8(ascii: "\n")])
            }
            return file
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("cannot open the audit log \(path): \(ServiceError.words(error))")
        }
    }

    /// Goes on in a new file where this one has been renamed. Blocks.
    package func reopen() throws(ServiceError) {
        let next = try Self.open(path)
        let old = state.withLock { state in
            defer { state.file = next }
            return state.file
        }
        try? old.close()
    }

    /// Appends the entry. What the file does not take goes to the daemon's own log, so that it is kept somewhere.
    package func write(_ entry: AuditEntry) {
        let line = Self.line(entry, at: Timestamp(microseconds: WallClock.microseconds()))
        let failure = state.withLock { state -> (code: Errno, isFirst: Bool)? in
            var before = stat()
            fstat(state.file.rawValue, &before)
            // One call, so that lines never mix.
            let count = Glibc.write(state.file.rawValue, line, line.count)
            let code = count == line.count ? nil : Errno(rawValue: count < 0 ? errno : ENOSPC)
            if count > 0, code != nil { ftruncate(state.file.rawValue, before.st_size) }
            defer { state.isFailing = code != nil }
            return code.map { ($0, !state.isFailing) }
        }
        guard let failure else { return }
        if failure.isFirst { logger.error("The audit log \(path) takes no lines (\(failure.code)): they stand here until it does.") }
        logger.notice("audit \(String(decoding: line.dropLast(), as: UTF8.self))")
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
