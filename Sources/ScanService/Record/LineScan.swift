/// Follows the numbers of log lines through the bytes of a file, piece by piece.
struct LineScan {
    /// The last line that was whole and had the number that was due.
    private(set) var last: Int64
    /// The bytes of all such lines.
    private(set) var wholeBytes: Int64 = 0
    /// False after a line that was not the next one.
    private(set) var isGoing = true
    /// What has come of a line whose end has not.
    private var rest: [UInt8] = []

    static let prefix = Array("{\"v\":1,\"seq\":".utf8)
    /// No line of ours is longer; the bound keeps a foreign file from filling memory.
    private static let longestLine = 1 << 20

    init(after seq: Int64) {
        last = seq
    }

    /// Whether the bytes end with a part of a line of ours.
    var isTornLine: Bool { isGoing && !rest.isEmpty && zip(rest, Self.prefix).allSatisfy(==) }

    mutating func read(_ piece: ArraySlice<UInt8>) {
        var piece = piece
        while isGoing, let end = piece.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest + piece[..<end]
            rest = []
            piece = piece[(end + 1)...]
            guard last < .max, Self.seq(of: line) == last + 1 else {
                isGoing = false
                return
            }
            last += 1
            wholeBytes += Int64(line.count) + 1
        }
        rest += piece
        if rest.count > Self.longestLine { isGoing = false }
    }

    /// The number of a whole line, nil for what is no line of ours.
    static func seq(of line: [UInt8]) -> Int64? {
        guard line.starts(with: prefix), line.last == UInt8(ascii: "}") else { return nil }
        let digits = line[prefix.count...].prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        return Int64(String(decoding: digits, as: UTF8.self))
    }
}
