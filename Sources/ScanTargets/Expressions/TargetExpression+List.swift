extension TargetExpression {
    /// Reads a list of targets: words between white space, `#` begins a comment that ends with the line. Blank lines, Windows line ends and
    /// a byte order mark are allowed. A list without targets gives an empty array.
    ///
    /// - Parameter source: what the list is called in an error, such as the file's name.
    package static func list(_ text: String, source: String) throws(ExpressionError) -> [TargetExpression] {
        var targets: [TargetExpression] = []
        var number = 0
        for line in withoutByteOrderMark(Bytes(text)).lines {
            number += 1
            for word in line.withoutComment.words {
                targets.append(try TargetExpression(word, location: "\(source), line \(number)"))
            }
        }
        return targets
    }

    private static func withoutByteOrderMark(_ text: Bytes) -> Bytes {
        text.starts(with: [0xef, 0xbb, 0xbf]) ? text.dropFirst(3) : text
    }
}
