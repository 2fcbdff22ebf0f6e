package import ScanAPI
package import ScanTargets

/// The addresses that the administrator lets this daemon probe.
package struct Scope: Sendable, Equatable {
    /// What may be probed: allowed, not denied.
    package let allowed: AddressSet
    /// As configured, for people.
    package let allowWords: [String]
    package let denyWords: [String]
    /// The files of `deny_files` that leave nothing out of what is allowed, each with a sentence for people.
    package let idleFiles: [String]
    private let denied: AddressSet

    /// A file of `deny_files`, read.
    struct DenyFile {
        let path: String
        let entries: Int
        let addresses: AddressSet
    }

    /// A denied IPv4 address is denied in the IPv6 addresses that carry it, too.
    init(allow: AddressSet, allowWords: [String], deny: AddressSet, denyWords: [String], denyFiles: [DenyFile] = []) {
        denied = deny.union(EmbeddedIPv4.addresses(of: deny, among: allow))
        allowed = allow.subtracting(denied).subtracting(Self.never)
        self.allowWords = allowWords
        let taken = denyFiles.map { $0.addresses.union(EmbeddedIPv4.addresses(of: $0.addresses, among: allow)).intersection(allow).count }
        self.denyWords = denyWords + zip(denyFiles, taken).map { "all in \($0.path) (\(Self.words($0, $1)))" }
        idleFiles = zip(denyFiles, taken).filter { $1 == 0 }.map { file, _ in
            file.entries == 0
                ? "\(file.path) has no entry: nothing is denied by it."
                : "\(file.path) leaves out none of the addresses that are allowed."
        }
    }

    private static func words(_ file: DenyFile, _ taken: UInt128) -> String {
        guard file.entries > 0 else { return "no entry" }
        let entries = file.entries == 1 ? "1 entry" : "\(file.entries) entries"
        return "\(entries), \(taken == 0 ? "none" : "\(taken)") of the allowed addresses"
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
