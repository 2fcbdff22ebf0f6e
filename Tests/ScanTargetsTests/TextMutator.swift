import TestSupport

/// Makes texts that are almost right: valid ones with one to four bytes changed, put in, taken out or doubled, and now and then bytes at
/// random.
struct TextMutator {
    private var random: SeededGenerator
    private let alphabet: [UInt8]
    private let valid: [[UInt8]]

    /// - Parameter alphabet: the bytes that mutations draw from, besides bytes at random.
    init(seed: UInt64, alphabet: String, valid: [String]) {
        random = SeededGenerator(seed: seed)
        self.alphabet = Array(alphabet.utf8)
        self.valid = valid.map { Array($0.utf8) }
    }

    mutating func next() -> String {
        var text = random.below(4) == 0 ? noise() : valid[random.below(valid.count)]
        for _ in 0..<random.below(5) { mutate(&text) }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func noise() -> [UInt8] {
        var text: [UInt8] = []
        for _ in 0..<random.below(24) { text.append(byte()) }
        return text
    }

    private mutating func mutate(_ text: inout [UInt8]) {
        let place = random.below(text.count + 1)
        switch random.below(4) {
        case 0 where place < text.count: text[place] = byte()
        case 1 where place < text.count: text.remove(at: place)
        case 2: text.insert(contentsOf: text[place...].prefix(1 + random.below(6)), at: place)
        default: text.insert(byte(), at: place)
        }
    }

    /// Seldom any byte but NUL, which no C string holds; mostly one that means something.
    private mutating func byte() -> UInt8 {
        random.below(16) == 0 ? UInt8(1 + random.below(255)) : alphabet[random.below(alphabet.count)]
    }
}
