import PacketIO
import ScanCore
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
        let sender = ProbeCookie(key: key).sender(source, 61_000)
        return Measurement("cookie", count: count) { index in
            UInt64(sender.cookie(to: UInt32(index), UInt16(index & 0xFFFF)))
        }
    }

    /// A probe's cookie, checksums and bytes.
    static func patch(_ count: Int) -> Measurement? {
        guard let key = key(2) else { return nil }
        let ring = Ring()
        var writer = FrameWriter(ring.template, ProbeCookie(key: key), source: IPAddress(v4: source), slots: ring.slots)
        defer { writer.deallocate() }
        return Measurement("patch", count: count) { index in
            if index & (FrameSlots.batch - 1) == 0 {
                writer.complete()
                writer.begin(ring.slots)
            }
            writer.add(UInt64(index), ProbeAim(UInt32(index), 80, from: 61_000), by: 0)
            return 0
        }
    }

    /// Order, look-up, cookie and bytes of a probe: from its position to its frame, in batches as the transmit thread makes them, of nearly all
    /// ports of some hosts.
    static func probe(_ count: Int) -> Measurement? {
        probe("probe", IPAddress(v4: source), hosts: "198.19.0.0-198.19.1.0", count) { writer, upcoming in
            writer.add(upcoming.positions, upcoming.aims, count: UpcomingTargets.most)
        }
    }

    /// The same over IPv6, without the look-up.
    static func probe6(_ count: Int) -> Measurement? {
        probe("probe6", IPAddress(v6: source6), hosts: "2001:2:1::-2001:2:1::100", count) { writer, upcoming in
            for place in 0..<UpcomingTargets.most {
                writer.add(upcoming.positions[place], target6 &+ UInt128(upcoming.indexes[place]), by: 0, port: 443, from: 61_000)
            }
        }
    }

    @inline(__always)
    private static func probe(
        _ name: String, _ source: IPAddress, hosts: String, _ count: Int, _ add: (inout FrameWriter, borrowing UpcomingTargets) -> Void
    ) -> Measurement? {
        // 257 × 65,281 targets; two ranges of ports, so that they are looked up in a table.
        let selection = TargetSelection(
            hosts: AddressSet([AddressRange(hosts)].compactMap(\.self)), ports: PortSet([1...32_000, 32_255...65_535]), endpoints: [])
        guard let key = key(3), let space = ProbeSpace(selection), space.count == targets else { return nil }
        let permutation = Permutation(count: targets, key: key)
        let table = ProbeTable(positions: 0..<targets)
        let ways = WayTable([WayTable.Stretch(selection.addresses, lane: 0)], allowed: selection.addresses)
        let upcoming = UpcomingTargets()
        let ring = Ring(source: source)
        var writer = FrameWriter(ring.template, ProbeCookie(key: key), source: source, slots: ring.slots)
        defer { writer.deallocate() }
        return Measurement(name, count: count) { number in
            if number & (FrameSlots.batch - 1) == 0 {
                writer.complete()
                writer.begin(ring.slots)
            }
            let place = number & (UpcomingTargets.most - 1)
            if place == 0 {
                let start = UInt64(number) % (targets - UInt64(UpcomingTargets.most))
                _ = upcoming.look(
                    UpcomingTargets.most, from: start, before: targets, table, permutation, space.v4, ways.view, port: 61_000)
                add(&writer, upcoming)
            }
            return upcoming.indexes[place]
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
        let cookie = cookies.sender(source, 61_000).cookie(to: 0xC613_0102 as UInt32, 80)
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
        let cookie = cookies.sender(source6, 61_000).cookie(to: target6, 80)
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
            slots = FrameSlots(memory, stride: stride, count: FrameSlots.batch)
            for index in 0..<FrameSlots.batch { slots[index].copyMemory(from: template.bytes, byteCount: template.bytes.count) }
        }
    }
}
