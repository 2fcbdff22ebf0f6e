import CLinux
import Glibc
package import SystemPackage

/// A conversation with the kernel about routes (rtnetlink(7)), sockets (sock_diag(7)), IPsec policies (ip-xfrm(8)) or its firewall. One thread at a time.
package struct Netlink: ~Copyable {
    private let socket: OwnedDescriptor
    private var sequence: UInt32 = 0
    private var isInterrupted = false
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    package enum Subject: Int32 {
        case routes = 0
        case sockets = 4
        case policies = 6
        case netfilter = 12
    }

    package init(_ subject: Subject = .routes) throws(EngineError) {
        do {
            socket = try Self.open(subject)
        } catch {
            throw EngineError("cannot ask the kernel about \(subject)", error)
        }
    }

    private static func open(_ subject: Subject) throws(Errno) -> OwnedDescriptor {
        let socket = try OwnedDescriptor(family: AF_NETLINK, type: SOCK_RAW, protocol: subject.rawValue)
        // No kernel answer takes long; a lost one must not hang the daemon.
        let raw = socket.raw
        _ = try Syscall.retrying { clinux_set_receive_timeout(raw, 2) }
        return socket
    }

    /// Sends one request and gives every message of the answer to `each`. A refusal by the kernel is thrown as its errno.
    ///
    /// A dump during which something has changed is made once more; then messages come again.
    package mutating func ask(_ request: NetlinkRequest, each: (NetlinkMessage) -> Void) throws(Errno) {
        for _ in 0..<Self.mostDumps {
            sequence &+= 1
            isInterrupted = false
            let bytes = request.encoded(sequence: sequence)
            _ = try Syscall.retrying { send(socket.raw, bytes, bytes.count, 0) }
            var isComplete = false
            while !isComplete {
                let length = try Syscall.retrying { recv(socket.raw, &buffer, 1 << 16, 0) }
                isComplete = try take(buffer[..<length], dump: request.isDump, each)
            }
            if !isInterrupted { return }
        }
    }

    private static let mostDumps = 5

    /// Goes through one datagram; true when the answer is complete.
    private mutating func take(_ datagram: ArraySlice<UInt8>, dump: Bool, _ each: (NetlinkMessage) -> Void) throws(Errno) -> Bool {
        var rest = datagram
        while let message = NetlinkMessage(&rest) {
            guard message.sequence == sequence else { continue }
            if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { isInterrupted = true }
            switch Int32(message.type) {
            case NLMSG_DONE: return true
            case NLMSG_ERROR:
                let code = message.payload.number(at: 0, as: Int32.self) ?? -EIO
                if code != 0 { throw Errno(rawValue: -max(code, -4095)) }
                return true
            default:
                each(message)
                if !dump { return true }
            }
        }
        return false
    }
}

/// A request: its fixed part and attributes, all in the machine's byte order unless they hold addresses.
package struct NetlinkRequest {
    private let type: UInt16
    private let flags: UInt16
    private var body: [UInt8]

    init(_ type: Int, flags: Int32, fixed: some BitwiseCopyable) {
        self.type = UInt16(truncatingIfNeeded: type)
        self.flags = UInt16(truncatingIfNeeded: flags | NLM_F_REQUEST)
        body = withUnsafeBytes(of: fixed) { Array($0) }
    }

    var isDump: Bool { Int32(flags) & NLM_F_DUMP == NLM_F_DUMP }

    package mutating func add(_ attribute: Int, _ value: [UInt8]) {
        body.append(number: UInt16(value.count + 4))
        body.append(number: UInt16(truncatingIfNeeded: attribute))
        body += value
        while body.count % 4 != 0 { body.append(0) }
    }

    package mutating func add(_ attribute: Int, _ value: Int32) {
        add(attribute, withUnsafeBytes(of: value) { Array($0) })
    }

    package func encoded(sequence: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(number: UInt32(16 + body.count))
        bytes.append(number: type)
        bytes.append(number: flags)
        bytes.append(number: sequence)
        bytes.append(number: UInt32(0))
        return bytes + body
    }
}

/// One message of an answer.
package struct NetlinkMessage {
    package let type: UInt16
    package let flags: UInt16
    package let sequence: UInt32
    /// Everything after the netlink header.
    package let payload: ArraySlice<UInt8>

    /// Takes the next message off `bytes`; nil when there is no whole one.
    init?(_ bytes: inout ArraySlice<UInt8>) {
        guard let length = bytes.number(at: 0, as: UInt32.self), length >= 16, length <= bytes.count,
            let type = bytes.number(at: 4, as: UInt16.self), let flags = bytes.number(at: 6, as: UInt16.self),
            let sequence = bytes.number(at: 8, as: UInt32.self)
        else { return nil }
        (self.type, self.flags) = (type, flags)
        self.sequence = sequence
        payload = bytes.dropFirst(16).prefix(Int(length) - 16)
        bytes = bytes.dropFirst(min(bytes.count, (Int(length) + 3) & ~3))
    }

    /// The attributes after a fixed part of `size` bytes; the last one of a kind counts.
    func attributes(after size: Int) -> [Int: ArraySlice<UInt8>] { Self.attributes(in: payload.dropFirst((size + 3) & ~3)) }

    /// Those that follow each other in `bytes`, such as the value of a nested one.
    static func attributes(in bytes: ArraySlice<UInt8>) -> [Int: ArraySlice<UInt8>] {
        var found: [Int: ArraySlice<UInt8>] = [:]
        var rest = bytes
        while let length = rest.number(at: 0, as: UInt16.self), length >= 4, length <= rest.count,
            let type = rest.number(at: 2, as: UInt16.self)
        {
            // The two top bits are flags (nested, byte order).
            found[Int(type & 0x3FFF)] = rest.dropFirst(4).prefix(Int(length) - 4)
            rest = rest.dropFirst(min(rest.count, (Int(length) + 3) & ~3))
        }
        return found
    }
}

extension ArraySlice<UInt8> {
    /// The number `offset` bytes in, in the machine's byte order; nil when it is not all there.
    package func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type) -> Number? {
        guard offset >= 0, count >= offset + MemoryLayout<Number>.size else { return nil }
        return withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    }
}

extension [UInt8] {
    fileprivate mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
    }
}
