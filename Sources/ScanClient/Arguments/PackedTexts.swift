import ScanTargets

/// A list of a request, targets or exclusions, as texts. The first ones stand alone, as they were written; of a long list, plain addresses, blocks
/// and ranges share texts, separated by commas: millions of texts would take ten times the memory of their letters here and in the daemon.
struct PackedTexts {
    private(set) var texts: [String] = []
    private var pack: [UInt8] = []

    /// More than the daemon shows of a job.
    private static let alone = 64
    private static let packSize = 1 << 15

    mutating func append(_ target: TargetExpression) {
        // A pattern's own commas would be taken for those between texts.
        guard texts.count >= Self.alone, case .addresses = target.hosts, target.port == nil, target.zone == nil,
            !target.text.utf8.contains(UInt8(ascii: ","))
        else {
            texts.append(target.text)
            return
        }
        if !pack.isEmpty { pack.append(UInt8(ascii: ",")) }
        pack += target.text.utf8
        if pack.count >= Self.packSize { flush() }
    }

    private mutating func flush() {
        guard !pack.isEmpty else { return }
        texts.append(String(decoding: pack, as: UTF8.self))
        pack.removeAll(keepingCapacity: true)
    }

    /// All of them.
    mutating func finish() -> [String] {
        flush()
        return texts
    }
}
