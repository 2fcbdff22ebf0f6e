/// Finds the line of a key in TOML text, for errors.
///
/// Reads table headers and what stands before `=`; values are not parsed, the TOML library has done that. A key inside an inline table or a dotted
/// key is found by its longest part that begins a line.
struct KeyLines {
    private var lines: [String: Int] = [:]

    init(_ text: String) {
        var table = ""
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.drop { $0 == " " || $0 == "\t" }
            if words.first == "[" {
                table = Self.plain(words.prefix { $0 != "]" })
                note(table, index + 1)
            } else if let equals = words.firstIndex(of: "="), words.first != "#" {
                let key = Self.plain(words[..<equals])
                note(table.isEmpty ? key : "\(table).\(key)", index + 1)
            }
        }
    }

    /// The line of `key` (`limits.max_rate`), of the nearest part around it, or nil.
    func line(of key: String) -> Int? {
        var parts = key.split(separator: ".")
        while !parts.isEmpty {
            if let line = lines[parts.joined(separator: ".")] { return line }
            parts.removeLast()
        }
        return nil
    }

    private mutating func note(_ key: String, _ line: Int) {
        if lines[key] == nil { lines[key] = line }
    }

    /// Without brackets, quotes and white space.
    private static func plain(_ text: Substring) -> String {
        text.filter { !"[]\"' \t\r".contains($0) }
    }
}
