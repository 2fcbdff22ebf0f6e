import Synchronization

/// What callers hold of one resource, such as connections, requests in work or bytes: each user at most so much, all of them together at most so much.
/// Root counts by itself, so that nobody can take its share. Any thread; nothing is waited for.
package final class CallerShares: Sendable {
    private struct State {
        var held: [UInt32: Int] = [:]
        /// Of all but root.
        var total = 0
    }

    private let each: Int
    private let all: Int
    private let state = Mutex(State())

    package init(each: Int, all: Int) {
        self.each = max(0, each)
        self.all = max(0, all)
    }

    /// Takes so much for a user; false, with nothing taken, when that is more than is left of the user's own share or, root apart, of all.
    package func take(_ amount: Int = 1, by uid: UInt32) -> Bool {
        take(amount, by: uid, atMost: each)
    }

    /// The same for one whose own share is `most`.
    package func take(_ amount: Int, by uid: UInt32, atMost most: Int) -> Bool {
        state.withLock { state in
            let held = state.held[uid, default: 0]
            guard amount >= 0, amount <= most - held, uid == 0 || amount <= all - state.total else { return false }
            state.held[uid] = held + amount
            if uid != 0 { state.total += amount }
            return true
        }
    }

    /// Gives back what was taken, all of it or a part.
    package func giveBack(_ amount: Int = 1, by uid: UInt32) {
        state.withLock { state in
            let held = state.held[uid, default: 0]
            let returned = min(max(0, amount), held)
            state.held[uid] = returned == held ? nil : held - returned
            if uid != 0 { state.total -= returned }
        }
    }

    /// How much a user holds.
    package func held(by uid: UInt32) -> Int { state.withLock { $0.held[uid, default: 0] } }
}
