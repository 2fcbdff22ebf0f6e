package import ScanAPI
package import ScanEngine
import Synchronization

/// The one place that stops all sending and lets it go on: the brake, and the mark that keeps it on across restarts, never apart.
package final class HaltSwitch: Sendable {
    private let mark: HaltMark
    private let brake: Brake
    private let state: Mutex<Halt?>

    /// Puts the brake as the mark says. Blocks.
    package init(mark: HaltMark, brake: Brake) {
        self.mark = mark
        self.brake = brake
        let halt = mark.read()
        state = Mutex(halt)
        brake.set(halt != nil)
    }

    /// Who stopped all sending; nil when nobody did.
    package var halt: Halt? { state.withLock { $0 } }

    /// Stops all sending, at once and then for good; a halt that there is already stays. Blocks. Throws when it would not outlast a restart.
    package func stop(_ new: Halt) throws(ServiceError) {
        // Before anybody who holds the lock is waited for.
        brake.set(true)
        try state.withLock { state throws(ServiceError) in
            brake.set(true)
            let halt = state ?? new
            state = halt
            try mark.set(halt)
        }
    }

    /// Lets packets leave again. Blocks. Throws, with nothing changed, when the mark stays.
    package func release() throws(ServiceError) {
        try state.withLock { state throws(ServiceError) in
            try mark.clear()
            state = nil
            brake.set(false)
        }
    }
}
