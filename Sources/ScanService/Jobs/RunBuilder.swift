import Glibc
import Logging
import NIOPosix
import PacketIO
import ScanAPI
import ScanCore
import ScanEngine
import ScanTargets

/// Sets runs up: ways, source ports, links and captures. Everything here blocks for some milliseconds.
struct RunBuilder: Sendable {
    let settings: Settings
    let store: Store
    let recorder: Recorder
    let scope: ScopeGuard
    let brake: Brake
    private let captures = CaptureReserve()
    private let links: LinkPool
    /// The group of the socket, whose members are operators.
    let socketGroup: UInt32?

    init(settings: Settings, store: Store, recorder: Recorder, scope: ScopeGuard, brake: Brake, links: LinkPool) {
        self.settings = settings
        self.store = store
        self.recorder = recorder
        self.scope = scope
        self.brake = brake
        self.links = links
        socketGroup = SystemAccounts.group(settings.current.control.group)
    }

    /// A run that only has to be started.
    struct Prepared: Sendable {
        let run: ScanRun
        let sink: JobSink
        let firstPort: UInt16
    }

    /// Which source ports a job should get.
    struct PortChoice: Sendable {
        /// Its own from before, or the longest rested where all rest.
        var preferred: UInt16?
        var resting: Set<UInt16>
    }

    /// How long the ports of a job that has just ended may still be held.
    private static let portPatience: Int64 = 2_000_000_000

    func prepare(_ record: JobRecord, _ choice: PortChoice) throws -> Prepared {
        let selection = try store.selection(of: record.id)
        let resume = try store.resumePoint(of: record.id)
        let scan = settings.current.scan
        let narrowing = record.narrowing.completed(by: scan)
        let ways = try RoutePlanner.ways(to: RouteQuestion(selection, from: scan.sourcePorts, narrowing))
        // Whoever submitted it has been told of the rest.
        try ways.check()
        let limits = settings.current.limits
        let caps = RateCaps.Limits(perHost: limits.maxRatePerHost, perNetwork: limits.maxRatePerNetwork)
        let ports = try reserve(choice, in: scan.sourcePorts)
        var specification = ScanSpecification(
            selection: selection, key: record.key, rate: record.rate, retries: record.retries, tcpOptions: record.tcpOptions,
            recorded: record.states, recall: record.recall, isRateFound: record.isRateFound, caps: caps)
        specification.openPortsThreshold = record.reportsAll ? nil : limits.openPortsThreshold
        specification.reportsHosts = record.reportsHosts
        specification.giveUp = limits.giveUp
        specification.chosen = try store.chosen(of: record.id)
        specification.link = scan.link
        specification.sendThreads = scan.sendThreads
        specification.narrowing = narrowing
        let sink = recorder.sink(job: record.id, name: record.name, zone: narrowing.zoneOfLinkLocal)
        let run = try ScanRun(
            specification, ways: ways, ports: ports, scope: scope, brake: brake, captures: captures, links: links, sink: sink,
            resuming: resume.checkpoint, answered: resume.answered, hosts: resume.hosts)
        sink.interfaces = run.interfaceNames
        return Prepared(run: run, sink: sink, firstPort: ports.first)
    }

    /// Has captures and links closed that nobody has needed for long. Returns at once.
    func expireSpares() {
        WorkPools.work.submit { [captures, links] _ in
            captures.expire()
            links.expire()
        }
    }

    /// Ports that only a run of ours that is ending still holds are waited for.
    private func reserve(_ choice: PortChoice, in range: ClosedRange<UInt16>) throws -> SourcePortBlock {
        let end = SteadyClock.nanoseconds() + Self.portPatience
        while true {
            do {
                return try SourcePortBlock.reserve(in: range, preferring: choice.preferred, avoiding: choice.resting)
            } catch {
                let isOurs = error.kind == .portsTaken && !choice.resting.isEmpty
                guard isOurs, SteadyClock.nanoseconds() < end else { throw error }
            }
            usleep(10_000)
        }
    }

    /// Throws when the source ports are taken by somebody else.
    func checkPorts() throws {
        _ = try SourcePortBlock.reserve(in: settings.current.scan.sourcePorts, preferring: nil, avoiding: [])
    }
}
