import CLinux
import Glibc
import Synchronization
import SystemPackage

/// Whole Ethernet frames through a transmit ring that is shared with the kernel (packet(7), PACKET_TX_RING), past the queueing discipline.
///
/// Where a second thread helps, there are two rings, one behind the other in memory and used in turn as if they were one: of a batch that reaches
/// over both each thread sends what lies in its own.
final class RingLink: ProbeLink {
    private let interface: NetworkInterface
    private let length: Int
    private let rings: [TransmitRing]
    private let helper: SendHelper?
    private var batch = SharedBatch()
    /// Takes the rest of a batch of which the kernel has refused a frame: that one stays at the head of the ring.
    private let detour: OwnedDescriptor
    private var isOnDetour = false
    /// The ring whose turn it is, and the place of frame 0 of the slots among the places of all rings.
    private var turn = 0
    private var first = 0

    /// Places of all rings, a power of two.
    private static let places = 1024

    /// `isHelped`: a second thread takes its part of large batches.
    init(_ interface: NetworkInterface, template: SynTemplate, isHelped: Bool) throws(EngineError) {
        self.interface = interface
        length = template.bytes.count
        do {
            rings = try TransmitRing.open(isHelped ? 2 : 1, on: interface, template, places: Self.places)
            detour = try .packetSender()
            try Syscall.bindSender(detour.raw, to: interface)
        } catch {
            throw EngineError("cannot set up a transmit ring on \(interface.name)", error)
        }
        if isHelped, case let second = rings[1] {
            helper = try? SendHelper { second.send($0) }
        } else {
            helper = nil
        }
    }

    func slots() -> FrameSlots {
        batch.begin()
        isOnDetour = false
        first = rings[turn].place
        var count = rings[turn].room
        // The next ring's places follow, where that stands at its beginning; behind the last ring nothing does.
        if turn + 1 < rings.count, first + count == rings[turn].places.upperBound, case let next = rings[turn + 1],
            next.place == next.places.lowerBound
        {
            count += next.room
        }
        return rings[turn].slots(from: first, count: count)
    }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        let places = first + range.lowerBound..<first + range.upperBound
        let taken = batch.send(places, from: helpersPart(of: places), by: helper, own: isOnDetour ? sendApart : sendAlone)
        // The next frames are made where the kernel stands.
        if taken > 0, !isOnDetour { turn = rings.firstIndex { $0.places.contains((places.lowerBound + Int(taken)) % Self.places) } ?? 0 }
        let outcome = try SendOutcome(taken, interface: interface.name)
        if case .refused = outcome { isOnDetour = true }
        return outcome
    }

    /// Sends frames past the rings, one by one; how many were taken, or minus one with errno set.
    private func sendApart(_ places: Range<Int>) -> Int32 {
        var sent: Int32 = 0
        for place in places {
            let frame = rings[0].slots(from: place, count: 1)
            guard Glibc.send(detour.raw, frame[0], length, Int32(MSG_DONTWAIT)) >= 0 else { return sent > 0 ? sent : -1 }
            sent += 1
        }
        return sent
    }

    /// Where the second ring's part begins, when both parts are worth a thread.
    private func helpersPart(of places: Range<Int>) -> Int? {
        let middle = rings[0].places.upperBound
        return min(middle - places.lowerBound, places.upperBound - middle) < SendHelper.leastFrames ? nil : middle
    }

    private func sendAlone(_ places: Range<Int>) -> Int32 {
        var sent: Int32 = 0
        for ring in rings {
            let own = places.clamped(to: ring.places)
            guard !own.isEmpty else { continue }
            let taken = ring.send(own)
            guard taken > 0 else { return sent > 0 ? sent : -1 }
            sent += taken
            guard taken == own.count else { return sent }
        }
        return sent
    }
}

/// A socket's transmit ring. One thread at a time.
///
/// Without PACKET_LOSS a frame that is rejected stays at the head of the ring: nothing is taken for sent that was not.
private final class TransmitRing: @unchecked Sendable {
    // Unchecked: `place` moves only while the ring sends.
    private let socket: OwnedDescriptor
    private let memory: Memory
    private let length: UInt32
    /// Which of all places are this ring's, and the one at which the kernel stands.
    let places: Range<Int>
    private(set) var place: Int

