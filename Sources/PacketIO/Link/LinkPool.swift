package import ScanTargets
import Synchronization

/// Opens the links of all jobs and keeps what they share: an interface's AF_XDP socket, also for a while after its last job, because closing one
/// and opening it again would make a job wait.
package final class LinkPool: Sendable {
    /// A socket, or why there is none, and when it was used or refused last; ns.
    private struct Kept {
        let socket: Result<XDPSocket, EngineError>
        var time: Int64

        var isUsed: Bool { (try? socket.get())?.isUsed == true }

        func isGood(for interface: NetworkInterface) -> Bool {
            switch socket {
            case .success(let socket): socket.works && socket.interface.name == interface.name
            case .failure: SteadyClock.nanoseconds() - time < LinkPool.refusalTime
            }
        }
    }

    private let sockets = Mutex<[Int32: Kept]>([:])

    /// How long a socket is kept that no job uses, and how long one that was refused is not tried again, because that can take a second; ns.
    private static let patience: Int64 = 600_000_000_000
    private static let refusalTime: Int64 = 30_000_000_000

    /// Opens a link in place of the kinds that there are.
    package typealias Opener = @Sendable (SynTemplate) -> any ProbeLink

    private let opener: Opener?

    /// `opener` makes all links, where it is given: benchmarks send nothing.
    package init(opener: Opener? = nil) {
        self.opener = opener
    }

    /// A link, the probe that it sends, which kind it is, and why.
    package struct Opened {
        package let link: any ProbeLink
        package let template: SynTemplate
        package let kind: LinkKind
        package let reason: String
        /// What was tried before, and why that was not possible.
        package let refusals: [String]
    }

    /// Opens the link of `path`: the first that nothing refuses, from `preferred` on. Blocks for some milliseconds, for a second where another
    /// program has the interface's queues. `threads` may send at the same time, one or two.
    package func open(
        _ path: ScanPath, options: TCPOptions, preferring preferred: LinkKind?, threads: Int
    ) throws(EngineError) -> Opened {
        guard path.takesFrames, let own = path.interface.hardwareAddress, preferred != .rawIP else {
            return try openRawIP(path, options)
        }
        // Each frame for a target on the link gets its target's address.
        let hop = path.hardwareAddress ?? own
        let template = SynTemplate(framing: .ethernet(source: own, destination: hop), source: path.source, options: options)
        var refusals: [String] = []
        for kind in LinkKind.candidates(preferred) {
            do {
                let link: any ProbeLink
                switch kind {
                case .xdp: link = try XDPLink(try socket(of: path.interface), template: template, isHelped: threads > 1)
                case .ring: link = try RingLink(path.interface, template: template, isHelped: threads > 1)
                case .packet: link = try PacketLink(path.interface, template: template, isHelped: threads > 1)
                case .rawIP: return try openRawIP(path, options, after: refusals)
                }
                return Opened(link, template, kind, path, after: refusals)
            } catch {
                refusals.append("not \(kind.rawValue): \(error.message)")
            }
        }
        throw EngineError(.device, refusals.joined(separator: "; "))
    }

    private func openRawIP(_ path: ScanPath, _ options: TCPOptions, after refusals: [String] = []) throws(EngineError) -> Opened {
        let template = SynTemplate(framing: .none, source: path.source, options: options)
        let link: any ProbeLink
        if let opener {
            link = opener(template)
        } else {
            link = try RawIPLink(
                path.interface, source: path.source, scope: path.scope, template: template, tellsProtocol: path.tellsProtocol)
        }
        return Opened(link, template, .rawIP, path, after: refusals)
    }

    /// Which link `path` would get at present, and why. Blocks like `open`.
    package func choice(for path: ScanPath, preferring preferred: LinkKind?) throws(EngineError) -> (kind: LinkKind, reason: String) {
        let opened = try open(path, options: .mss, preferring: preferred, threads: 1)
        return (opened.kind, opened.reason)
    }

    /// The interface's socket. Under the lock all the time: a second one would be refused.
    private func socket(of interface: NetworkInterface) throws(EngineError) -> XDPSocket {
        let result = sockets.withLock { sockets -> Result<XDPSocket, EngineError> in
            if let kept = sockets[interface.index], kept.isGood(for: interface) { return kept.socket }
            // Closed before another one is opened.
            sockets[interface.index] = nil
            let opened = Result { () throws(EngineError) in try XDPSocket(interface) }
            sockets[interface.index] = Kept(socket: opened, time: SteadyClock.nanoseconds())
            return opened
        }
        return try result.get()
    }

    /// Closes what no job has used for long. Blocks.
    package func expire() {
        let now = SteadyClock.nanoseconds()
        // They close when this goes, outside the lock.
        let idle = sockets.withLock { sockets in
            for (index, kept) in sockets where kept.isUsed { sockets[index]?.time = now }
            let idle = sockets.filter { now - $0.value.time > Self.patience }
            for index in idle.keys { sockets[index] = nil }
            return idle
        }
        withExtendedLifetime(idle) {}
    }
}

extension LinkPool.Opened {
    fileprivate init(_ link: any ProbeLink, _ template: SynTemplate, _ kind: LinkKind, _ path: ScanPath, after refusals: [String]) {
        let reason = ([path.reason] + refusals).joined(separator: "; ")
        self.init(link: link, template: template, kind: kind, reason: reason, refusals: refusals)
    }
}
