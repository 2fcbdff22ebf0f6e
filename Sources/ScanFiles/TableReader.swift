/// Reads one table of a TOML file (https://toml.io): checks every type itself, and knows afterwards which keys nobody asked for.
package struct TableReader {
    private let file: String
    private let name: String
    private let table: TOMLTable?
    /// Where the table begins; nil for the top level.
    private let line: Int?
    private var known: Set<String> = []

    /// The top level of a whole file's text; `file` is its name in errors.
    package init(text: String, file: String) throws(FileFault) {
        guard !text.utf8.contains(0) else {
            throw FileFault(file: file, problem: "holds a NUL byte, so it is UTF-16 or no text file: save it as UTF-8")
        }
        do {
            self.init(file: file, name: "", table: try TOMLParser.parse(text), line: nil)
        } catch {
            throw FileFault(file: file, line: error.line, column: error.column, problem: error.problem)
        }
    }

    /// `table` is nil where the file does not have it: every key is absent then.
    private init(file: String, name: String, table: TOMLTable?, line: Int?) {
        self.file = file
        self.name = name
        self.table = table
        self.line = line
    }

    /// The error for `key`, or for the table itself.
    package func fault(_ key: String?, _ problem: String) -> FileFault {
        let path = [name, key].compactMap(\.self).filter { !$0.isEmpty }.joined(separator: ".")
        return FileFault(file: file, line: key.flatMap { table?[$0]?.line } ?? line, key: path, problem: problem)
    }

    package mutating func string(_ key: String) throws(FileFault) -> String? {
        guard let value = value(key) else { return nil }
        guard case .string(let text) = value.content else { throw fault(key, "must be a text in quotes, not \(value.words)") }
        return text
    }

    /// A text, or a whole number for what may look like one: `ports = 22` is as good as `ports = "22"`.
    package mutating func stringOrInteger(_ key: String) throws(FileFault) -> String? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .integer(let number): return String(number)
        case .string(let text): return text
        default: throw fault(key, "must be a text in quotes or a whole number, not \(value.words)")
        }
    }

    /// A text, or any number for what may look like one: `recall = 0.999` is as good as `recall = "0.999"`.
    package mutating func stringOrNumber(_ key: String) throws(FileFault) -> String? {
        if case .float(let number) = value(key)?.content { return "\(number)" }
        return try stringOrInteger(key)
    }

    package mutating func boolean(_ key: String) throws(FileFault) -> Bool? {
        guard let value = value(key) else { return nil }
        guard case .boolean(let truth) = value.content else { throw fault(key, "must be true or false, not \(value.words)") }
        return truth
    }

    package mutating func integer(_ key: String, in range: ClosedRange<Int64>) throws(FileFault) -> Int64? {
        guard let value = value(key) else { return nil }
        guard case .integer(let number) = value.content else { throw fault(key, "must be a whole number, not \(value.words)") }
        guard range.contains(number) else {
            throw fault(key, "must be \(range.lowerBound) to \(range.upperBound), not \(number)")
        }
        return number
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
        guard case .array(let array) = value.content else { throw fault(key, "must be a list like [\"a\", \"b\"], not \(value.words)") }
        var texts: [String] = []
        for element in array {
            guard case .string(let text) = element.content else {
                throw fault(key, "must be a list of texts in quotes; one item is \(element.words)")
            }
            texts.append(text)
        }
        return texts
    }

    /// A list of texts, or a text for a list of one.
    package mutating func stringOrStrings(_ key: String) throws(FileFault) -> [String]? {
        if case .string(let text) = value(key)?.content { return [text] }
        return try strings(key)
    }

    package mutating func table(_ key: String) throws(FileFault) -> TableReader {
        guard let value = value(key) else { return TableReader(file: file, name: path(key), table: nil, line: line) }
        guard case .table(let table) = value.content else { throw fault(key, "must be a table, [\(key)], not \(value.words)") }
        return TableReader(file: file, name: path(key), table: table, line: value.line)
    }

    /// Throws for the first key that was not asked for.
    package func finish() throws(FileFault) {
        let unknown = (table?.entries ?? [:]).filter { !known.contains($0.key) }
        guard let first = unknown.min(by: { ($0.value.line, $0.key) < ($1.value.line, $1.key) })?.key else { return }
        let kind = name.isEmpty ? "names here" : "keys of [\(name)]"
        throw fault(first, "unknown; the \(kind) are \(known.sorted().joined(separator: ", "))")
    }

    private func path(_ key: String) -> String { name.isEmpty ? key : "\(name).\(key)" }

    private mutating func value(_ key: String) -> TOMLValue? {
        known.insert(key)
        return table?[key]
    }
}
