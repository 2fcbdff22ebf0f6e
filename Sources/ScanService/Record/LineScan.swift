/// Follows the numbers of log lines through the bytes of a file, piece by piece, and says of each line whether it stays.
struct LineScan {
    /// The last line that was whole and had the number that was due.
    private(set) var last: Int64
    /// The greatest number of any line of ours.
    private(set) var highest: Int64 = 0
    /// The greatest number of a job in a line of ours.
    private(set) var highestJob: Int64 = 0
    /// The last line that the store knows.
    private let stored: Int64
    /// Whether the bytes before were known to be ours: then NUL bytes are what a power loss left.
    private let isOurs: Bool
    /// Whether a line of somebody else's came by.
    private var isMixed = false
    /// What has come of a line whose end has not.
    private var rest: [UInt8] = []

    /// What becomes of some bytes.
    enum Verdict {
        /// They stand there for good, ours or somebody's.
        case keep
        /// They are ours, torn or out of order, and stand in the outbox whole.
        case drop
        /// A line of ours that the store does not know.
        case unknown
    }

    static let prefix = Array("{\"v\":1,\"seq\":".utf8)
    /// No line of ours is longer; the bound keeps a foreign file from filling memory.
    private static let longestLine = 1 << 20
    /// No daemon comes as far: a number beyond it is somebody's joke.
    private static let greatest: Int64 = 1 << 60

    init(after seq: Int64, stored: Int64, isOurs: Bool) {
        last = seq
        self.stored = stored
        self.isOurs = isOurs
    }

    /// Reads on and gives each line that has come to its end, with its line feed, and pieces of lines that are too long for ours.
    mutating func read(_ piece: ArraySlice<UInt8>, _ each: (ArraySlice<UInt8>, Verdict) throws -> Void) rethrows {
        var piece = piece
        while let end = piece.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest.isEmpty ? piece[...end] : ArraySlice(rest + piece[...end])
            rest = []
            piece = piece[(end + 1)...]
            try each(line, verdict(on: line.dropLast()))
        }
        rest += piece
        guard rest.count > Self.longestLine else { return }
        try each(ArraySlice(rest), .keep)
        rest = []
    }

    /// Gives what stands behind the last line feed.
    mutating func end(_ each: (ArraySlice<UInt8>, Verdict) throws -> Void) rethrows {
        guard !rest.isEmpty else { return }
        let isLikeOurs = zip(rest, Self.prefix).allSatisfy(==) && (isOurs || !isMixed || rest.count >= Self.prefix.count)
        let isTorn = isLikeOurs || isOurs && rest.contains(0)
        try each(ArraySlice(rest), isTorn ? .drop : .keep)
        rest = []
    }

    private mutating func verdict(on line: ArraySlice<UInt8>) -> Verdict {
        guard let seq = Self.seq(of: line), seq < Self.greatest else {
            isMixed = true
            return isOurs && line.contains(0) ? .drop : .keep
        }
        highest = max(highest, seq)
        if seq > stored {
            highestJob = max(highestJob, Self.number(behind: Self.jobKey, in: line) ?? 0)
            last = max(last, seq)
            return .unknown
        }
        if seq == last + 1 { last = seq }
        return seq > last ? .drop : .keep
    }

    private static let jobKey = Array("\"job\":".utf8)

    /// The number of a whole line, nil for what is no line of ours.
    static func seq(of line: ArraySlice<UInt8>) -> Int64? {
        guard line.starts(with: prefix), line.last == UInt8(ascii: "}") else { return nil }
        return digits(line.dropFirst(prefix.count))
    }

    private static func number(behind key: [UInt8], in line: ArraySlice<UInt8>) -> Int64? {
        var rest = line
        while let quote = rest.firstIndex(of: UInt8(ascii: "\"")) {
            rest = rest[quote...]
            if rest.starts(with: key) { return digits(rest.dropFirst(key.count)) }
            rest = rest.dropFirst()
        }
        return nil
    }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        Int64(String(decoding: bytes.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }, as: UTF8.self))
    }
}
