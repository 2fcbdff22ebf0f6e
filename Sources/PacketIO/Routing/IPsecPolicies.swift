import CLinux
import Glibc
import ScanTargets
import SystemPackage

/// What the kernel's IPsec policies (ip-xfrm(8)) want of packets that leave this machine.
///
/// Frames go past them, so that what should be encrypted would leave in plain text. What the kernel sends obeys them.
struct IPsecPolicies {
    /// A policy that is not simply "in the clear".
    struct Policy {
        var destination: AddressRange
        var source: AddressRange
        /// Nil: whichever.
        var ports: PortMatch?
        var sourcePorts: PortMatch?
        var isForTCPAlone: Bool
        /// 0: whichever.
        var interface: Int32
        /// Whether it lets nothing through.
        var blocks: Bool
    }

    /// A port and which of its bits count.
    struct PortMatch {
        var port: UInt16
        var mask: UInt16

        func holds(_ other: UInt16) -> Bool { other & mask == port & mask }
    }

    private var policies: [AddressRange: [Policy]] = [:]
    private var lengths: Set<Int> = []
    /// Whether what no policy covers is not let out.
    private(set) var blocksOthers = false

    var isEmpty: Bool { policies.isEmpty && !blocksOthers }

    /// Where policies may begin or end to hold.
    var destinations: some Collection<AddressRange> { policies.keys }

    /// None where the kernel knows no IPsec.
    static func read() -> IPsecPolicies {
        var found = IPsecPolicies()
        guard var netlink = try? Netlink(.policies) else { return found }
        // struct xfrm_userpolicy_id.
        let any = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        try? netlink.ask(NetlinkRequest(Int(CLINUX_XFRM_MSG_GETPOLICY), flags: NLM_F_DUMP, fixed: any)) { found.take($0) }
        // struct xfrm_userpolicy_default: in, fwd, out. Not before Linux 5.14.
        try? netlink.ask(NetlinkRequest(Int(CLINUX_XFRM_MSG_GETDEFAULT), flags: 0, fixed: (UInt8(0), UInt8(0), UInt8(0)))) {
            found.blocksOthers = $0.payload.number(at: 2, as: UInt8.self) == defaultBlocks
        }
        return found
    }

    /// XFRM_USERPOLICY_BLOCK, XFRM_POLICY_OUT and XFRM_POLICY_BLOCK, linux/xfrm.h.
    private static let defaultBlocks: UInt8 = 1
    private static let directionOut: UInt8 = 1
    private static let actionBlock: UInt8 = 1

    /// Where things stand in struct xfrm_userpolicy_info, which begins with a struct xfrm_selector; and its length.
    private enum Offset {
        static let (destination, source, port, portMask, sourcePort, sourcePortMask) = (0, 16, 32, 34, 36, 38)
        static let (family, destinationLength, sourceLength, number, interface) = (40, 42, 43, 44, 48)
        static let (direction, action, size) = (160, 161, 168)
    }

    private mutating func take(_ message: NetlinkMessage) {
        let bytes = message.payload
        let attributes = message.attributes(after: Offset.size)
        guard message.type == UInt16(CLINUX_XFRM_MSG_NEWPOLICY), bytes.count >= Offset.size,
            bytes.number(at: Offset.direction, as: UInt8.self) == Self.directionOut,
            case let blocks = bytes.number(at: Offset.action, as: UInt8.self) == Self.actionBlock,
            // One without a template lets packets pass as they are.
            blocks || attributes[Int(CLINUX_XFRMA_TMPL)] != nil,
            // Those of an xfrm interface or a mark are for packets that probes are not.
            attributes[Int(CLINUX_XFRMA_IF_ID)]?.number(at: 0, as: UInt32.self) ?? 0 == 0,
            attributes[Int(CLINUX_XFRMA_MARK)]?.number(at: 0, as: UInt32.self) ?? 0 == 0,
            case let number = bytes.number(at: Offset.number, as: UInt8.self) ?? 0, number == 0 || number == UInt8(IPPROTO_TCP)
        else { return }
        let family = bytes.number(at: Offset.family, as: UInt16.self).map(Int32.init) ?? 0
        for family in family == AF_UNSPEC ? [AF_INET, AF_INET6] : [family] {
            guard let destination = Self.block(bytes, Offset.destination, Offset.destinationLength, family),
                let source = Self.block(bytes, Offset.source, Offset.sourceLength, family), let length = destination.prefixLength
            else { continue }
            lengths.insert(length)
            policies[destination, default: []].append(
                Policy(
                    destination: destination, source: source, ports: Self.match(bytes, Offset.port, Offset.portMask),
                    sourcePorts: Self.match(bytes, Offset.sourcePort, Offset.sourcePortMask), isForTCPAlone: number != 0,
                    interface: bytes.number(at: Offset.interface, as: Int32.self) ?? 0, blocks: blocks))
        }
    }

    private static func block(_ bytes: ArraySlice<UInt8>, _ place: Int, _ length: Int, _ family: Int32) -> AddressRange? {
        let count = family == AF_INET ? 4 : 16
        let start = bytes.startIndex + place
        guard family == AF_INET || family == AF_INET6, let address = IPAddress(networkBytes: bytes[start..<start + count]),
            let length = bytes.number(at: length, as: UInt8.self)
        else { return nil }
        return AddressRange(network: address, prefixLength: Int(length))
    }

    private static func match(_ bytes: ArraySlice<UInt8>, _ place: Int, _ mask: Int) -> PortMatch? {
        guard let port = bytes.number(at: place, as: UInt16.self), let mask = bytes.number(at: mask, as: UInt16.self), mask != 0 else {
            return nil
        }
        return PortMatch(port: UInt16(bigEndian: port), mask: UInt16(bigEndian: mask))
    }

    /// Those for packets from `source` to `address` that leave by an interface.
    func around(_ address: IPAddress, from source: IPAddress, interface: Int32) -> [Policy] {
        guard !policies.isEmpty else { return [] }
        return lengths.compactMap { AddressRange(network: address, prefixLength: $0) }.flatMap { policies[$0] ?? [] }.filter {
            $0.source.contains(source) && ($0.interface == 0 || $0.interface == interface)
        }
    }
}
