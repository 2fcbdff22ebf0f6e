/// The parts of a text between separators, one at a time: a request may hold millions, and most loops end at the first fault.
///
/// Empty parts count, so a text with n separators has n + 1 parts.
struct Parts: Sequence, IteratorProtocol {
    private var rest: Bytes?
    private let isSeparator: (UInt8) -> Bool

    init(of text: Bytes, separatedBy isSeparator: @escaping (UInt8) -> Bool) {
        rest = text
        self.isSeparator = isSeparator
    }

    mutating func next() -> Bytes? {
        guard let text = rest else { return nil }
        guard let end = text.firstIndex(where: isSeparator) else {
            rest = nil
            return text
        }
        rest = text[(end + 1)...]
        return text[..<end]
    }
}

extension Bytes {
    /// The lines; a carriage return before the line feed stays with its line.
    var lines: Parts { Parts(of: self) { $0 == Ascii.lineFeed } }

    /// The items between commas.
    var items: Parts { Parts(of: self) { $0 == Ascii.comma } }

    /// The words between white space, none of them empty.
    var words: LazyFilterSequence<Parts> { Parts(of: self, separatedBy: \.isBlank).lazy.filter { !$0.isEmpty } }

    /// The part in front of a `#`, which begins a comment.
    var withoutComment: Bytes { prefix { $0 != Ascii.numberSign } }
}
