import Synchronization

/// Stops the sending of all runs at once, and lets it go on. The transmit threads look at it before every batch.
package final class Brake: Sendable {
    private let held = Atomic<Bool>(false)

    package init() {}

    /// True while nothing may leave. Any thread.
    @inline(__always)
    package var isOn: Bool { held.load(ordering: .acquiring) }

    package func set(_ isOn: Bool) { held.store(isOn, ordering: .releasing) }
}
