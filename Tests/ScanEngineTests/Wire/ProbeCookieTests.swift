import PacketIO
import ScanCore
import TestSupport
import Testing

@Suite("The cookie that only a target can give back")
struct ProbeCookieTests {
    @Test("the test's own SipHash agrees with the paper's appendix and the authors' vectors")
    func slowHash() {
        let key = [UInt8](0..<16)
        #expect(SlowSipHash.hash([], key: key) == 0x726F_DB47_DD0E_0E31)
        #expect(SlowSipHash.hash(Array(0..<12), key: key) == 0x751E_8FBC_860E_E5FB)
        #expect(SlowSipHash.hash(Array(0..<15), key: key) == 0xA129_CA61_49BE_45E5)
        #expect(SlowSipHash.hash(Array(0..<36), key: key) == 0x314D_FFBE_0815_A3B4)
    }

    /// A cookie is the lower half of SipHash-2-4 over the sender's end, filled up to whole blocks, and the target's, each little-endian.
    @Test("cookies agree with the slow SipHash for random keys and targets")
    func random() {
        var generator = SeededGenerator(seed: 30)
        for _ in 0..<2000 {
            let key = generator.key()
            let (source, destination) = (UInt32.random(in: 0...(.max), using: &generator), UInt32.random(in: 0...(.max), using: &generator))
            let (from, to) = (UInt16.random(in: 0...(.max), using: &generator), UInt16.random(in: 0...(.max), using: &generator))
            let message = (source.bytes.reversed() + from.bytes.reversed() + [0, 0]) + (destination.bytes.reversed() + to.bytes.reversed())
            let expected = UInt32(truncatingIfNeeded: SlowSipHash.hash(message, key: Array(key.bytes[16...])))
            #expect(ProbeCookie(key: key).sender(source, from).cookie(to: destination, to) == expected)
        }
    }

    @Test("over IPv6, cookies agree with the slow SipHash for random keys and targets")
    func randomIPv6() {
        var generator = SeededGenerator(seed: 32)
        for _ in 0..<2000 {
            let key = generator.key()
            let (source, destination, from, to) = (generator.bytes(16), generator.bytes(16), generator.bytes(2), generator.bytes(2))
            let message = source + from + [0, 0, 0, 0, 0, 0] + destination + to
            let value = ProbeCookie(key: key)
                .sender(UInt128(networkBytes: source.reversed()), UInt16(networkBytes: from.reversed()))
                .cookie(to: UInt128(networkBytes: destination.reversed()), UInt16(networkBytes: to.reversed()))
            #expect(value == UInt32(truncatingIfNeeded: SlowSipHash.hash(message, key: Array(key.bytes[16...]))))
        }
    }

    @Test("over IPv6, too, another address or port gives another cookie, whichever bit differs")
    func everyBitIPv6() {
        let (source, target) = (FixtureV6.local, FixtureV6.target)
        func value(_ source: UInt128, _ target: UInt128, _ from: UInt16 = 61_000, _ to: UInt16 = 80) -> UInt32 {
            Fixture.cookies.sender(source, from).cookie(to: target, to)
        }
        var values = [value(source, target)]
        for bit in 0..<128 as Range<UInt128> { values += [value(source ^ 1 << bit, target), value(source, target ^ 1 << bit)] }
        for bit in 0..<16 as Range<UInt16> {
            values += [value(source, target, 61_000 ^ 1 << bit), value(source, target, 61_000, 80 ^ 1 << bit)]
        }
        #expect(values.count == 1 + 256 + 32)
        #expect(Set(values).count == values.count)
    }

    @Test("another address, port or key gives another cookie, whichever bit differs")
    func everyBit() throws {
        var generator = SeededGenerator(seed: 31)
        let key = generator.key()
        func value(
            _ key: ScanKey, _ source: UInt32 = 0xC000_0201, _ target: UInt32 = 0xC633_6407, _ from: UInt16 = 61_000, _ to: UInt16 = 80
        ) -> UInt32 {
            ProbeCookie(key: key).sender(source, from).cookie(to: target, to)
        }
        var values = [value(key)]
        for bit in 0..<32 as Range<UInt32> {
            values.append(value(key, 0xC000_0201 ^ 1 << bit))
            values.append(value(key, 0xC000_0201, 0xC633_6407 ^ 1 << bit))
        }
        for bit in 0..<16 as Range<UInt16> {
            values.append(value(key, 0xC000_0201, 0xC633_6407, 61_000 ^ 1 << bit))
            values.append(value(key, 0xC000_0201, 0xC633_6407, 61_000, 80 ^ 1 << bit))
        }
        for bit in 128..<256 {
            let other = key.bytes.replacing(at: bit / 8, with: [key.bytes[bit / 8] ^ 1 << UInt8(bit % 8)])
            values.append(value(try #require(ScanKey(bytes: other))))
        }
        #expect(values.count == 1 + 64 + 32 + 128)
        #expect(Set(values).count == values.count)
    }

    @Test("a key has 32 bytes and no other length, and two random keys differ")
    func keys() {
        for count in [0, 16, 31, 33] { #expect(ScanKey(bytes: [UInt8](repeating: 1, count: count)) == nil) }
        #expect(ScanKey.random() != ScanKey.random())
    }
}
