import ScanTargets
import Testing

/// A million damaged texts for each parser. A trap ends the whole run, so the first thing these tests show is that there is none; beyond
/// that, what is accepted must survive being written and read again, and what is refused must be explained within bounds.
@Suite("A million damaged texts for each parser")
struct ExpressionFuzzTests {
    private static let cases = 1_000_000
    private static let addressTexts = [
        "192.0.2.1", "10.0.0.0/24", "10.0.0.1-10.0.0.20", "10.0.0.1-20", "255.255.255.255", "2001:db8::1", "2001:db8::/64", "::",
        "::1-::20",
        "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8",
    ]
    private static let targetTexts =
        addressTexts + [
            "192.0.2.1:80", "[2001:db8::1]:80", "host.example", "host.example.:443", "my-host_1", "10.0-3.*.1,5", "198.18.64-65.1-9",
            "*.*.*.*",
            "https://h:8443/", "https://[::1]/x", "10.0.0.0/255.255.255.0", "192.0.2.1 - 9", "10[.]0[.]0[.]1", "fe80::1%eth0",
            "1.2.3.4\u{2013}9",
        ]

    @Test("Targets")
    func targets() {
        var texts = TextMutator(seed: 11, alphabet: "0123456789.:-/[]abfxXg_ ,%*hts@?#", valid: Self.targetTexts)
        run { tally in
            let text = texts.next()
            do throws(ExpressionError) {
                let target = try TargetExpression(parsing: text)
                tally.accepted += 1
                return (target.text == text || text.contains("://")) && survives(target) ? nil : text
            } catch {
                return isBounded(error) ? nil : text
            }
        }
    }

    @Test("Ports")
    func ports() {
        let services = ServiceNames(servicesText: "ssh 22/tcp\nhttp 80/tcp www\n")
        var texts = TextMutator(
            seed: 12, alphabet: "0123456789,,--!TU: shtp",
            valid: [
                "80", "1-1024", "-", "-1024", "60000-", "22,80,8000-8080", "1-100,!25,!30-40", "T:80,443", "ssh,http", "well-known,!www",
                "dynamic",
            ])
        run { tally in
            let text = texts.next()
            do throws(ExpressionError) {
                let set = try PortExpression.parse(text, services: services)
                tally.accepted += 1
                let again = try? PortExpression.parse(set.description, services: ServiceNames())
                return !set.isEmpty && !set.contains(0) && again == set && PortSet(set.description) == set ? nil : text
            } catch {
                return isBounded(error) ? nil : text
            }
        }
    }

    @Test("Lists of targets")
    func lists() {
        var texts = TextMutator(
            seed: 13, alphabet: "0123456789.:-/\n\n\r \t##a,;*\u{c}\0",
            valid: [
                "10.0.0.1\n10.0.0.2", "# a list\r\n10.0.0.0/24 # net\r\n\r\n::1", "\u{feff}host.example:80\n",
                "10.0.0.1-20 10.0.0.9\t[::1]:22", "\n\n", "10.0.0.1,5 ; x\r10.0.0.1 - 9", "h:22,80\u{2028}10.0.0.0 255.0.0.0",
                "::1:22\n1.1.1.1:22",
            ])
        run { tally in
            let text = texts.next()
            do throws(ExpressionError) {
                let targets = try TargetExpression.list(text, source: "list")
                tally.accepted += 1
                let again = try? TargetExpression.list(targets.map(\.text).joined(separator: "\n"), source: "list")
                return again == targets ? nil : text
            } catch {
                return isBounded(error) && error.location?.hasPrefix("list, line ") == true ? nil : text
            }
        }
    }

    @Test("Ranges of addresses")
    func ranges() {
        var texts = TextMutator(seed: 14, alphabet: "0123456789.:-/abf", valid: Self.addressTexts)
        run { tally in
            let text = texts.next()
            guard let range = AddressRange(text) else { return nil }
            tally.accepted += 1
            return range.first <= range.last && AddressRange(range.description) == range ? nil : text
        }
    }

    @Test("Stored selections")
    func selections() {
        var texts = TextMutator(
            seed: 15, alphabet: "0123456789.:-/,;= v",
            valid: [
                "v1;;;", "v1;10.0.0.0/24,10.0.1.5;22,80-90;", "v1;;;10.0.2.1=443", "v1;10.0.0.1-10.0.0.5,::/64;80;10.0.2.1=22,44-46 ::9=80",
            ])
        run { tally in
            let text = texts.next()
            guard let selection = TargetSelection(encoded: text) else { return nil }
            tally.accepted += 1
            return TargetSelection(encoded: selection.encoded) == selection ? nil : text
        }
    }

    /// Counts what was accepted: a fuzzer that makes nothing but rubbish shows little.
    private struct Tally {
        var accepted = 0
    }

    /// Runs a million cases; one that returns a text has failed with it.
    private func run(_ oneCase: (inout Tally) -> String?) {
        var tally = Tally()
        for number in 0..<Self.cases {
            if let text = oneCase(&tally) {
                Issue.record("case \(number): \(text.debugDescription)")
                return
            }
        }
        #expect(tally.accepted > Self.cases / 20)
        #expect(tally.accepted < Self.cases * 19 / 20)
    }

    private func survives(_ target: TargetExpression) -> Bool {
        switch target.hosts {
        case .blocks(let ranges): ranges.count > 1 && ranges == Array(AddressSet(ranges).ranges) && ranges.count <= 65_536
        case .addresses(let range): (try? TargetExpression(parsing: range.description))?.hosts == target.hosts
        case .name(let name): (try? TargetExpression(parsing: name))?.hosts == target.hosts && name.utf8.count <= 254
        }
    }

    private func isBounded(_ error: ExpressionError) -> Bool {
        1...error.asked.count + 1 ~= error.position && error.asked.utf8.count < 1_000 && error.problem.utf8.count < 500
            && !error.remedy.isEmpty && !error.problem.isEmpty && error.asked.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }
}
