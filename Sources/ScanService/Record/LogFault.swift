import SystemPackage

/// What keeps the results log from taking lines.
enum LogFault: Error, Sendable, Equatable {
    /// The system says no; tried again every second.
    case system(Errno)
    // The file is not what it was, so lines would be lost: an administrator has to see to it.
    case deleted, replaced, truncated, rewritten

    /// Whether it ends only with `synscan reopen`.
    var isHeld: Bool {
        if case .system = self { false } else { true }
    }

    /// What happened to the log, as a clause.
    var words: String {
        switch self {
        case .system(let code): "\(code)"
        case .deleted: "was deleted"
        case .replaced: "was replaced by another file"
        case .truncated: "was cut off by somebody (logrotate's copytruncate does that: rename it instead)"
        case .rewritten: "was rewritten by somebody"
        }
    }

    /// Why results wait.
    func obstacle(_ path: String) -> Obstacle {
        guard isHeld else { return Obstacle(.space, FreeSpace.words("\(path): \(words)")) }
        return Obstacle(.log, "the results log \(path) \(words): nothing is lost, and synscan reopen goes on with it")
    }
}