    private static let blockSize = 1 << 16

    /// The places of all rings, `stride` bytes each.
    private final class Memory: Sendable {
        let mapped: MappedMemory
        let stride: Int

        init(places: Int, stride: Int) throws(Errno) {
            mapped = try MappedMemory(anonymous: places * stride)
            self.stride = stride
        }
    }

    /// Opens `count` rings that have `places` places in all.
    static func open(_ count: Int, on interface: NetworkInterface, _ template: SynTemplate, places: Int) throws(Errno) -> [TransmitRing] {
        let stride = FrameSlots.stride(for: Int(CLINUX_TPACKET2_DATA) + template.bytes.count)
        let memory = try Memory(places: places, stride: stride)
        var rings: [TransmitRing] = []
        for number in 0..<count {
            let size = places / count
            rings.append(try TransmitRing(interface, template, memory, number * size..<(number + 1) * size))
        }
        return rings
    }

    private init(_ interface: NetworkInterface, _ template: SynTemplate, _ memory: Memory, _ places: Range<Int>) throws(Errno) {
        self.memory = memory
        self.places = places
        place = places.lowerBound
        length = UInt32(template.bytes.count)
        socket = try .packetSender()
        try Syscall.setOption(socket.raw, SOL_PACKET, PACKET_VERSION, Int32(TPACKET_V2.rawValue))
        let size = places.count * memory.stride
        let request = tpacket_req(
            tp_block_size: UInt32(Self.blockSize), tp_block_nr: UInt32(size / Self.blockSize), tp_frame_size: UInt32(memory.stride),
            tp_frame_nr: UInt32(places.count))
        try Syscall.setOption(socket.raw, SOL_PACKET, PACKET_TX_RING, request)
        try memory.mapped.share(places.lowerBound * memory.stride..<places.upperBound * memory.stride, through: socket.raw)
        try Syscall.bindSender(socket.raw, to: interface)
        for place in places { frame(place).copyMemory(from: template.bytes, byteCount: template.bytes.count) }
    }

    /// How many places from the kernel's on are free, not over the ring's end.
    var room: Int {
        var end = place
        while end < places.upperBound, status(end).pointee.load(ordering: .acquiring) == TP_STATUS_AVAILABLE { end += 1 }
        return end - place
    }

    func slots(from place: Int, count: Int) -> FrameSlots {
        FrameSlots(frame(place), stride: memory.stride, count: count)
    }

    /// Sends the frames in `range`, which begins where the kernel stands; how many it took, or minus one with errno set.
    func send(_ range: Range<Int>) -> Int32 {
        for place in range { offer(place) }
        let result = Glibc.send(socket.raw, nil, 0, Int32(MSG_DONTWAIT))
        let code = errno
        var end = range.lowerBound
        while end < range.upperBound, !isOffered(end) { end += 1 }
        // What the kernel has not taken is ours again until it is offered once more.
        for place in end..<range.upperBound { status(place).pointee.store(UInt32(TP_STATUS_AVAILABLE), ordering: .relaxed) }
        place = end < places.upperBound ? end : places.lowerBound
        if end > range.lowerBound { return Int32(end - range.lowerBound) }
        // A call that went well and took nothing has found no room.
        errno = result < 0 ? code : EAGAIN
        return -1
    }

    /// The header is complete before the kernel may look at it.
    private func offer(_ place: Int) {
        header(place).storeBytes(of: length, toByteOffset: 4, as: UInt32.self)
        status(place).pointee.store(UInt32(TP_STATUS_SEND_REQUEST), ordering: .releasing)
    }

    private func isOffered(_ place: Int) -> Bool {
        let value = status(place).pointee.load(ordering: .acquiring)
        return value == TP_STATUS_SEND_REQUEST || value == TP_STATUS_WRONG_FORMAT
    }

    private func header(_ place: Int) -> UnsafeMutableRawPointer { memory.mapped.start + place * memory.stride }

    private func frame(_ place: Int) -> UnsafeMutableRawPointer { header(place) + Int(CLINUX_TPACKET2_DATA) }

    private func status(_ place: Int) -> UnsafeMutablePointer<Atomic<UInt32>> { header(place).sharedWord(at: 0) }
}
