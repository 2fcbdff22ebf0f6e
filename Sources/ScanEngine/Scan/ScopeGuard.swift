package import ScanTargets
import Synchronization

/// The addresses that may be probed right now. The transmit thread asks before every probe; others may replace the set at any time.
package final class ScopeGuard: Sendable {
    private let allowed: Mutex<AddressSet>
    private let version = Atomic<Int>(0)

    package init(allowed: AddressSet) {
        self.allowed = Mutex(allowed)
    }

    package func replace(allowed set: AddressSet) {
        allowed.withLock { $0 = set }
        version.add(1, ordering: .releasing)
    }

    /// Grows with every replacement.
    var currentVersion: Int { version.load(ordering: .acquiring) }

    package var current: AddressSet { allowed.withLock { $0 } }
}
