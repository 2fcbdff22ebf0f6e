import Glibc
import ScanAPI
package import ScanTargets

/// Looks host names up, all at once and within a limit of time.
package struct NameResolver: Sendable {
    package typealias Lookup = @Sendable (String) -> Answer

    package enum Answer: Sendable, Equatable {
        /// All addresses of the name, sorted, and which of them are not worth asking; who leaves the name out leaves out all.
        case addresses([IPAddress], apart: Set<IPAddress> = [])
        /// Why there are none: `Name or service not known`.
        case nothing(String)
    }

    /// How many names one job may have.
    package static let nameLimit = 20_000

    private let limit: Duration
    private let lookup: Lookup

    package init(limit: Duration = .seconds(5), lookup: @escaping Lookup = NameResolver.ask) {
        self.limit = limit
        self.lookup = lookup
    }

    /// How many addresses one name may stand for: whoever answers for a name may say thousands.
    private static let addressLimit = 256

    /// What each name stands for, looked up for this user; one that is not answered in time, nothing. Throws `Refusal` for more names than one job may have.
    package func resolve(_ names: [String], for uid: UInt32) async throws -> [String: Answer] {
        guard !names.isEmpty else { return [:] }
        guard names.count <= Self.nameLimit else {
            throw Refusal(
                .usage,
                "\(names.count) host names are more than the \(Self.nameLimit) that one job may have: split the list into several jobs, or give "
                    + "addresses instead.")
        }
        let inTime = await answers(to: names, for: uid)
        let late = Answer.nothing("no answer within \(limit.components.seconds) seconds")
        return Dictionary(names.map { ($0, inTime[$0] ?? late) }) { first, _ in first }
    }

    private func answers(to names: [String], for uid: UInt32) async -> [String: Answer] {
        let (stream, arrivals) = AsyncStream.makeStream(of: (String, Answer).self)
        let ticket = LookupDesk.shared.submit(names.map { name in { [lookup] in _ = arrivals.yield((name, lookup(name))) } }, for: uid)
        // Nobody waits for the rest when the time is over, or whoever asked has gone.
        defer { LookupDesk.shared.cancel(ticket) }
        let deadline = Task { [limit] in
            try? await Task.sleep(for: limit)
            arrivals.finish()
        }
        defer { deadline.cancel() }
        var answers: [String: Answer] = [:]
        for await (name, answer) in stream {
            answers[name] = answer
            if answers.count == names.count { break }
        }
        return answers
    }

    /// getaddrinfo(3). Blocks, possibly for long.
    ///
    /// Of a name that has addresses of both families, those are not worth asking that this machine has no route to: most machines have no IPv6 beyond
    /// their link, and most names that have it have IPv4, too. Nor are those that mean nothing without their interface.
    package static func ask(_ name: String) -> Answer {
        let (addresses, zoned, code) = records(of: name)
        guard !addresses.isEmpty else {
            return .nothing(String(cString: gai_strerror(code)))
        }
        guard zoned.count < addresses.count else {
            return .nothing("stands for addresses on a link alone: give them with their zone, as in fe80::1%eth0")
        }
        guard addresses.count <= addressLimit else {
            return .nothing(
                "has \(addresses.count) addresses, more than the \(addressLimit) that a name may stand for: give them as addresses")
        }
        let known = addresses.filter { !zoned.contains($0) }
        let reachable = Set(known.map(\.family)).count > 1 ? known.filter(\.hasRoute) : []
        return .addresses(addresses, apart: reachable.isEmpty ? zoned : Set(addresses).subtracting(reachable))
    }

    /// All addresses of a name, and those among them that are on some interface's link.
    private static func records(of name: String) -> (addresses: [IPAddress], zoned: Set<IPAddress>, code: Int32) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else { return ([], [], code) }
        defer { freeaddrinfo(list) }
        var (addresses, zoned): (Set<IPAddress>, Set<IPAddress>) = ([], [])
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let pointer = entry.pointee.ai_addr, let address = IPAddress(pointer) else { continue }
            addresses.insert(address)
            if pointer.isOnALink { zoned.insert(address) }
        }
        return (addresses.sorted(), zoned, code)
    }
}

extension UnsafeMutablePointer<sockaddr> {
    /// Whether the address means nothing without its interface.
    fileprivate var isOnALink: Bool {
        Int32(pointee.sa_family) == AF_INET6 && withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_scope_id != 0 }
    }
}

extension IPAddress {
    /// Nil for an address of another family. An IPv4-mapped one is what it maps (RFC 4291 §2.5.5.2): no packet may carry it as it is.
    fileprivate init?(_ address: UnsafeMutablePointer<sockaddr>) {
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            self.init(v4: address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt32(bigEndian: $0.pointee.sin_addr.s_addr) })
        case AF_INET6:
            let known = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee }
            let number = withUnsafeBytes(of: known.sin6_addr) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
            if number >> 32 == 0xffff { self.init(v4: UInt32(truncatingIfNeeded: number)) } else { self.init(v6: number) }
        default: return nil
        }
    }

    /// Whether the kernel would know where to send a packet: connect(2) of a datagram socket sends none.
    fileprivate var hasRoute: Bool {
        let descriptor = socket(family == .v4 ? AF_INET : AF_INET6, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let discard = UInt16(9).bigEndian
        if let v4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = discard
            address.sin_addr.s_addr = v4.bigEndian
            return connects(descriptor, address)
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = discard
        withUnsafeMutableBytes(of: &address.sin6_addr) { $0.storeBytes(of: value.bigEndian, as: UInt128.self) }
        return connects(descriptor, address)
    }

    private func connects<Address>(_ descriptor: Int32, _ address: Address) -> Bool {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
            }
        }
    }
}
