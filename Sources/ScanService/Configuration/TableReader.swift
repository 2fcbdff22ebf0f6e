import TOMLKit

/// Reads one table of the configuration: checks every type itself, and knows afterwards which keys nobody asked for.
struct TableReader {
    private let file: String
    private let name: String
    private let table: TOMLTable?
    private let lines: KeyLines
    private var known: Set<String> = []

    /// `table` is nil where the file does not have it: every key is absent then.
    init(file: String, name: String, table: TOMLTable?, lines: KeyLines) {
        self.file = file
        self.name = name
        self.table = table
        self.lines = lines
    }

    /// The error for `key`, or for the table itself.
    func fault(_ key: String?, _ problem: String) -> ConfigurationError {
        let path = [name, key].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ".")
        return ConfigurationError(file: file, line: lines.line(of: path), key: path, problem: problem)
    }

    mutating func string(_ key: String) throws(ConfigurationError) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.string else { throw fault(key, "must be a text in quotes, not \(Self.words(value.type))") }
        return text
    }

    mutating func integer(_ key: String, in range: ClosedRange<Int64>) throws(ConfigurationError) -> Int64? {
        guard let value = value(key) else { return nil }
        guard let number = value.int else { throw fault(key, "must be a whole number, not \(Self.words(value.type))") }
        guard range.contains(Int64(number)) else {
            throw fault(key, "must be \(range.lowerBound) to \(range.upperBound), not \(number)")
        }
        return Int64(number)
    }

    mutating func strings(_ key: String) throws(ConfigurationError) -> [String]? {
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

    mutating func table(_ key: String) throws(ConfigurationError) -> TableReader {
        let value = value(key)
        if let value, value.table == nil { throw fault(key, "must be a table, [\(key)], not \(Self.words(value.type))") }
        return TableReader(file: file, name: key, table: value?.table, lines: lines)
    }

    /// Throws for the first key that was not asked for.
    func finish() throws(ConfigurationError) {
        let unknown = (table?.keys ?? []).filter { !known.contains($0) }
        let first = unknown.min { (lines.line(of: path($0)) ?? 0, $0) < (lines.line(of: path($1)) ?? 0, $1) }
        guard let first else { return }
        let kind = name.isEmpty ? "tables" : "keys of [\(name)]"
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
