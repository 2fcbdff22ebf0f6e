/// Reads TOML 1.0 (https://toml.io/en/v1.0.0). Whatever the bytes are, it ends with a table or with a sentence.
///
/// It is the daemon's own, because a parser that stops the process at a slip of the pen has no place in one that runs as root for months.
struct TOMLParser {
    private let bytes: [UInt8]
    private(set) var position = 0
    private(set) var line = 1
    private var lineStart = 0
    /// How many headers there were: tells the dotted keys below one from those below another.
    private var section = 0

    /// Tables and lists inside each other. More is no configuration, and would cost stack.
    static let deepest = 64

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The top level of a whole file.
    static func parse(_ text: String) throws(TOMLFault) -> TOMLTable {
        var parser = TOMLParser(Array(text.utf8))
        return try parser.document()
    }

    private mutating func document() throws(TOMLFault) -> TOMLTable {
        let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
        if bytes.starts(with: byteOrderMark) {
            position = byteOrderMark.count
            lineStart = position
        }
        let root = TOMLTable(.header)
        var current = root
        while true {
            skipBlanks()
            switch peek {
            case nil: return root
            case UInt8(ascii: "#"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): break
            case UInt8(ascii: "["): current = try header(root)
            default: try assignment(to: current, depth: 0)
            }
            try endLine()
        }
    }

    // MARK: - Bytes

    var peek: UInt8? { peek(0) }

    func peek(_ distance: Int) -> UInt8? {
        let place = position + distance
        return place < bytes.count ? bytes[place] : nil
    }

    mutating func advance(_ count: Int = 1) { position = min(position + count, bytes.count) }

