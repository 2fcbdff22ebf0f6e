package import ScanCore
package import ScanTargets

/// Keeps an eye on the hardware address of a gateway: it may move to another device, or its device may be exchanged. One thread at a time.
package final class GatewayWatch {
    package let gateway: IPAddress
    package private(set) var hardware: HardwareAddress
    private let socket: NeighborSocket
    private var asked: Int64
    /// When the address was seen to be right last, µs since the epoch.
    package private(set) var confirmed: Int64

    /// Another hardware address that has been heard of, until the one that is known answers or it is heard again.
    private var candidate: HardwareAddress?

    /// How often it is asked for, and at most how often where nothing answers; ns.
    private static let interval: Int64 = 5_000_000_000
    private static let hurry: Int64 = 500_000_000

    package init(_ gateway: IPAddress, _ hardware: HardwareAddress, on interface: NetworkInterface, source: IPAddress) throws(EngineError) {
        (self.gateway, self.hardware) = (gateway, hardware)
        socket = try NeighborSocket(interface, source: source)
        // What the kernel remembers may be old: the first look asks.
        asked = SteadyClock.nanoseconds() - Self.interval
        confirmed = WallClock.microseconds()
    }

    /// Looks whether it has another address by now: since when (µs since the epoch) what was sent to the old one may be lost; nil when all is well.
    /// Whoever says so first is not believed before the one that is known has had the time to answer. Throws when the interface does not take a
    /// question any more.
    package func look(_ now: Int64, isUrgent: Bool) throws(EngineError) -> Int64? {
        var isConfirmed = false
        var other: HardwareAddress?
        socket.take { answer in
            guard answer.address == gateway else { return }
            if answer.hardware == hardware { isConfirmed = true } else if answer.insists { other = answer.hardware }
        }
        if isConfirmed {
            confirmed = WallClock.microseconds()
            candidate = nil
        }
        let isNew = !isConfirmed && other != nil && other != candidate
        if isNew || now - asked >= (isUrgent ? Self.hurry : Self.interval) {
            asked = now
            _ = try socket.ask(gateway)
        }
        guard !isConfirmed, let other else { return nil }
        guard other == candidate else {
            candidate = other
            return nil
        }
        hardware = other
        candidate = nil
        defer { confirmed = WallClock.microseconds() }
        return confirmed
    }
}
