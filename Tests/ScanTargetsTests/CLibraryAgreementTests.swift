import Glibc
import ScanTargets
import TestSupport
import Testing

/// The C library's parser and printer are the yardstick: what they and we say must be the same.
@Suite("Agreement with the C library")
struct CLibraryAgreementTests {
    @Test("100,000 damaged addresses are accepted or refused as by inet_pton")
    func parsesAlike() {
        var texts = TextMutator(
            seed: 1, alphabet: "0123456789abcfF:.::..",
            valid: [
                "192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1:2:3:4:5:6:7::",
            ])
        var accepted = 0
        for _ in 0..<100_000 {
            let text = texts.next()
            let ours = IPAddress(text)
            guard ours == systemParse(text) else {
                Issue.record("\(text): \(String(describing: ours)) here, \(String(describing: systemParse(text))) in the C library")
                return
            }
            accepted += ours == nil ? 0 : 1
        }
        #expect(accepted > 1_000, "hardly any case was an address, so little was compared")
    }

    @Test("50,000 IPv6 addresses full of zero groups are written as by inet_ntop")
    func printsAlike() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<50_000 {
            var value = UInt128(random.next()) << 64 | UInt128(random.next())
            for group in 0..<8 where random.below(2) == 0 { value &= ~(0xffff << UInt128(group * 16)) }
            // The C library still writes the form ::192.0.2.1, which RFC 4291 §2.5.5.1 deprecates.
            guard value >> 32 != 0 else { continue }
            let address = IPAddress(v6: value)
            guard address.description == systemText(of: value) else {
                Issue.record("\(address) here, \(systemText(of: value)) in the C library")
                return
            }
        }
    }

    private func systemParse(_ text: String) -> IPAddress? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return IPAddress(v4: UInt32(bigEndian: v4.s_addr)) }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        return IPAddress(v6: bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    private func systemText(of value: UInt128) -> String {
        let bytes = (0..<16).map { UInt8(truncatingIfNeeded: value >> UInt128(120 - 8 * $0)) }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