    /// Goes past the byte if it is the next one.
    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: byte) else { return false }
        advance()
        return true
    }

    /// Whether the next bytes are these.
    func follows(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    }

    func text(from start: Int) -> String { String(decoding: bytes[min(start, position)..<position], as: UTF8.self) }

    func slice(from start: Int) -> ArraySlice<UInt8> { bytes[min(start, position)..<position] }

    mutating func skipBlanks() {
        while peek == UInt8(ascii: " ") || peek == UInt8(ascii: "\t") { advance() }
    }

    /// Goes past the end of a line, if here is one.
    mutating func takeLineEnd() throws(TOMLFault) -> Bool {
        guard peek == UInt8(ascii: "\n") || peek == UInt8(ascii: "\r") else { return false }
        if peek == UInt8(ascii: "\r") {
            guard peek(1) == UInt8(ascii: "\n") else {
                throw fault("a carriage return stands here alone: save the file with line ends of Unix or Windows")
            }
            advance()
        }
        advance()
        line += 1
        lineStart = position
        return true
    }

    /// Goes past blanks and a comment.
    private mutating func skipComment() throws(TOMLFault) {
        skipBlanks()
        guard take("#") else { return }
        while let byte = peek, byte != UInt8(ascii: "\n"), !(byte == UInt8(ascii: "\r") && peek(1) == UInt8(ascii: "\n")) {
            if byte == UInt8(ascii: "\r") { _ = try takeLineEnd() }
            guard !Self.isControl(byte), !isForeignLineEnd else { throw fault("\(here) cannot stand in a comment") }
            advance()
        }
    }

    /// Whether a line end stands here that editors show as one and TOML does not know: what follows would be lost in the comment. U+0085, U+2028 and
    /// U+2029 in UTF-8.
    private var isForeignLineEnd: Bool {
        switch peek {
        case 0xC2: peek(1) == 0x85
        case 0xE2: peek(1) == 0x80 && (peek(2) == 0xA8 || peek(2) == 0xA9)
        default: false
        }
    }

    private mutating func endLine() throws(TOMLFault) {
        try skipComment()
        guard try !takeLineEnd(), peek != nil else { return }
        throw fault("\(here) is too much here: only a comment (#) may follow in this line")
    }

    /// White space, comments and line ends, between the items of a list.
    private mutating func skipLines() throws(TOMLFault) {
        repeat { try skipComment() } while try takeLineEnd()
    }

    /// What no text may hold: control characters but the tab.
    static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7f }

    // MARK: - Faults

    func fault(_ problem: String) -> TOMLFault {
        let before = bytes[min(lineStart, position)..<position]
        return TOMLFault(line: line, column: 1 + before.count { $0 & 0xc0 != 0x80 }, problem: problem)
    }

    /// What stands here, for people.
    var here: String {
        guard let byte = peek else { return "the end of the file" }
        if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { return "the end of the line" }
        guard let scalar = String(decoding: bytes[position...].prefix(4), as: UTF8.self).unicodeScalars.first else { return "this" }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let number = "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        switch scalar {
        case "“", "”", "„", "‟", "‘", "’", "‚", "‛", "«", "»":
            return "\(scalar) (\(number), a typographic quotation mark; write \" instead)"
        case "\u{fffd}": return "a byte that is not UTF-8"
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .spaceSeparator, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate:
            return scalar == " " ? "a blank" : "the invisible character \(number)"
        default: return "\"\(scalar)\""
        }
    }

    // MARK: - Keys and tables

    private static func isBareKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private mutating func keyPart(_ what: StaticString) throws(TOMLFault) -> String {
        if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") {
            guard !follows("\"\"\""), !follows("'''") else { throw fault("a name cannot be a text of several lines") }
            return try string()
        }
        let start = position
        while let byte = peek, Self.isBareKey(byte) { advance() }
        guard position > start else { throw fault("here stands \(here), but \(what) is expected: letters, digits, _ and -, or quotes") }
        return text(from: start)
    }

    /// `a`, `a.b`, `"a b".c`: its parts, one at least.
    private mutating func key(_ what: StaticString) throws(TOMLFault) -> [String] {
        var parts: [String] = []
        repeat {
            skipBlanks()
            parts.append(try keyPart(what))
            guard parts.count <= Self.deepest else { throw tooDeep }
            skipBlanks()
        } while take(".")
        return parts
    }

    private var tooDeep: TOMLFault { fault("this is nested more than \(Self.deepest) deep") }

    /// `[a.b]` or `[[a.b]]`: the table that the next lines belong to.
    private mutating func header(_ root: TOMLTable) throws(TOMLFault) -> TOMLTable {
        let start = self
        advance()
        let isList = take("[")
        var parts = try key(isList ? "the name of a table after [[" : "the name of a table after [")
        guard take("]") else { throw fault("here stands \(here), but the table's name ends with ]") }
        guard !isList || take("]") else { throw fault("here stands \(here), but a name that begins with [[ ends with ]]") }
        section += 1
        let last = parts.removeLast()
        let parent = try walk(root, parts, start)
        return isList ? try listed(last, in: parent, start) : try named(last, in: parent, start)
    }

    /// Goes from a header's table to table; those that are not there yet are implied.
    private func walk(_ root: TOMLTable, _ parts: [String], _ start: TOMLParser) throws(TOMLFault) -> TOMLTable {
        var table = root
        for part in parts {
            switch table[part]?.content {
            case nil:
                let new = TOMLTable(.implied)
                table[part] = TOMLValue(content: .table(new), line: start.line)
                table = new
            case .table(let next) where next.origin != .inline: table = next
            case .tables(let list): table = list.last
            case .some: throw start.twice(part, table)
            }
        }
        return table
    }

    private func named(_ name: String, in parent: TOMLTable, _ start: TOMLParser) throws(TOMLFault) -> TOMLTable {
        let table: TOMLTable
        switch parent[name]?.content {
        case nil: table = TOMLTable(.header)
        case .table(let implied) where implied.origin == .implied:
            implied.name()
            table = implied
        case .some: throw start.twice(name, parent)
        }
        parent[name] = TOMLValue(content: .table(table), line: start.line)
        return table
    }

    private func listed(_ name: String, in parent: TOMLTable, _ start: TOMLParser) throws(TOMLFault) -> TOMLTable {
        let table = TOMLTable(.header)
        switch parent[name]?.content {
        case nil: parent[name] = TOMLValue(content: .tables(TOMLTables(table)), line: start.line)
        case .tables(let list): list.append(table)
        case .some: throw start.twice(name, parent)
        }
        return table
    }

    private func twice(_ name: String, _ table: TOMLTable) -> TOMLFault {
        fault("\(Self.shown(name)) is there already, since line \(table[name]?.line ?? line)")
    }

    private static func shown(_ name: String) -> String {
        !name.isEmpty && name.utf8.count <= 64 && name.utf8.allSatisfy(isBareKey) ? name : "this name"
    }

    /// `key = value`, for the whole file or inside braces.
    private mutating func assignment(to table: TOMLTable, depth: Int) throws(TOMLFault) {
        let start = self
        var parts = try key("a name")
        guard take("=") else { throw fault("here stands \(here), but a name is followed by = and its value") }
        skipBlanks()
        let last = parts.removeLast()
        var table = table
        for part in parts {
            switch table[part]?.content {
            case nil:
                let new = TOMLTable(.dotted(section: section))
                table[part] = TOMLValue(content: .table(new), line: start.line)
                table = new
            case .table(let next) where next.origin == .dotted(section: section): table = next
            case .some: throw start.twice(part, table)
            }
        }
        guard table[last] == nil else { throw start.twice(last, table) }
        // Counted from the top of the file: what is nested is taken apart again, level by level.
        table[last] = try value(depth: depth + parts.count)
    }

    // MARK: - Values

    private mutating func value(depth: Int) throws(TOMLFault) -> TOMLValue {
        guard depth < Self.deepest else { throw tooDeep }
        let line = line
        return TOMLValue(content: try content(depth: depth), line: line)
    }

    private mutating func content(depth: Int) throws(TOMLFault) -> TOMLValue.Content {
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try string())
        case UInt8(ascii: "["): return .array(try array(depth: depth))
        case UInt8(ascii: "{"): return .table(try inlineTable(depth: depth))
        default: return try word()
        }
    }

    private mutating func array(depth: Int) throws(TOMLFault) -> [TOMLValue] {
        let start = self
        advance()
        var items: [TOMLValue] = []
        while true {
            try skipLines()
            if take("]") { return items }
            guard peek != nil else { throw start.fault("this list has no end: a ] is missing") }
            items.append(try value(depth: depth + 1))
            try skipLines()
            if take(",") { continue }
            if take("]") { return items }
            guard peek != nil else { throw start.fault("this list has no end: a ] is missing") }
            throw fault("here stands \(here), but a comma or ] is expected after an item of a list")
        }
    }

    private mutating func inlineTable(depth: Int) throws(TOMLFault) -> TOMLTable {
        let table = TOMLTable(.inline)
        advance()
        skipBlanks()
        if take("}") { return table }
        repeat {
            skipBlanks()
            try assignment(to: table, depth: depth + 1)
            skipBlanks()
        } while take(",")
        guard take("}") else { throw fault("here stands \(here), but a comma or } is expected: a table in braces stands in one line") }
        return table
    }
}
