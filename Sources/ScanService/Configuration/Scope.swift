package import ScanAPI
package import ScanTargets

/// The addresses that the administrator lets this daemon probe.
package struct Scope: Sendable, Equatable {
    /// What may be probed: allowed, not denied.
    package let allowed: AddressSet
    /// As configured, for people.
    package let allowWords: [String]
    package let denyWords: [String]
    private let denied: AddressSet

    package init(allow: AddressSet, allowWords: [String], deny: AddressSet, denyWords: [String]) {
        denied = deny
        allowed = allow.subtracting(deny).subtracting(Self.never)
        self.allowWords = allowWords
        self.denyWords = denyWords
    }

    /// The words that stand for whole families of blocks in `allow`, and what an absent `allow` means.
    package static let words = ["private", "link-local", "loopback"]

    static func blocks(of word: String) -> [String]? {
        switch word {
        case "private": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]
        case "link-local": ["169.254.0.0/16", "fe80::/10"]
        case "loopback": ["127.0.0.0/8", "::1"]
        default: nil
        }
    }

    /// "This network", multicast, reserved and broadcast, the unspecified address, and the IPv4-mapped ones, which no packet may carry (RFC 6890).
    package static let neverWords = ["0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "::ffff:0:0/96", "ff00::/8"]
    private static let never = set(neverWords)

    package static let standard = Scope(
        allow: set(words.flatMap { blocks(of: $0) ?? [] }), allowWords: words, deny: AddressSet(), denyWords: [])

    /// Texts that are no ranges are left out; for the constants above.
    private static func set(_ texts: [String]) -> AddressSet {
        AddressSet(texts.compactMap { AddressRange($0) })
    }

    /// The refusal that names the first range of `addresses` outside this scope; nil when there is none.
    package func refusal(of addresses: AddressSet) -> Refusal? {
        guard let range = addresses.firstRange(outside: allowed) else { return nil }
        return Refusal(.refused, "\(range) is outside the scope of this daemon: \(reason(for: range)).")
    }

    private func reason(for range: AddressRange) -> String {
        let first = AddressSet(CollectionOfOne(AddressRange(range.first)))
        if !first.intersection(Self.never).isEmpty { return "such addresses are never probed" }
        if !first.intersection(denied).isEmpty {
            return "the administrator denies these addresses; leave them out with --exclude \(range)"
        }
        let allowed = allowWords.isEmpty ? "nothing" : allowWords.joined(separator: ", ")
        return "its [scope] allow has \(allowed); leave these addresses out, or have the administrator allow them"
    }
}
