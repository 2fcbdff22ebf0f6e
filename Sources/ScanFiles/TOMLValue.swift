/// A value of a TOML file, and the line that it begins in, from 1.
struct TOMLValue {
    enum Content {
        case string(String)
        case integer(Int64)
        case float(Double)
        case boolean(Bool)
        /// A date, a time, or both: nobody here asks for one, so what it says is not kept.
        case dateTime
        case array([TOMLValue])
        case table(TOMLTable)
        /// What `[[name]]` adds to.
        case tables(TOMLTables)
    }

    let content: Content
    let line: Int

    /// What it is, for people.
    var words: String {
        switch content {
        case .array, .tables: "a list"
        case .table: "a table"
        case .string: "a text"
        case .integer: "a whole number"
        case .float: "a number with a fraction"
        case .boolean: "true or false"
        case .dateTime: "a date or time"
        }
    }
}

/// A table while it is read and afterwards. Used by one thread.
final class TOMLTable {
    /// How it came to be, which says what may still be added to it.
    enum Origin: Equatable {
        /// Named by a header of its own, or the top level.
        case header
        /// Named on the way to another table, as `a` is by `[a.b]`: a header of its own may still come.
        case implied
        /// Made by a dotted key below this header, counted from the top.
        case dotted(section: Int)
        /// Written in braces: closed.
        case inline
    }

    private(set) var origin: Origin
    private(set) var entries: [String: TOMLValue] = [:]

    init(_ origin: Origin) {
        self.origin = origin
    }

    subscript(key: String) -> TOMLValue? {
        get { entries[key] }
        set { entries[key] = newValue }
    }

    /// Takes the header that was due for a table that was only implied before.
    func name() { origin = .header }
}

/// The tables of one `[[name]]`.
final class TOMLTables {
    private(set) var last: TOMLTable
    private(set) var count = 1

    init(_ first: TOMLTable) {
        last = first
    }

    /// Only the latest is kept: others are added to it alone, and nobody here asks for such a list.
    func append(_ table: TOMLTable) {
        last = table
        count += 1
    }
}

/// What is no TOML, and where.
struct TOMLFault: Error {
    let line: Int
    /// In characters, from 1.
    let column: Int
    let problem: String
}
