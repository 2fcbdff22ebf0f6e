import Glibc
import Logging
import ScanAPI
import ScanEngine
import ScanTargets

/// Sets runs up: ways, source ports, links and captures. Everything here blocks for some milliseconds.
struct RunBuilder: Sendable {
    let configuration: Configuration
    let store: Store
    let recorder: Recorder
    let scope: ScopeGuard

    /// A run that only has to be started.
    struct Prepared: Sendable {
        let run: ScanRun
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
        let checkpoint = try store.checkpoint(of: record.id)
        let paths = try RoutePlanner.paths(
            for: selection.addresses, interface: configuration.scan.interface, source: configuration.scan.sourceAddress)
        let ports = try reserve(choice)
        let specification = ScanSpecification(
            selection: selection, key: record.key, rate: record.rate, retries: record.retries, tcpOptions: record.tcpOptions,
            recorded: record.states)
        let sink = recorder.sink(job: record.id, name: record.name)
        let run = try ScanRun(specification, paths: paths, ports: ports, scope: scope, sink: sink, resuming: checkpoint)
        sink.interfaces = run.interfaceNames
        return Prepared(run: run, firstPort: ports.first)
    }

    /// Ports that only a run of ours that is ending still holds are waited for.
    private func reserve(_ choice: PortChoice) throws -> SourcePortBlock {
        let end = SteadyClock.nanoseconds() + Self.portPatience
        while true {
            do {
                return try SourcePortBlock.reserve(
                    in: configuration.scan.sourcePorts, preferring: choice.preferred, avoiding: choice.resting)
            } catch {
                let isOurs = error.kind == .portsTaken && !choice.resting.isEmpty
                guard isOurs, SteadyClock.nanoseconds() < end else { throw error }
            }
            usleep(10_000)
        }
    }

    /// Throws when the source ports are taken by somebody else.
    func checkPorts() throws {
        _ = try SourcePortBlock.reserve(in: configuration.scan.sourcePorts, preferring: nil, avoiding: [])
    }
}
