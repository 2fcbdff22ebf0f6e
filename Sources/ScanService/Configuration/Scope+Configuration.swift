import ScanFiles
import ScanTargets

extension Scope {
    /// Reads `[scope]`: `allow`, `deny`, and the files of `deny_files`.
    static func read(_ table: inout TableReader) throws(FileFault) -> Scope {
        let allowWords = try table.strings("allow") ?? words
        var allow: [AddressRange] = []
        for text in allowWords {
            for block in blocks(of: text) ?? [text] { allow.append(try range(block, "allow", table)) }
        }
        let denyWords = try table.strings("deny") ?? []
        var deny: [AddressRange] = []
        for text in denyWords { deny.append(try range(text, "deny", table)) }
        let files = try table.strings("deny_files") ?? []
        for path in files { deny += try denied(in: path, table) }
        return Scope(
            allow: AddressSet(allow), allowWords: allowWords, deny: AddressSet(deny), denyWords: denyWords + files.map { "all in \($0)" })
    }

    private static func range(_ text: String, _ key: String, _ table: TableReader) throws(FileFault) -> AddressRange {
        let expression: TargetExpression
        do {
            expression = try TargetExpression(parsing: text)
        } catch {
            throw table.fault(key, "\(error)" + (key == "allow" ? "; or write one of \(words.joined(separator: ", "))" : ""))
        }
        guard case .addresses(let range) = expression.hosts, expression.port == nil else {
            throw table.fault(key, "\"\(text)\" is not a block of addresses; write it like 10.0.0.0/8")
        }
        return range
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
            for expression in try TargetExpression.list(text, source: path) {
                guard case .addresses(let range) = expression.hosts, expression.port == nil else {
                    throw table.fault("deny_files", "\(path): \"\(expression.text)\" is not a block of addresses; write it like 10.0.0.0/8")
                }
                ranges.append(range)
            }
        } catch let error as FileFault {
            throw error
        } catch {
            throw table.fault("deny_files", "\(error)")
        }
        return ranges
    }
}
