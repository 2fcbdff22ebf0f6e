package import ScanCore
package import ScanTargets

/// What the kernel is asked about a job: where to, at which ports, from which ports, and what narrows the ways.
package struct RouteQuestion: Sendable {
    package var addresses: AddressSet
    package var ports: PortSet
    /// The range that the job's own ports come from.
    package var sourcePorts: ClosedRange<UInt16>
    package var narrowing: Narrowing

    package init(
        _ selection: TargetSelection, from sourcePorts: ClosedRange<UInt16> = RouteQuestion.usualSourcePorts,
        _ narrowing: Narrowing = Narrowing()
    ) {
        self.init(selection.addresses, at: selection.allPorts, from: sourcePorts, narrowing)
    }

    package init(
        _ addresses: AddressSet, at ports: PortSet, from sourcePorts: ClosedRange<UInt16> = RouteQuestion.usualSourcePorts,
        _ narrowing: Narrowing = Narrowing()
    ) {
        (self.addresses, self.ports, self.sourcePorts, self.narrowing) = (addresses, ports, sourcePorts, narrowing)
    }

    /// Where nobody says from which ports.
    package static let usualSourcePorts: ClosedRange<UInt16> = 61_000...61_999
}

/// Addresses of a job, or some ports of them, that no probe is sent to because of what this machine's routes say.
package struct Unreached: Sendable, Hashable {
    package let addresses: AddressSet
    /// Nil: all ports.
    package let ports: PortSet?
    package let cause: Cause

    package struct Cause: Sendable, Hashable {
        package let reason: Reason
        /// A clause, with what to do where that can be said: `there is no route: add one`.
        package let words: String
    }

    /// `198.18.64.0/26: there is no route: add one`
    package var sentence: String { "\(addresses.shortened)\(Self.text(ports)): \(cause.words)" }

    package static func text(_ ports: PortSet?) -> String {
        guard let ports else { return "" }
        let shown = ports.ranges.prefix(4).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return " port \(shown.joined(separator: ","))\(ports.ranges.count > 4 ? ",…" : "")"
    }
}

extension AddressSet {
    /// The first ranges, and how many there are beside them.
    package var shortened: String {
        let shown = ranges.prefix(4).map(\.description).joined(separator: ", ")
        return ranges.count > 4 ? "\(shown) and \(ranges.count - 4) more" : shown
    }
}
