import FoundationEssentials
import ScanAPI

/// What the table shows of a finding.
///
/// Read from its line without a general JSON decoder, which would need a minute for a million findings; lines that are not as flat and plain
/// as a synscand writes them go to that decoder after all.
package struct FindingRow: Sendable, Equatable, Decodable {
    package var address: String
    /// Nil for a whole host.
    package var port: UInt16?
    package var `protocol`: String?
    package var state: String
    package var reason: String
    package var service: String?
    package var conflict: String?
    /// Whether the answer may be forged.
    package var unverified: Bool?
    /// Of a host that answers everything.
    package var openPorts: Int?

    /// - Parameter line: one JSON object, without its line feed.
    package init(line: some Collection<UInt8>) throws {
        let quick = line.withContiguousStorageIfAvailable { FlatObject.finding(in: UnsafeRawBufferPointer($0)) } ?? nil
        self = try quick ?? APICoding.decode(FindingRow.self, from: Data(line))
    }

    package init(address: String, port: UInt16?, state: String, reason: String, service: String?) {
        self.address = address
        self.port = port
        self.protocol = port == nil ? nil : "tcp"
        self.state = state
        self.reason = reason
        self.service = service
    }

    /// The table's cells; what the network or the daemon said is made harmless.
    package var cells: [String] {
        [address, place, state, why, service ?? ""].map(Escaping.forTerminal)
    }

    /// `22/tcp`, `host` for a whole one.
    private var place: String { port.map { "\($0)/\(`protocol` ?? "")" } ?? "host" }

    private var why: String {
        if let conflict {
            // Only an error of the way comes before an answer that contradicts it.
            let isLater = ["syn-ack", "reset"].contains { conflict.hasPrefix($0) }
            return "\(reason), \(isLater ? "then" : "after") \(conflict)"
        }
        if unverified == true { return "\(reason), unverified" }
        return openPorts.map { "\(reason) from \(Quantities.count($0, "port")), the rest untested" } ?? reason
    }
}

/// A reader for one JSON object of plain strings and numbers: no escapes, no nesting. It gives up on anything else.
private struct FlatObject {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    private init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    static func finding(in bytes: UnsafeRawBufferPointer) -> FindingRow? {
        var object = FlatObject(bytes)
        return object.finding()
    }

    private mutating func finding() -> FindingRow? {
        var row = FindingRow(address: "", port: nil, state: "", reason: "", service: nil)
        guard take(UInt8(ascii: "{")) else { return nil }
        repeat {
            guard let key = string(), take(UInt8(ascii: ":")), let value = value() else { return nil }
            switch key.count {
            case 7 where matches(key, "address"): row.address = text(value)
            case 4 where matches(key, "port"):
                guard let port = UInt16(text(value)) else { return nil }
                row.port = port
            case 8 where matches(key, "protocol"): row.protocol = text(value)
            case 5 where matches(key, "state"): row.state = text(value)
            case 6 where matches(key, "reason"): row.reason = text(value)
            case 7 where matches(key, "service"): row.service = text(value)
            case 10 where matches(key, "open_ports"): row.openPorts = Int(text(value))
            case 8 where matches(key, "conflict"): row.conflict = text(value)
            default: break
            }
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")), position == bytes.count, !row.address.isEmpty, row.port != 0, !row.state.isEmpty else { return nil }
        return row
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    private func matches(_ range: Range<Int>, _ word: StaticString) -> Bool {
        word.withUTF8Buffer { bytes[range].elementsEqual($0) }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// A string without escapes, without its quotation marks.
    private mutating func string() -> Range<Int>? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return start..<position - 1
            case UInt8(ascii: "\\"), ..<0x20: return nil
            default: position += 1
            }
        }
        return nil
    }

    /// A string or a number.
    private mutating func value() -> Range<Int>? {
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") { return string() }
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"),
                UInt8(ascii: "E"):
                position += 1
            default:
                return start < position ? start..<position : nil
            }
        }
        return nil
    }
}
