/// What is wrong with the configuration, and where.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1; nil when the fault is not in a line, as when the file cannot be read.
    package let line: Int?
    /// With its table, as in `limits.max_rate`; nil when the file is not TOML at all.
    package let key: String?
    /// A clause that says what is wrong and what to write instead.
    package let problem: String

    package init(file: String, line: Int? = nil, key: String? = nil, problem: String) {
        self.file = file
        self.line = line
        self.key = key
        self.problem = problem
    }

    package var description: String {
        [file, line.map { "line \($0)" }, key].compactMap(\.self).joined(separator: ", ") + ": " + problem
    }
}
