import ScanEngine
import ScanTargets
import TestSupport

/// The operations that each packet costs.
enum PacketPath {
    /// One more than a power of two: the most expensive kind of number for a shuffle.
    static let targets: UInt64 = (1 << 24) + 1
    private static let source: UInt32 = 0xC612_0001
    private static let source6: UInt128 = 0x2001_0002_0000_0000_0000_0000_0000_0001
    private static let target6: UInt128 = 0x2001_0002_0001_0000_0000_0000_0000_0000

    static func key(_ seed: UInt64) -> ScanKey? {
        var generator = SeededGenerator(seed: seed)
        return ScanKey(bytes: (0..<ScanKey.size).map { _ in UInt8(truncatingIfNeeded: generator.next()) })
    }

    static func permutation(_ count: Int) -> Measurement? {
        guard let key = key(1) else { return nil }
        let permutation = Permutation(count: targets, key: key)
        return Measurement("permutation", count: count) { permutation.index(at: UInt64($0) % targets) }
    }

    static func cookie(_ count: Int) -> Measurement? {
        guard let key = key(2) else { return nil }
        let cookies = ProbeCookie(key: key)
        return Measurement("cookie", count: count) { index in
            UInt64(cookies.value(source: source, destination: UInt32(index), sourcePort: 61_000, destinationPort: UInt16(index & 0xFFFF)))
        }
    }

    static func patch(_ count: Int) -> Measurement? {
        let ring = Ring()
        let patch = ring.template.patch
        return Measurement("patch", count: count) { index in
            let frame = ring.slots[index & (FrameSlots.batch - 1)]
            patch.apply(to: frame, destination: UInt32(index), sourcePort: 61_000, destinationPort: 80, cookie: UInt32(index) &* 7)
            return 0
        }
    }

    /// Order, cookie and bytes of a probe: from its position to its frame.
    static func probe(_ count: Int) -> Measurement? {
        guard let key = key(3) else { return nil }
        let permutation = Permutation(count: targets, key: key)
        let cookies = ProbeCookie(key: key)
        let ring = Ring()
        let patch = ring.template.patch
        return Measurement("probe", count: count) { position in
            let index = permutation.index(at: UInt64(position) % targets)
            let destination = UInt32(truncatingIfNeeded: 0xC613_0000 &+ index)
            let cookie = cookies.value(source: source, destination: destination, sourcePort: 61_000, destinationPort: 443)
            let frame = ring.slots[position & (FrameSlots.batch - 1)]
            patch.apply(to: frame, destination: destination, sourcePort: 61_000, destinationPort: 443, cookie: cookie)
            return index
        }
    }

    /// The same over IPv6.
    static func probe6(_ count: Int) -> Measurement? {
        guard let key = key(3) else { return nil }
        let permutation = Permutation(count: targets, key: key)
        let cookies = ProbeCookie(key: key)
        let ring = Ring(source: IPAddress(v6: source6))
        let patch = ring.template.patch
        return Measurement("probe6", count: count) { position in
            let index = permutation.index(at: UInt64(position) % targets)
            let destination = target6 &+ UInt128(index)
            let cookie = cookies.value(source: source6, destination: destination, sourcePort: 61_000, destinationPort: 443)
            let frame = ring.slots[position & (FrameSlots.batch - 1)]
            patch.apply(to: frame, destination: destination, sourcePort: 61_000, destinationPort: 443, cookie: cookie)
            return index
        }
    }

    /// Whether an address may be probed, and which way it goes, in a scope of 500,000 blocks.
    static func scope(_ count: Int) -> Measurement? {
        var generator = SeededGenerator(seed: 4)
        let blocks = (0..<500_000).compactMap { _ in
            AddressRange(network: IPAddress(v4: UInt32(truncatingIfNeeded: generator.next())), prefixLength: 24 + Int(generator.next() % 9))
        }
        let start = SteadyClock.nanoseconds()
        let set = AddressSet(blocks)
        let table = WayTable([WayTable.Stretch(set, lane: 0)], allowed: set)
        let seconds = Double(SteadyClock.nanoseconds() - start) / 1e9
        let view = table.view
        let measured = Measurement("scope", count: count) { index in
            UInt64(bitPattern: Int64(view.way(for: UInt32(truncatingIfNeeded: UInt64(index) &* 0x9E37_79B9_7F4A_7C15 &>> 32)).lane))
        }
        print("{\"operation\":\"scope of 500,000 blocks\",\"seconds\":\(seconds)}")
        withExtendedLifetime(table) {}
        return measured
    }

