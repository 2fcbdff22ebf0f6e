package import ScanAPI

/// What is said of exclusions: each one by itself, so that one that does nothing is seen.
package enum ExclusionTexts {
    /// `12 addresses`, `1 target`, `12 addresses and 3 targets of others`, `nothing`; of a list with how many entries it has.
    package static func taken(_ exclusion: Exclusion) -> String {
        let words =
            exclusion.addresses > 0
            ? Quantities.count(exclusion.addresses, "address", "addresses")
            : exclusion.targets > 0 ? Quantities.count(exclusion.targets, "target") : "nothing"
        switch exclusion.entries {
        case nil: return words
        case 0?: return "nothing, it has no entry"
        case let entries?: return "\(words), by \(Quantities.count(entries, "entry", "entries"))"
        }
    }

    /// `left out: printers.txt 12 addresses, by 14 entries; 10.0.0.9 nothing`
    package static func summary(_ exclusions: [Exclusion]?) -> String? {
        guard let exclusions, !exclusions.isEmpty else { return nil }
        let shown = exclusions.prefix(8).map { "\(Escaping.forTerminal($0.name)) \(taken($0))" }
        return "left out: " + (shown + (exclusions.count > 8 ? ["…"] : [])).joined(separator: "; ")
    }

    /// What is to be said at once of lists that are to be left out and have no entry.
    package static func notes(_ request: JobRequest) -> [String] {
        (request.excludeSources ?? []).filter { $0.count == 0 }.map {
            "synscan: \(Escaping.forTerminal($0.name)) has no entry: nothing is left out by it."
        }
    }
}
