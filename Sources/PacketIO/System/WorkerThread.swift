import CLinux
import Glibc

/// A plain thread outside Swift's cooperative pool, for loops that block.
package final class WorkerThread: Sendable {
    // pthread_t is an integer that only this object uses, once, in join() or detach().
    private let thread: pthread_t

    /// Starts `body` on a thread called `name` (at most 15 bytes show up in ps). Signals are left to the other threads,
    /// but for those of the thread's own faults: blocked, they would end the process without their handlers.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(EngineError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        var blocked = sigset_t()
        var previous = sigset_t()
        sigfillset(&blocked)
        for fault in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] { sigdelset(&blocked, fault) }
        pthread_sigmask(SIG_SETMASK, &blocked, &previous)
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                _ = clinux_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        pthread_sigmask(SIG_SETMASK, &previous, nil)
        guard code == 0 else {
            start.release()
            throw EngineError(.device, "cannot start the thread \(name): \(String(cString: strerror(code)))")
        }
        self.thread = thread
    }

    /// How late this thread's timers may be, so that several go off together (PR_SET_TIMERSLACK, prctl(2)).
    package static func setTimerSlack(nanoseconds: UInt) {
        _ = clinux_set_timer_slack(nanoseconds)
    }

    /// Lets another thread have this processor (sched_yield(2)).
    package static func yield() { sched_yield() }

    /// Waits for the end of the thread. Call this or `detach`, once.
    package func join() {
        pthread_join(thread, nil)
    }

    /// Lets the thread's stack go with its end, which nobody waits for. Call this or `join`, once.
    package func detach() {
        pthread_detach(thread)
    }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = String(decoding: name.utf8.prefix(15), as: UTF8.self)
            self.body = body
        }
    }
}
