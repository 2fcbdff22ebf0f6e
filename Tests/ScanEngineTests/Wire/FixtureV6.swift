import ScanCore
import TestSupport

/// The same over IPv6. The probe that all of them answer went from 2001:db8::1 to 2001:db8:1::7 with `Fixture`'s ports, under its key, whose
/// cookie for these four is 0x236bd1ca.
enum FixtureV6 {
    static let local: UInt128 = 0x2001_0DB8_0000_0000_0000_0000_0000_0001
    static let target: UInt128 = 0x2001_0DB8_0001_0000_0000_0000_0000_0007
    static let router: UInt128 = 0x2001_0DB8_0002_0000_0000_0000_0000_0001
    static let addresses = ProbeAddresses.v6(target: target, local: local)
    static let cookie: UInt32 = 0x236B_D1CA

    // MARK: IPv6

    /// 40 bytes from the target to us, and what they carry behind `extensions`.
    static func ipv6(
        carrying number: UInt8, _ payload: [UInt8], behind extensions: [Extension] = [], from source: UInt128 = target, hopLimit: UInt8 = 57
    ) -> [UInt8] {
        let (first, chain) = Extension.chain(extensions, number)
        return [0x60, 0x00, 0x00, 0x00]  // version 6, traffic class, flow label
            + UInt16(chain.count + payload.count).bytes  // payload length
            + [first, hopLimit]  // next header
            + source.bytes + local.bytes
            + chain + payload
    }

    /// An extension header; its first byte is the number of what follows.
    struct Extension: Sendable {
        let number: UInt8
        let bytes: [UInt8]

        static let hopByHop = Extension(number: 0, bytes: [0, 0] + [5, 2, 0, 0] + [1, 0])  // 8 bytes: router alert, padding
        // 16 bytes: padding.
        static let destinationOptions = Extension(number: 60, bytes: [0, 1] + [1, 12] + [UInt8](repeating: 0, count: 12))
        static let routing = Extension(number: 43, bytes: [0, 2, 2, 0] + [0, 0, 0, 0] + router.bytes)  // 24 bytes: type 2, no segment left
        static let authentication = Extension(
            number: 51,
            bytes: [0, 4, 0, 0] + [0, 0, 0, 1] + [0, 0, 0, 1]  // 24 bytes in words of four less two; parameters index, sequence number
                + [UInt8](repeating: 0xAB, count: 12))  // integrity check value
        static let atomicFragment = fragment(0x0000)
        static let firstFragment = fragment(0x0001)  // offset 0, more follow
        static let laterFragment = fragment(0x0009)  // offset 8, more follow
        static let lastFragment = fragment(0x0008)  // offset 8, none follows

        static func fragment(_ offsetAndMore: UInt16) -> Extension {
            Extension(number: 44, bytes: [0, 0] + offsetAndMore.bytes + [0xCA, 0xFE, 0xBA, 0xBE])  // reserved; identification
        }

        /// In the order that RFC 8200 §4.1 recommends.
        static let all = [hopByHop, destinationOptions, routing, firstFragment, authentication, destinationOptions]

        /// The number of the first header and the bytes of all of them, of which the last says that `number` follows.
        static func chain(_ extensions: [Extension], _ number: UInt8) -> (first: UInt8, bytes: [UInt8]) {
            var (next, chain): (UInt8, [UInt8]) = (number, [])
            for header in extensions.reversed() {
                chain = [next] + header.bytes.dropFirst() + chain
                next = header.number
            }
            return (next, chain)
        }
    }

    // MARK: TCP

    static func tcpPacket(
        _ flags: UInt8, acknowledging: UInt32, options: [UInt8] = [], behind extensions: [Extension] = []
    ) -> [UInt8] {
        ipv6(carrying: 6, Fixture.tcp(flags, acknowledging: acknowledging, options: options), behind: extensions)
    }

    static let synAck = tcpPacket(Fixture.Flags.syn | Fixture.Flags.ack, acknowledging: cookie + 1, options: Fixture.linuxOptions)
    static let reset = tcpPacket(Fixture.Flags.rst | Fixture.Flags.ack, acknowledging: cookie + 1)

    // MARK: ICMPv6

    /// Our probe as an error quotes it, with the first eight bytes of TCP.
    static func quotedProbe(behind extensions: [Extension] = []) -> [UInt8] {
        let (first, chain) = Extension.chain(extensions, 6)
        return [0x60, 0x00, 0x00, 0x00]  // version 6, traffic class, flow label
            + [0x00, 0x18] + [first, 0x01]  // payload length 24, next header, hop limit 1
            + local.bytes + target.bytes
            + chain
            + [0xEE, 0x48, 0x00, 0x50]  // source port 61000, destination port 80
            + [0x23, 0x6B, 0xD1, 0xCA]  // the cookie as sequence number
    }

    /// An error of the router 2001:db8:2::1, or of another one.
    static func icmp(
        type: UInt8, code: UInt8, quoting quote: [UInt8] = quotedProbe(), behind extensions: [Extension] = [], from source: UInt128 = router
    ) -> [UInt8] {
        let header: [UInt8] = [type, code, 0xBE, 0xEF, 0x00, 0x00, 0x00, 0x00]  // checksum, unused
        return ipv6(carrying: 58, header + quote, behind: extensions, from: source, hopLimit: 251)
    }

    // MARK: In front of IP

    static let ethernet = Fixture.ethernetAddresses + [0x86, 0xDD]
    static let vlan = Fixture.ethernetAddresses + [0x81, 0x00, 0x00, 0x64] + [0x86, 0xDD]  // VLAN 100
    static let qinq = Fixture.ethernetAddresses + [0x88, 0xA8, 0x00, 0x0A] + [0x81, 0x00, 0x00, 0x64] + [0x86, 0xDD]  // VLAN 10, in it 100
    static let cooked = Fixture.cooked.replacing(at: 0, with: [0x86, 0xDD])
    static let oldCooked = Fixture.oldCooked.replacing(at: 14, with: [0x86, 0xDD])
}
