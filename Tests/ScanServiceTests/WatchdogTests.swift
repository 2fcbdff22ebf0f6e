import ScanService
import Synchronization
import Testing

@Suite("The watchdog")
struct WatchdogTests {
    @Test("Who was asked and has not answered is silent, unless it is busy; who answers late is well again")
    func silence() {
        let late = Mutex<(@Sendable () -> Void)?>(nil)
        let asked = Mutex(0)
        let watchdog = Watchdog([
            .init("well") { answer in answer() },
            .init("busy", isBusy: { true }) { _ in },
            .init("late") { answer in
                asked.withLock { $0 += 1 }
                late.withLock { $0 = answer }
            },
        ])
        #expect(watchdog.silent(for: 0) == [])
        watchdog.ask()
        #expect(watchdog.silent(for: -1) == ["late"] && watchdog.silent(for: 1_000_000_000_000) == [])
        // Who has not answered is not asked again: its silence counts from the first time.
        watchdog.ask()
        #expect(asked.withLock { $0 } == 1)
        late.withLock { $0 }?()
        #expect(watchdog.silent(for: -1) == [])
        watchdog.ask()
        #expect(asked.withLock { $0 } == 2)
    }
}
