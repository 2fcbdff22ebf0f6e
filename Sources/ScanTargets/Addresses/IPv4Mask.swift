/// Netmasks as addresses write them: `255.255.255.0` for a length of 24.
enum IPv4Mask {
    /// The prefix length that a mask stands for; nil for what is no mask. 0.0.0.0 is none: people who write it mean one address or all.
    static func length(of text: Bytes) -> Int? {
        guard let mask = try? IPv4Syntax.parse(text), mask != 0, isRun(~mask) else { return nil }
        return (~mask).leadingZeroBitCount
    }

    /// The same with a sentence for what is wrong. `address` is the one in front of the mask.
    static func length(of text: Bytes, behind address: IPAddress) throws(SyntaxFault) -> Int {
        if let length = length(of: text) { return length }
        let mask = try IPv4Syntax.parse(text)
        if mask == 0 {
            throw SyntaxFault(
                at: text.startIndex, "0.0.0.0 is all addresses to some programs and one to others",
                remedy: "write \(address)/0 or \(address)/32")
        }
        guard isRun(mask) else {
            throw SyntaxFault(
                at: text.startIndex, "\(text.printable) is no netmask: its ones do not stand together",
                remedy: "write a length from 0 to 32, as in \(address)/24")
        }
        throw SyntaxFault(
            at: text.startIndex, "\(text.printable) is a wildcard mask, the opposite of a netmask",
            remedy: "write \(address)/\(mask.leadingZeroBitCount)")
    }

    /// Whether the ones stand at the low end, all together.
    private static func isRun(_ bits: UInt32) -> Bool { bits & (bits &+ 1) == 0 }
}
