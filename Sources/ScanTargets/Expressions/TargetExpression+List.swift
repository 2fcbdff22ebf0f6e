extension TargetExpression {
    /// Reads a list of targets, one to a line or several between white space or commas. `#` begins a comment that ends with the line, and so does
    /// `;` at the beginning of a line or behind white space. Blank lines, the line ends of every system and byte order marks are allowed. A list
    /// without targets gives nothing.
    ///
    /// - Parameter source: what the list is called in an error, such as the file's name.
    package static func each(
        in text: String, source: String, _ body: (TargetExpression) throws(ExpressionError) -> Void
    ) throws(ExpressionError) {
        var number = 0
        var doubt = PortDoubt()
        for line in Bytes(text).lines {
            number += 1
            let line = ListLine(line)
            if let fault = line.fault { throw ExpressionError(asked: line.content, fault: fault, location: "\(source), line \(number)") }
            for word in line.words() {
                try each(in: word, location: "\(source), line \(number)") { target throws(ExpressionError) in
                    doubt.note(target, location: "\(source), line \(number)")
                    try body(target)
                }
            }
        }
        try doubt.check()
    }

    package static func list(_ text: String, source: String) throws(ExpressionError) -> [TargetExpression] {
        var targets: [TargetExpression] = []
        try each(in: text, source: source) { targets.append($0) }
        return targets
    }
}

/// One line of a list, taken apart.
private struct ListLine {
    /// Without comment and byte order mark.
    let content: Bytes
    /// What is wrong with the line as a whole.
    let fault: SyntaxFault?

    init(_ line: Bytes) {
        var rest = line
        while rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
        let (content, comment) = Self.split(rest.withoutComment)
        self.content = content.trimmed
        let hasSeveral = self.content.contains { $0.isBlank || $0 == Ascii.comma }
        let faultOfColumns = hasSeveral ? Columns.fault(of: ListWords(of: self.content)) : nil
        fault = self.content.isEmpty ? nil : Self.fault(of: comment) ?? faultOfColumns
    }

    /// The targets; a range with spaces around its hyphen is one.
    func words() -> ListWords { ListWords(of: content) }

    /// The part in front of a `;` that begins a comment, and the comment.
    private static func split(_ line: Bytes) -> (content: Bytes, comment: Bytes) {
        guard line.contains(Ascii.semicolon) else { return (line, line[line.endIndex...]) }
        var isAfterBlank = true
        for index in line.indices {
            if line[index] == Ascii.semicolon, isAfterBlank { return (line[..<index], line[(index + 1)...]) }
            isAfterBlank = line[index].isBlank
        }
        return (line, line[line.endIndex...])
    }

    /// Lists from spreadsheets have `;` between columns: an address behind it must not be lost as a comment.
    private static func fault(of comment: Bytes) -> SyntaxFault? {
        let pieces = comment.split { $0.isBlank || $0 == Ascii.comma || $0 == Ascii.semicolon }.map(\.unquoted)
        let isTarget = { (piece: Bytes) in Self.isTarget(piece, isFirst: piece.startIndex == pieces.first?.startIndex) }
        guard let piece = pieces.first(where: isTarget) else { return nil }
        return SyntaxFault(
            at: comment.startIndex, "\"\(piece.printable)\" stands behind a ; which begins a comment",
            remedy: "write one target to a line, or # in front of what is a comment")
    }

    /// Whether a word of a comment is a target. A name is a word like others, but for one with a port in the place of a second column.
    private static func isTarget(_ word: Bytes, isFirst: Bool) -> Bool {
        if TargetExpression.isURL(word) { return true }
        guard let target = try? TargetSyntax.parse(word) else { return false }
        if case .name = target.hosts { return isFirst && target.port != nil }
        return true
    }
}

extension Bytes {
    /// Without quotation marks around it.
    fileprivate var unquoted: Bytes {
        let isQuote = { (byte: UInt8) in byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }
        return drop(while: isQuote).droppingLast(while: isQuote)
    }

    private func droppingLast(while isDropped: (UInt8) -> Bool) -> Bytes {
        var rest = self
        while let last = rest.last, isDropped(last) { rest = rest.dropLast() }
        return rest
    }
}

/// The words between white space; one that begins or ends with a hyphen or a comma belongs to its neighbour.
struct ListWords: Sequence, IteratorProtocol {
    private let text: Bytes
    private var rest: Bytes
    private var held: Bytes?

    init(of text: Bytes) {
        (self.text, rest) = (text, text)
        held = nextWord()
    }

    private mutating func nextWord() -> Bytes? {
        guard let start = rest.firstIndex(where: { !$0.isBlank }) else { return nil }
        let word = rest[start...].prefix { !$0.isBlank }
        rest = rest[word.endIndex...]
        return word
    }

    mutating func next() -> Bytes? {
        guard var word = held else { return nil }
        held = nextWord()
        while let next = held, Self.isOpen(word.last) || Self.isOpen(next.first) {
            word = text[word.startIndex..<next.endIndex]
            held = nextWord()
        }
        return word
    }

    private static func isOpen(_ byte: UInt8?) -> Bool { byte == Ascii.hyphen || byte == Ascii.comma }
}
