import Synchronization

/// The configuration in force: read by all parts whenever they need it, replaced as a whole by a reload.
package final class Settings: Sendable {
    private let configuration: Mutex<Configuration>

    package init(_ configuration: Configuration) {
        self.configuration = Mutex(configuration)
    }

    package var current: Configuration { configuration.withLock { $0 } }

    package func replace(by new: Configuration) { configuration.withLock { $0 = new } }
}
