import ScanFiles
import ScanTargets

extension Scope {
    /// Reads `[scope]`: `allow`, `deny`, and the files of `deny_files`.
    static func read(_ table: inout TableReader) throws(FileFault) -> Scope {
        let allowWords = try table.strings("allow") ?? words
        var (allow, deny) = (AddressSet.Builder(), AddressSet.Builder())
        for text in allowWords {
            for block in blocks(of: text) ?? [text] { try add(block, to: &allow, "allow", table) }
        }
        let denyWords = try table.strings("deny") ?? []
        for text in denyWords { try add(text, to: &deny, "deny", table) }
        let files = try (table.strings("deny_files") ?? []).map { path throws(FileFault) in try denyFile(path, table) }
        for file in files { deny.insert(file.addresses) }
        return Scope(allow: allow.set, allowWords: allowWords, deny: deny.set, denyWords: denyWords, denyFiles: files)
    }

    private static func add(
        _ text: String, to builder: inout AddressSet.Builder, _ key: String, _ table: TableReader
    ) throws(FileFault) {
        do {
            try TargetExpression.each(in: text) { expression throws(ExpressionError) in
                for block in try blocks(of: expression) { builder.insert(block) }
            }
        } catch {
            throw table.fault(key, "\(error)" + (key == "allow" ? "; or write one of \(words.joined(separator: ", "))" : ""))
        }
    }

    private static func denyFile(_ path: String, _ table: TableReader) throws(FileFault) -> DenyFile {
        guard path.hasPrefix("/") else { throw table.fault("deny_files", "\"\(path)\" is not an absolute path") }
        let text: String
        do {
            text = try TextFile.readTrusted(path)
        } catch {
            throw table.fault("deny_files", "\(path) \(error.problem)")
        }
        var (entries, addresses) = (0, AddressSet.Builder())
        do {
            try TargetExpression.each(in: text, source: path) { expression throws(ExpressionError) in
                for block in try blocks(of: expression, source: path) {
                    entries += 1
                    addresses.insert(block)
                }
            }
        } catch {
            throw table.fault("deny_files", "\(error)")
        }
        return DenyFile(path: path, entries: entries, addresses: addresses.set)
    }

    /// The addresses of an expression that is neither a name nor has a port.
    private static func blocks(of expression: TargetExpression, source: String? = nil) throws(ExpressionError) -> [AddressRange] {
        let ranges = expression.ranges
        guard !ranges.isEmpty, expression.port == nil else {
            throw ExpressionError(
                asked: expression.text, problem: "this is not a block of addresses", remedy: "write it like 10.0.0.0/8", location: source)
        }
        return ranges
    }
}
