import TOMLKit

/// Reads one table of a TOML file (https://toml.io): checks every type itself, and knows afterwards which keys nobody asked for.
package struct TableReader {
    private let file: String
    private let name: String
    private let table: TOMLTable?
    private let lines: KeyLines
    private var known: Set<String> = []

    /// The top level of a whole file's text; `file` is its name in errors.
    package init(text: String, file: String) throws(FileFault) {
        self.init(file: file, name: "", table: try Self.parse(text, file), lines: KeyLines(text))
    }

    private static func parse(_ text: String, _ file: String) throws(FileFault) -> TOMLTable {
        // The library takes C strings: what follows a NUL would go unread.
        guard !text.utf8.contains(0) else {
            throw FileFault(file: file, problem: "holds a NUL byte, so it is UTF-16 or no text file: save it as UTF-8")
        }
        do {
            return try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            throw FileFault(file: file, line: error.source.begin.line, problem: "\(error.description)")
        } catch {
            throw FileFault(file: file, problem: "is not TOML: \(error)")
        }
    }

    /// `table` is nil where the file does not have it: every key is absent then.
    init(file: String, name: String, table: TOMLTable?, lines: KeyLines) {
        self.file = file
        self.name = name
        self.table = table
        self.lines = lines
    }

    /// The error for `key`, or for the table itself.
    package func fault(_ key: String?, _ problem: String) -> FileFault {
        let path = [name, key].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ".")
        return FileFault(file: file, line: lines.line(of: path), key: path, problem: problem)
    }

    package mutating func string(_ key: String) throws(FileFault) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.string else { throw fault(key, "must be a text in quotes, not \(Self.words(value.type))") }
        return text
    }

    /// A text, or a whole number for what may look like one: `ports = 22` is as good as `ports = "22"`.
    package mutating func stringOrInteger(_ key: String) throws(FileFault) -> String? {
        guard let value = value(key) else { return nil }
        if let number = value.int { return String(number) }
        guard let text = value.string else { throw fault(key, "must be a text in quotes or a whole number, not \(Self.words(value.type))") }
        return text
    }

    /// A text, or any number for what may look like one: `recall = 0.999` is as good as `recall = "0.999"`.
    package mutating func stringOrNumber(_ key: String) throws(FileFault) -> String? {
        if let number = value(key)?.double { return "\(number)" }
        return try stringOrInteger(key)
    }

    package mutating func boolean(_ key: String) throws(FileFault) -> Bool? {
        guard let value = value(key) else { return nil }
        guard let truth = value.bool else { throw fault(key, "must be true or false, not \(Self.words(value.type))") }
        return truth
    }

    package mutating func integer(_ key: String, in range: ClosedRange<Int64>) throws(FileFault) -> Int64? {
        guard let value = value(key) else { return nil }
        guard let number = value.int else { throw fault(key, "must be a whole number, not \(Self.words(value.type))") }
        guard range.contains(Int64(number)) else {
            throw fault(key, "must be \(range.lowerBound) to \(range.upperBound), not \(number)")
        }
        return Int64(number)
    }

    /// A length of time like `"90s"`, `"30m"`, `"12h"`, `"7d"`, in seconds.
    package mutating func seconds(_ key: String, in range: ClosedRange<Int>) throws(FileFault) -> Int? {
        guard let text = try string(key) else { return nil }
        guard let seconds = DurationText.seconds(text) else {
            throw fault(key, "\"\(text)\" is not a length of time; write it like \"90s\", \"30m\", \"12h\" or \"7d\"")
        }
        guard range.contains(seconds) else {
            throw fault(key, "must be \(range.lowerBound) to \(range.upperBound) seconds, not \(text)")
        }
        return seconds
    }

    package mutating func strings(_ key: String) throws(FileFault) -> [String]? {
        guard let value = value(key) else { return nil }
        guard let array = value.array else { throw fault(key, "must be a list like [\"a\", \"b\"], not \(Self.words(value.type))") }
        var texts: [String] = []
        for element in array {
            guard let text = element.string else {
                throw fault(key, "must be a list of texts in quotes; one item is \(Self.words(element.type))")
            }
            texts.append(text)
        }
        return texts
    }

    /// A list of texts, or a text for a list of one.
    package mutating func stringOrStrings(_ key: String) throws(FileFault) -> [String]? {
        if let text = value(key)?.string { return [text] }
        return try strings(key)
    }

    package mutating func table(_ key: String) throws(FileFault) -> TableReader {
        let value = value(key)
        if let value, value.table == nil { throw fault(key, "must be a table, [\(key)], not \(Self.words(value.type))") }
        return TableReader(file: file, name: path(key), table: value?.table, lines: lines)
    }

    /// Throws for the first key that was not asked for.
    package func finish() throws(FileFault) {
        let unknown = (table?.keys ?? []).filter { !known.contains($0) }
        let first = unknown.min { (lines.line(of: path($0)) ?? 0, $0) < (lines.line(of: path($1)) ?? 0, $1) }
        guard let first else { return }
        let kind = name.isEmpty ? "names here" : "keys of [\(name)]"
        throw fault(first, "unknown; the \(kind) are \(known.sorted().joined(separator: ", "))")
    }

    private func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    private mutating func value(_ key: String) -> (any TOMLValueConvertible)? {
        known.insert(key)
        return table?[key]
    }

    private static func words(_ type: TOMLType) -> String {
        switch type {
        case .array: "a list"
        case .table: "a table"
        case .string: "a text"
        case .int: "a whole number"
        case .double: "a number with a fraction"
        case .bool: "true or false"
        case .date, .time, .dateTime: "a date or time"
        }
    }
}
