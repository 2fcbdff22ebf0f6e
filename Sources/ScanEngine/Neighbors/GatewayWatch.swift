import ScanTargets

/// Keeps an eye on the hardware address of a gateway: it may move to another device, or its device may be exchanged. One thread at a time.
final class GatewayWatch {
    let gateway: IPAddress
    private(set) var hardware: HardwareAddress
    private let socket: NeighborSocket
    private var asked: Int64
    /// When the address was seen to be right last, µs since the epoch.
    private var confirmed: Int64

    /// How often it is asked for, and at most how often where nothing answers; ns.
    private static let interval: Int64 = 5_000_000_000
    private static let hurry: Int64 = 500_000_000

    init(_ gateway: IPAddress, _ hardware: HardwareAddress, on interface: NetworkInterface, source: IPAddress) throws(EngineError) {
        (self.gateway, self.hardware) = (gateway, hardware)
        socket = try NeighborSocket(interface, source: source)
        asked = SteadyClock.nanoseconds()
        confirmed = WallClock.microseconds()
    }

    /// Looks whether it has another address by now: since when (µs since the epoch) what was sent to the old one may be lost; nil when all is well.
    /// Throws when the interface does not take a question any more.
    func look(_ now: Int64, isUrgent: Bool) throws(EngineError) -> Int64? {
        var seen: HardwareAddress?
        socket.take { address, hardware in
            if address == gateway { seen = hardware }
        }
        if now - asked >= (isUrgent ? Self.hurry : Self.interval) {
            asked = now
            try socket.ask(gateway)
        }
        guard let seen else { return nil }
        defer { confirmed = WallClock.microseconds() }
        guard seen != hardware else { return nil }
        hardware = seen
        return confirmed
    }
}
