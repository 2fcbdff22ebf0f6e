import PacketIO
import ScanCore
import TestSupport

/// Bytes as they come off the wire, header by header. The probe that all of them answer went from 192.0.2.1, port 61000, to 198.51.100.7,
/// port 80, under a key whose cookie for these four is 0x33088e0b. Receivers look at no checksum; the fields hold 0xbeef.
enum Fixture {
    static let local: UInt32 = 0xC000_0201
    static let localPort: UInt16 = 61_000
    static let target: UInt32 = 0xC633_6407
    static let targetPort: UInt16 = 80
    static let addresses = ProbeAddresses.v4(target: target, local: local)
    static let cookie: UInt32 = 0x3308_8E0B

    static let key = ScanKey(bytes: [UInt8](repeating: 0, count: 16) + Array(0..<16)) ?? .random()
    static let cookies = ProbeCookie(key: key)

    /// 20 bytes from 198.51.100.7 to 192.0.2.1.
    static func ipv4(protocol number: UInt8, carrying payload: [UInt8], from source: [UInt8] = [198, 51, 100, 7], ttl: UInt8 = 57)
        -> [UInt8]
    {
        [0x45, 0x00]  // version 4, header of 5 words; type of service
            + UInt16(20 + payload.count).bytes  // total length
            + [0x12, 0x34, 0x40, 0x00]  // identification; don't fragment, offset 0
            + [ttl, number, 0xBE, 0xEF]  // time to live, protocol, checksum
            + source + [192, 0, 2, 1]
            + payload
    }

    /// The same packet with `options` (whole words) behind its IP header.
    static func addingIPOptions(_ options: [UInt8], to packet: [UInt8]) -> [UInt8] {
        var longer = packet
        longer.insert(contentsOf: options, at: 20)
        longer[0] = 0x45 + UInt8(options.count / 4)
        return longer.replacing(at: 2, with: UInt16(longer.count).bytes)
    }

    // MARK: TCP

    enum Flags {
        static let fin: UInt8 = 0x01
        static let syn: UInt8 = 0x02
        static let rst: UInt8 = 0x04
        static let psh: UInt8 = 0x08
        static let ack: UInt8 = 0x10
        static let ece: UInt8 = 0x40
    }

    static let linuxOptions: [UInt8] =
        [2, 4, 0x05, 0x78]  // maximum segment size 1400
        + [4, 2]  // SACK permitted
        + [8, 10, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1]  // time stamp, echo of 1
        + [1]  // no-operation
        + [3, 3, 7]  // window scale 7

    static func tcp(_ flags: UInt8, acknowledging: UInt32, options: [UInt8] = []) -> [UInt8] {
        [0x00, 0x50, 0xEE, 0x48]  // source port 80, destination port 61000
            + [0xCA, 0xFE, 0xBA, 0xBE]  // sequence number
            + acknowledging.bytes
            + [UInt8(5 + options.count / 4) << 4, flags]  // header of 5 words and the options
            + [0xFA, 0xF0, 0xBE, 0xEF, 0x00, 0x00]  // window 64240, checksum, urgent pointer
            + options
    }

    static func tcpPacket(_ flags: UInt8, acknowledging: UInt32, options: [UInt8] = []) -> [UInt8] {
        ipv4(protocol: 6, carrying: tcp(flags, acknowledging: acknowledging, options: options))
    }

    static let synAck = tcpPacket(Flags.syn | Flags.ack, acknowledging: cookie + 1, options: linuxOptions)
    static let reset = tcpPacket(Flags.rst | Flags.ack, acknowledging: cookie + 1)

    // MARK: ICMP

    /// Our probe as an ICMP error quotes it: the IP header and the first eight bytes of TCP.
    static let quotedProbe: [UInt8] =
        [0x45, 0x00, 0x00, 0x2C]  // version 4, header of 5 words; total length 44
        + [0x00, 0x00, 0x40, 0x00]  // identification; don't fragment, offset 0
        + [0x01, 0x06, 0xBE, 0xEF]  // time to live 1, TCP, checksum
        + [192, 0, 2, 1] + [198, 51, 100, 7]  // from us to the target
        + [0xEE, 0x48, 0x00, 0x50]  // source port 61000, destination port 80
        + [0x33, 0x08, 0x8E, 0x0B]  // the cookie as sequence number

    /// The rest of the probe's TCP header, for routers that quote more.
    static let quotedRest: [UInt8] =
        [0x00, 0x00, 0x00, 0x00]  // acknowledgment number
        + [0x60, 0x02, 0xFA, 0xF0, 0xBE, 0xEF, 0x00, 0x00]  // 6 words, SYN, window, checksum, urgent pointer
        + [0x02, 0x04, 0x05, 0xB4]  // maximum segment size 1460

    /// An error of the router 203.0.113.1.
    static func icmp(type: UInt8, code: UInt8, quoting quote: [UInt8] = quotedProbe) -> [UInt8] {
        let header: [UInt8] = [type, code, 0xBE, 0xEF, 0x00, 0x00, 0x00, 0x00]  // checksum, unused
        return ipv4(protocol: 1, carrying: header + quote, from: [203, 0, 113, 1], ttl: 251)
    }

    // MARK: In front of IP

    /// Destination and source address.
    static let ethernetAddresses: [UInt8] = [0x02, 0x00, 0x5E, 0x10, 0x00, 0x01] + [0x02, 0x00, 0x5E, 0x10, 0x00, 0x02]

    static let ethernet = ethernetAddresses + [0x08, 0x00]
    static let vlan = ethernetAddresses + [0x81, 0x00, 0x00, 0x64] + [0x08, 0x00]  // VLAN 100
    static let qinq = ethernetAddresses + [0x88, 0xA8, 0x00, 0x0A] + [0x81, 0x00, 0x00, 0x64] + [0x08, 0x00]  // VLAN 10, inside it 100
    static let oldQinq = ethernetAddresses + [0x91, 0x00, 0x00, 0x0A] + [0x81, 0x00, 0x00, 0x64] + [0x08, 0x00]

    static let cooked: [UInt8] =
        [0x08, 0x00, 0x00, 0x00]  // protocol type IPv4, reserved
        + [0x00, 0x00, 0x00, 0x02]  // interface 2
        + [0x00, 0x01, 0x00, 0x06]  // ARPHRD_ETHER, to us, six bytes of address
        + [0x02, 0x00, 0x5E, 0x10, 0x00, 0x02, 0x00, 0x00]  // the sender's address, padded

    static let oldCooked: [UInt8] =
        [0x00, 0x00, 0x03, 0x0A]  // to us, ARPHRD_IPGRE
        + [0x00, 0x04]  // four bytes of address
        + [0xC6, 0x12, 0x09, 0x02, 0x00, 0x00, 0x00, 0x00]  // the sender's address, padded
        + [0x08, 0x00]  // protocol type IPv4
}
