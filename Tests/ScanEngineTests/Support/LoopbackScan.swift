import Glibc
import PacketIO
import ScanCore
import ScanEngine
import ScanTargets
import Synchronization
import TestSupport
import Testing

/// A scan of loopback addresses in the calling thread's namespace.
struct LoopbackScan {
    var specification: ScanSpecification
    let ways: Ways
    let ports: SourcePortBlock
    let scope: ScopeGuard
    let brake = Brake()
    var links = LinkPool()
    /// What has been recorded since the checkpoint that a run goes on from.
    var answered: [(target: Endpoint, state: TargetState)] = []

    init(
        hosts: [String], ports: String, endpoints: [Endpoint] = [], rate: Int = 200_000, retries: Int = 0,
        recorded: Set<TargetState> = [.open, .closed], seed: UInt64 = 1
    ) throws {
        let selection = TargetSelection(
            hosts: AddressSet(try hosts.map { try #require(AddressRange($0)) }), ports: try #require(PortSet(ports)), endpoints: endpoints)
        var generator = SeededGenerator(seed: seed)
        specification = ScanSpecification(
            selection: selection, key: generator.key(), rate: rate, retries: retries, tcpOptions: .mss, recorded: recorded)
        ways = try RoutePlanner.ways(to: RouteQuestion(selection))
        self.ports = try SourcePortBlock.reserve(in: 61_000...65_535, preferring: nil, avoiding: [])
        scope = ScopeGuard(allowed: selection.addresses)
    }

    struct Result {
        var end: ScanEnd
        var counters: ScanCounters
        /// Where a run that was stopped goes on; nil for one that has finished.
        var checkpoint: ScanCheckpoint?
    }

    /// Runs to the end, at most a minute. `meanwhile` gets the run once it has started.
    func run(
        into sink: RecordingSink, resuming checkpoint: ScanCheckpoint? = nil, meanwhile: (ScanRun) throws -> Void = { _ in }
    ) throws -> Result {
        let run = try ScanRun(
            specification, ways: ways, ports: ports, scope: scope, brake: brake, captures: CaptureReserve(), links: links,
            sink: sink, resuming: checkpoint, answered: answered)
        let done = try WakeEvent()
        let end = Ending()
        try run.start {
            end.value.withLock { [ended = $0] in $0.append(ended) }
            done.signal()
        }
        try meanwhile(run)
        if !done.wait(nanoseconds: 60_000_000_000) {
            run.stop()
            Issue.record("the scan did not end within a minute: \(run.counters)")
            _ = done.wait(nanoseconds: 5_000_000_000)
        }
        let ends = end.value.withLock { $0 }
        var result = Result(end: try #require(ends.first), counters: run.counters)
        switch result.end {
        case .finished: break
        case .stopped(let last), .failed(_, let last):
            if let last { sink.keep(last) }
            result.checkpoint = sink.checkpoint
        }
        return result
    }

    private final class Ending: Sendable {
        let value = Mutex<[ScanEnd]>([])
    }

    /// Looks every millisecond until `condition` holds, for ten seconds at most.
    static func wait(until condition: () -> Bool) {
        let end = SteadyClock.nanoseconds() + 10_000_000_000
        while !condition() {
            guard SteadyClock.nanoseconds() < end else {
                Issue.record("what the test waits for does not happen")
                return
            }
            usleep(1000)
        }
    }

    static func isFinished(_ end: ScanEnd) -> Bool {
        if case .finished = end { true } else { false }
    }
}

extension ScanCounters {
    /// The account balances: every target is in one state.
    var isBalanced: Bool { targets == open + closed + filtered + down + untested }
}
