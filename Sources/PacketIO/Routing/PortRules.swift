import CLinux
import Glibc
import ScanTargets
import SystemPackage

/// Routing rules (ip-rule(8)) that look at a packet's protocol or ports, as far as they concern TCP that this machine sends.
struct PortRules {
    /// Nil in place of ports: whichever.
    struct Rule {
        var destination: AddressRange
        var ports: ClosedRange<UInt16>?
        var sourcePorts: ClosedRange<UInt16>?
        var words: String

        var isByPort: Bool { ports != nil || sourcePorts != nil }
    }

    private(set) var rules: [Rule] = []
    /// Where rules for other protocols apply: asked without a protocol, the kernel answers for UDP.
    private var others: [AddressRange] = []
    /// Whether any rule looks at the source address.
    private(set) var lookAtSources = false

    /// Takes a message of a dump of rules; others than these do not matter. Layout: struct fib_rule_hdr, then attributes.
    mutating func take(_ message: NetlinkMessage, _ destination: AddressRange?) {
        let attributes = message.attributes(after: MemoryLayout<fib_rule_hdr>.size)
        let number = attributes[Int(FRA_IP_PROTO)]?.number(at: 0, as: UInt8.self) ?? 0
        let ports = Self.ranges(attributes[Int(FRA_DPORT_RANGE)], attributes[Self.destinationMask])
        let sourcePorts = Self.ranges(attributes[Int(FRA_SPORT_RANGE)], attributes[Self.sourceMask])
        if message.payload.number(at: 2, as: UInt8.self) ?? 0 > 0 { lookAtSources = true }
        let incoming = attributes[Int(FRA_IIFNAME)].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let isInverted = (message.payload.number(at: 8, as: UInt32.self) ?? 0) & UInt32(FIB_RULE_INVERT) != 0
        guard let destination, number != 0 || ports != nil || sourcePorts != nil,
            // Packets of this machine come in by loopback, if by anything.
            incoming == nil || incoming == "lo"
        else { return }
        guard isInverted || number == 0 || number == UInt8(IPPROTO_TCP) else { return others.append(destination) }
        var words = isInverted ? "not " : ""
        if number != 0 { words += "ipproto \(number == UInt8(IPPROTO_TCP) ? "tcp" : "\(number)") " }
        for sourceRange in sourcePorts ?? [nil] {
            for range in ports ?? [nil] {
                var words = words
                if let sourceRange { words += "sport \(Self.text(sourceRange)) " }
                if let range { words += "dport \(Self.text(range)) " }
                rules.append(Rule(destination: destination, ports: range, sourcePorts: sourceRange, words: String(words.dropLast())))
            }
        }
    }

    /// FRA_SPORT_MASK and FRA_DPORT_MASK, which Linux has from 6.15 on.
    private static let (sourceMask, destinationMask) = (28, 29)
    /// Into so many ranges a mask may break up the ports.
    private static let mostRanges = 256

    /// The ports that a range holds, or where there is a mask, those that agree with its first in the bits of the mask.
    private static func ranges(_ bytes: ArraySlice<UInt8>?, _ mask: ArraySlice<UInt8>?) -> [ClosedRange<UInt16>?]? {
        guard let range = range(bytes) else { return nil }
        guard let mask = mask?.number(at: 0, as: UInt16.self), mask != .max else { return [range] }
        let free = ~mask
        // The bits below the mask's lowest are a range; the free ones above it say how often.
        let low = mask == 0 ? free : (mask & (~mask &+ 1)) &- 1
        let high = free & ~low
        guard 1 << high.nonzeroBitCount <= mostRanges else { return [0...UInt16.max] }
        var (found, bits): ([ClosedRange<UInt16>], UInt16) = ([], 0)
        repeat {
            let first = range.lowerBound & mask | bits
            found.append(first...(first | low))
            bits = (bits &- high) & high
        } while bits != 0
        return found
    }

    /// struct fib_rule_port_range, in the machine's byte order.
    private static func range(_ bytes: ArraySlice<UInt8>?) -> ClosedRange<UInt16>? {
        guard let first = bytes?.number(at: 0, as: UInt16.self), let last = bytes?.number(at: 2, as: UInt16.self), first <= last else {
            return nil
        }
        return first...last
    }

    private static func text(_ range: ClosedRange<UInt16>) -> String {
        range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }

    /// Those that may decide about packets to an address.
    func around(_ address: IPAddress) -> [Rule] {
        rules.isEmpty ? [] : rules.filter { $0.destination.contains(address) }
    }

    /// Whether the kernel's answer for an address holds for TCP only if it is asked for TCP.
    func tellProtocolsApart(at address: IPAddress) -> Bool {
        (rules.map(\.destination) + others).contains { $0.contains(address) }
    }

    /// The ports of `ports` in classes that no rule tells apart; at most `mostClasses`, and then the last ones are not told apart.
    static func classes(of ports: PortSet, by rules: [Rule]) -> [PortSet] {
        var classes = [ports]
        for rule in rules.compactMap(\.ports) where classes.count < mostClasses {
            let inside = PortSet([rule])
            classes = classes.flatMap { [$0.intersection(inside), $0.subtracting(inside)] }.filter { !$0.isEmpty }
        }
        return classes
    }

    /// A port of each part of `range` that no rule tells apart.
    static func samples(of range: ClosedRange<UInt16>, by rules: [Rule]) -> [UInt16] {
        let edges = rules.compactMap(\.sourcePorts).flatMap { [$0.lowerBound, $0.upperBound &+ 1] }.filter { range.contains($0) }
        return Array(Set([range.lowerBound] + edges)).sorted()
    }

    private static let mostClasses = 1024
}