    /// A captured SYN-ACK taken apart, its cookie verified, and its target looked up.
    static func parse(_ count: Int) -> Measurement? {
        guard let key = key(5),
            let hosts = AddressRange("198.19.0.0/16"),
            let space = ProbeSpace(TargetSelection(hosts: AddressSet([hosts]), ports: PortSet([1...256]), endpoints: []))
        else { return nil }
        let cookies = ProbeCookie(key: key)
        let permutation = Permutation(count: space.count, key: key)
        let view = space.v4
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 44, alignment: 8)
        defer { packet.deallocate() }
        let cookie = cookies.value(source: source, destination: 0xC613_0102, sourcePort: 61_000, destinationPort: 80)
        packet.copyBytes(
            from: [0x45, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 198, 19, 1, 2, 198, 18, 0, 1] + synAck(acknowledging: cookie &+ 1))
        let measured = Measurement("parse", count: count) { _ in
            guard let bytes = PacketBytes(UnsafeRawBufferPointer(packet)), let reply = Reply(ipv4: bytes), reply.isVerified(by: cookies),
                case .v4(let target, _) = reply.addresses, let index = view.index(of: target, reply.targetPort)
            else { return 0x5EED }
            return permutation.position(of: index)
        }
        withExtendedLifetime(space) {}
        return measured
    }

    /// A captured IPv6 SYN-ACK taken apart and its cookie verified.
    static func parse6(_ count: Int) -> Measurement? {
        guard let key = key(5) else { return nil }
        let cookies = ProbeCookie(key: key)
        let cookie = cookies.value(source: source6, destination: target6, sourcePort: 61_000, destinationPort: 80)
        let bytes = [0x60, 0, 0, 0, 0, 24, 6, 64] + bytes(target6) + bytes(source6) + synAck(acknowledging: cookie &+ 1)
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        defer { packet.deallocate() }
        packet.copyBytes(from: bytes)
        return Measurement("parse6", count: count) { _ in
            guard let bytes = PacketBytes(UnsafeRawBufferPointer(packet)), let reply = Reply(ipv6: bytes), reply.isVerified(by: cookies)
            else { return 0x5EED }
            return UInt64(reply.cookie)
        }
    }

    /// From the target's port 80.
    private static func synAck(acknowledging number: UInt32) -> [UInt8] {
        [0, 80, 0xEE, 0x48, 0, 0, 0, 1] + bytes(number) + [0x60, 0x12, 0xFA, 0xF0, 0, 0, 0, 0, 2, 4, 5, 0xB4]
    }

    private static func bytes(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    /// The two bits of a position found silent and settled; half of the positions stay silent.
    static func table(_ count: Int) -> Measurement? {
        let table = ProbeTable(positions: 0..<UInt64(2 * count))
        return Measurement("table", count: count) { index in
            guard let position = table.nextSilent(from: UInt64(2 * index), before: UInt64(2 * count)) else { return 0 }
            return table.settle(position, as: .closed) ? 1 : 2
        }
    }

    /// A batch's worth of frames.
    private struct Ring {
        let template: SynTemplate
        let slots: FrameSlots

        init(source: IPAddress = IPAddress(v4: PacketPath.source)) {
            template = SynTemplate(framing: .none, source: source, options: .mss)
            let stride = FrameSlots.stride(for: template.bytes.count)
            // For as long as the process lives.
            let memory = UnsafeMutableRawPointer.allocate(byteCount: stride * FrameSlots.batch, alignment: 64)
            slots = FrameSlots(memory, stride: stride, size: FrameSlots.batch, first: 0, count: FrameSlots.batch)
            for index in 0..<FrameSlots.batch { slots[index].copyMemory(from: template.bytes, byteCount: template.bytes.count) }
        }
    }
}
