import PacketIO
import ScanCore
import ScanEngine
import Synchronization

/// Has names looked up on threads of its own, which can hang for as long as the resolver likes and cannot be called back.
///
/// A user may hold as many threads as are left free, and root some that nobody else gets: whoever comes next finds one. What waits goes in turns,
/// user by user. Any thread.
final class LookupDesk: Sendable {
    typealias Work = @Sendable () -> Void

    static let shared = LookupDesk(threads: 64)

    private struct Item {
        let ticket: Int
        let work: Work
    }

    private struct State {
        /// What waits, by user. `turns` are these users, whose turn it is first.
        var waiting: [UInt32: ArraySlice<Item>] = [:]
        var turns: [UInt32] = []
        var held: [UInt32: Int] = [:]
        var nextTicket = 0
    }

    /// How many threads all users but root may hold, and how many root may.
    private let threads: Int
    private static let rootThreads = 16
    private static let root: UInt32 = 0
    private let state = Mutex(State())

    init(threads: Int) {
        self.threads = threads
    }

    /// Has all of it done, for this user; what has not begun can be called back by the ticket.
    func submit(_ works: [Work], for uid: UInt32) -> Int {
        let ticket = state.withLock { state in
            state.nextTicket &+= 1
            let ticket = state.nextTicket
            if state.waiting[uid] == nil { state.turns.append(uid) }
            state.waiting[uid, default: []] += works.map { Item(ticket: ticket, work: $0) }
            return ticket
        }
        while let (uid, work) = state.withLock({ next(&$0) }) {
            guard let thread = try? WorkerThread("names", { self.work(work, uid) }) else {
                // Whoever waits for this one is told after a while that it did not resolve.
                state.withLock { Self.giveBack(uid, &$0) }
                break
            }
            thread.detach()
        }
        return ticket
    }

    /// Forgets what has not begun.
    func cancel(_ ticket: Int) {
        state.withLock { state in
            for uid in state.turns {
                state.waiting[uid]?.removeAll { $0.ticket == ticket }
                if state.waiting[uid]?.isEmpty == true { Self.leave(uid, &state) }
            }
        }
    }

    /// A thread's life: this, and whatever may be done after it.
    private func work(_ first: Work, _ uid: UInt32) {
        var (uid, work) = (uid, first)
        while true {
            work()
            let next = state.withLock { state in
                Self.giveBack(uid, &state)
                return self.next(&state)
            }
            guard let next else { return }
            (uid, work) = next
        }
    }

    /// Takes a thread for the first in turn who may hold one more.
    private func next(_ state: inout State) -> (UInt32, Work)? {
        guard let place = state.turns.firstIndex(where: { mayHoldOneMore($0, state) }) else { return nil }
        let uid = state.turns[place]
        guard let item = state.waiting[uid]?.popFirst() else { return nil }
        state.held[uid, default: 0] += 1
        state.turns.remove(at: place)
        if state.waiting[uid]?.isEmpty == true { state.waiting[uid] = nil } else { state.turns.append(uid) }
        return (uid, item.work)
    }

    private func mayHoldOneMore(_ uid: UInt32, _ state: State) -> Bool {
        let own = state.held[uid, default: 0]
        if uid == Self.root { return own < Self.rootThreads }
        let all = state.held.values.reduce(0, +) - state.held[Self.root, default: 0]
        return own < threads - all
    }

    private static func giveBack(_ uid: UInt32, _ state: inout State) {
        let held = state.held[uid, default: 1] - 1
        state.held[uid] = held > 0 ? held : nil
    }

    private static func leave(_ uid: UInt32, _ state: inout State) {
        state.waiting[uid] = nil
        state.turns.removeAll { $0 == uid }
    }
}
