import ScanAPI
import ScanEngine
import ScanFiles
import Synchronization

/// Reads the configuration file again while the daemon runs, and puts it in force as a whole or not at all.
final class Reloader: Sendable {
    private let settings: Settings
    private let path: String
    private let scope: ScopeGuard
    /// One reload at a time.
    private let turn = Mutex(())

    init(settings: Settings, path: String, scope: ScopeGuard) {
        self.settings = settings
        self.path = path
        self.scope = scope
    }

    /// What has changed. Blocks. Throws `FileFault`, with nothing changed, when the file or a deny file is not in order.
    func reload() throws(FileFault) -> Reload {
        try turn.withLock { _ throws(FileFault) in
            let new = try Configuration.load(path)
            let old = settings.current
            let changes = old.changes(to: new)
            let applied = new.applied(over: old)
            // The transmit threads ask before every batch.
            scope.replace(allowed: applied.scope.allowed)
            settings.replace(by: applied)
            return changes
        }
    }
}
