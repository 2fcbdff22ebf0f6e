import PacketIO
import ScanCore
import ScanTargets

/// The captures of a run: one on each interface that its probes leave by, and one on all others together, because answers may come back by another.
struct RunCaptures: @unchecked Sendable {
    // Unchecked: who has it uses the captures from one thread.

    /// One and what it hears: the number of its interface, nil where its packets tell theirs.
    struct Ear {
        let capture: PacketCapture
        let number: UInt16?
    }

    private(set) var ears: [Ear] = []
    /// The names of the interfaces, by their numbers: those of the run's ways first.
    let names: [String]
    /// Numbers by what the kernel calls an interface.
    private let numbers: [Int32: UInt16]
    private let ways: Int
    /// By which interface the probes to an address leave, where it matters where an answer is heard.
    private let homes: WayTable?
    /// Whether what arrives at one interface for the targets of another is heard there, too; by the numbers of both.
    private var echoes: [Bool] = []

    /// So many interfaces a capture on all of them is asked for at most, and so many of the run's own are looked at for it.
    private static let mostOthers = 256

    /// Opens them; when this returns, no answer is missed.
    init(_ paths: [ScanPath], _ specification: ScanSpecification, _ ports: SourcePortBlock, _ reserve: CaptureReserve, targets: UInt64)
        throws(EngineError)
    {
        let interfaces = Dictionary(paths.map { ($0.interface.name, $0.interface.index) }) { first, _ in first }
        let own = interfaces.keys.sorted()
        let indexes = own.compactMap { interfaces[$0] }
        let stack = try InterfaceStack()
        // A scan of this machine itself has no other way back.
        let isLocal = paths.allSatisfy(\.interface.isLoopback)
        let others = isLocal ? [] : stack.listening(except: Set(indexes)).prefix(Self.mostOthers)
        names = own + others.map(\.name)
        numbers = Dictionary(zip(indexes + others.map(\.index), (0 as UInt16)...)) { first, _ in first }
        ways = own.count
        let filter = CaptureFilter.expression(
            first: ports.first, count: SourcePortBlock.size, families: Set(paths.map(\.source.family)))
        let room = PacketCapture.room(rate: specification.rate, targets: targets)
        for (number, name) in own.enumerated() {
            ears.append(Ear(capture: try reserve.take(name, room: room, filter: filter), number: UInt16(clamping: number)))
        }
        if !others.isEmpty {
            // An extra: without it the scan is what it would be on a machine without these interfaces.
            let elsewhere = CaptureFilter.expression(filter, on: others.map(\.index))
            let capture = try? reserve.take(PacketCapture.everywhere, room: PacketCapture.smallestRoom, filter: elsewhere)
            if let capture { ears.append(Ear(capture: capture, number: nil)) }
        }
        for here in indexes + others.map(\.index) {
            for home in indexes {
                let isBelow = here != home && indexes.contains(here) && stack.stands(home, on: here)
                echoes.append(here != home && (stack.stands(here, on: home) || isBelow))
            }
        }
        guard echoes.contains(true) else {
            homes = nil
            return
        }
        let number = Dictionary(own.enumerated().map { ($1, $0) }) { first, _ in first }
        homes = WayTable(
            paths.map { WayTable.Stretch($0.destinations, lane: number[$0.interface.name] ?? -1) },
            allowed: specification.selection.addresses)
    }

    /// The number of the interface at which a captured frame arrived; nil where that is none of the run's.
    func number(of ear: Ear, _ frame: PacketBytes) -> UInt16? {
        if let number = ear.number { return number }
        return ear.capture.header.interfaceIndex(in: frame).flatMap { numbers[$0] }
    }

    /// Whether what is heard at the interface `number` from this target is heard at the one that its probe left by, too.
    @inline(__always)
    func isEcho(_ target: IPAddress, at number: UInt16) -> Bool {
        guard let homes, case let home = homes.view.way(for: target).lane, home >= 0 else { return false }
        return echoes[Int(number) * ways + home]
    }

    /// Lets the captures go.
    mutating func give(to reserve: CaptureReserve) {
        for ear in ears { reserve.give(ear.capture) }
        ears = []
    }
}
