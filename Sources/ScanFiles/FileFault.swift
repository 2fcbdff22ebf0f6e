/// What is wrong with a file that an administrator wrote, and where.
package struct FileFault: Error, Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1; nil when the fault is not in a line, as when the file cannot be read.
    package let line: Int?
    /// In characters, from 1; nil when the fault is not at one place in the line.
    package let column: Int?
    /// With its table, as in `limits.max_rate`; nil when the file is not TOML at all.
    package let key: String?
    /// A clause that says what is wrong and what to write instead.
    package let problem: String

    package init(file: String, line: Int? = nil, column: Int? = nil, key: String? = nil, problem: String) {
        self.file = file
        self.line = line
        self.column = column
        self.key = key
        self.problem = problem
    }

    /// `office.toml, line 3, rate`
    package var place: String {
        [file, line.map { "line \($0)" }, column.map { "column \($0)" }, key].compactMap(\.self).joined(separator: ", ")
    }

    package var description: String { place + ": " + problem }
}
