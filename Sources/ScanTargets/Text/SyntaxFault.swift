/// What a grammar found wrong, and where. The entry points turn it into an `ExpressionError`.
struct SyntaxFault: Error {
    /// Index into the `Bytes` that were parsed.
    let offset: Int
    /// What is wrong, as a clause.
    let problem: String
    /// What to write instead, as a clause.
    let remedy: String

    init(at offset: Int, _ problem: String, remedy: String) {
        self.offset = offset
        self.problem = problem
        self.remedy = remedy
    }
}
