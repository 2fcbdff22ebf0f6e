import Dispatch
import Glibc
package import NIOCore
import NIOPosix
import PacketIO
import Synchronization

/// Asks those who answer nobody by themselves, such as event loops and pools, for a sign of life, and knows who has given none.
package final class Watchdog: Sendable {
    /// One who is asked.
    package struct Member: Sendable {
        let name: String
        /// Has the sign given, when it is its turn.
        let ask: @Sendable (_ answer: @escaping @Sendable () -> Void) -> Void
        /// Whether it is silent because it has much to do.
        let isBusy: @Sendable () -> Bool
        /// When it was asked without an answer so far, ns; 0 when it has answered.
        fileprivate let asked = Asked()

        package init(
            _ name: String, isBusy: @escaping @Sendable () -> Bool = { false },
            ask: @escaping @Sendable (_ answer: @escaping @Sendable () -> Void) -> Void
        ) {
            self.name = name
            self.ask = ask
            self.isBusy = isBusy
        }
    }

    fileprivate final class Asked: Sendable {
        let time = Atomic<Int64>(0)
    }

    private let members: [Member]

    package init(_ members: [Member]) {
        self.members = members
    }

    /// All of the daemon's: event loops, pools, the main thread.
    package convenience init(eventLoops: [any EventLoop]) {
        var members = eventLoops.map { loop in Member("an event loop") { answer in loop.execute(answer) } }
        for (name, pool) in [("work", WorkPools.work), ("requests", WorkPools.requests.pool)] {
            // Which work takes how long is known to nobody: threads that compute or wait for a disk do not hang.
            members.append(
                Member("the pool \(name)", isBusy: { ThreadState.all(called: name).contains(where: \.isAtWork) }) { answer in
                    pool.submit { _ in answer() }
                })
        }
        members.append(Member("the main thread") { answer in DispatchQueue.main.async { Self.waitForMain(answer) } })
        self.init(members)
    }

    /// Answers as soon as the main thread is not stopped. It sleeps, while others run what is left to it: so it gives no sign by itself.
    private static func waitForMain(_ answer: @escaping @Sendable () -> Void) {
        guard let state = ThreadState(task: "/proc/self/task/\(getpid())"), state.isStopped else { return answer() }
        DispatchQueue.main.asyncAfter(deadline: .now() + 1) { waitForMain(answer) }
    }

    /// Asks those who have answered the last time. Returns at once.
    package func ask() {
        for member in members {
            let asked = member.asked
            guard asked.time.compareExchange(expected: 0, desired: SteadyClock.nanoseconds(), ordering: .relaxed).exchanged else {
                continue
            }
            member.ask { asked.time.store(0, ordering: .relaxed) }
        }
    }

    /// Who has not answered for `nanoseconds`, and is not busy.
    package func silent(for nanoseconds: Int64) -> [String] {
        let now = SteadyClock.nanoseconds()
        return members.filter { member in
            let asked = member.asked.time.load(ordering: .relaxed)
            return asked != 0 && now - asked > nanoseconds && !member.isBusy()
        }.map(\.name)
    }
}

/// What a thread of this process is doing, as the kernel tells it (proc_pid_stat(5), proc_pid_syscall(5)).
struct ThreadState: Sendable {
    /// `R`, `S`, `D`, `t` …
    let letter: Character
    /// The system call that it waits in; nil when it waits in none, or the kernel does not tell.
    let call: Int?

    /// Computes, or waits for a disk.
    var isAtWork: Bool { letter == "R" || letter == "D" }
    /// Does not go on, because a tracer or a signal has stopped it.
    var isStopped: Bool { letter == "t" || letter == "T" }
    /// Waits in the kernel for something that is no other thread.
    var waitsForKernel: Bool { letter == "D" || letter == "S" && call.map { $0 != Self.futex } ?? false }

    /// The number of futex(2), by which threads wait for each other.
    #if arch(x86_64)
        private static let futex = 202
    #else
        private static let futex = 98
    #endif

    init?(task: String) {
        guard let stat = Self.text("\(task)/stat"), let end = stat.lastIndex(of: ")"),
            let letter = stat[end...].dropFirst(2).first
        else { return nil }
        self.letter = letter
        call = Self.text("\(task)/syscall")?.split(separator: " ").first.flatMap { Int($0) }
    }

    /// Of all threads of a name, which may have a number behind it.
    static func all(called name: String) -> [ThreadState] {
        guard let folder = opendir("/proc/self/task") else { return [] }
        defer { closedir(folder) }
        var states: [ThreadState] = []
        while let entry = readdir(folder) {
            let number = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            let task = "/proc/self/task/\(number)"
            guard Self.text("\(task)/comm")?.hasPrefix(name) == true, let state = ThreadState(task: task) else { continue }
            states.append(state)
        }
        return states
    }

    private static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
