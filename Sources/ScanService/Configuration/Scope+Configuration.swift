import ScanFiles
import ScanTargets

extension Scope {
    /// Reads `[scope]`: `allow`, `deny`, and the files of `deny_files`.
    static func read(_ table: inout TableReader) throws(FileFault) -> Scope {
        let allowWords = try table.strings("allow") ?? words
        var allow: [AddressRange] = []
        for text in allowWords {
            for block in blocks(of: text) ?? [text] { allow += try ranges(block, "allow", table) }
        }
        let denyWords = try table.strings("deny") ?? []
        var deny: [AddressRange] = []
        for text in denyWords { deny += try ranges(text, "deny", table) }
        var files: [DenyFile] = []
        for path in try table.strings("deny_files") ?? [] {
            let ranges = try denied(in: path, table)
            deny += ranges
            files.append(DenyFile(path: path, entries: ranges.count, addresses: AddressSet(ranges)))
        }
        return Scope(allow: AddressSet(allow), allowWords: allowWords, deny: AddressSet(deny), denyWords: denyWords, denyFiles: files)
    }

    private static func ranges(_ text: String, _ key: String, _ table: TableReader) throws(FileFault) -> [AddressRange] {
        var ranges: [AddressRange] = []
        do {
            try TargetExpression.each(in: text) { expression throws(ExpressionError) in ranges += try blocks(of: expression) }
        } catch {
            throw table.fault(key, "\(error)" + (key == "allow" ? "; or write one of \(words.joined(separator: ", "))" : ""))
        }
        return ranges
    }

    private static func denied(in path: String, _ table: TableReader) throws(FileFault) -> [AddressRange] {
        guard path.hasPrefix("/") else { throw table.fault("deny_files", "\"\(path)\" is not an absolute path") }
        let text: String
        do {
            text = try TextFile.readTrusted(path)
        } catch {
            throw table.fault("deny_files", "\(path) \(error.problem)")
        }
        var ranges: [AddressRange] = []
        do {
            try TargetExpression.each(in: text, source: path) { expression throws(ExpressionError) in
                ranges += try blocks(of: expression, source: path)
            }
        } catch {
            throw table.fault("deny_files", "\(error)")
        }
        return ranges
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
