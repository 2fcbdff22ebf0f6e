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

/// The lines of a text, without their ends. Whatever some program takes for the end of a line ends one here: line feed, carriage return, both
/// together, vertical tab, form feed, the file, group and record separators, U+0085, U+2028 and U+2029. So no comment reaches further than
/// whoever wrote it saw it reach, and swallows an entry.
struct Lines: Sequence, IteratorProtocol {
    private var rest: Bytes?

    init(of text: Bytes) { rest = text }

    mutating func next() -> Bytes? {
        guard let text = rest else { return nil }
        var start = text.startIndex
        // Nearly all bytes of a list are plain ASCII.
        while let index = text[start...].firstIndex(where: { $0 < 0x20 || $0 == 0xc2 || $0 == 0xe2 }) {
            let length = Self.lengthOfEnd(text, index)
            if length > 0 {
                rest = text[(index + length)...]
                return text[..<index]
            }
            start = index + 1
        }
        rest = nil
        return text
    }

    /// How many bytes the end of a line at `index` has; 0 where there is none.
    private static func lengthOfEnd(_ text: Bytes, _ index: Int) -> Int {
        func has(_ bytes: UInt8...) -> Bool { text[index...].starts(with: bytes) }
        switch text[index] {
        case 0x0d: return index + 1 < text.endIndex && text[index + 1] == Ascii.lineFeed ? 2 : 1
        case 0x0a...0x0c, 0x1c...0x1e: return 1
        case 0xc2: return has(0xc2, 0x85) ? 2 : 0
        case 0xe2: return has(0xe2, 0x80, 0xa8) || has(0xe2, 0x80, 0xa9) ? 3 : 0
        default: return 0
        }
    }
}

extension Bytes {
    var lines: Lines { Lines(of: self) }

    /// The items between commas.
    var items: Parts { Parts(of: self) { $0 == Ascii.comma } }

    /// The words between white space, none of them empty.
    var words: LazyFilterSequence<Parts> { Parts(of: self, separatedBy: \.isBlank).lazy.filter { !$0.isEmpty } }

    /// The part in front of a `#`, which begins a comment.
    var withoutComment: Bytes { prefix { $0 != Ascii.numberSign } }
}
