import Glibc
import NIOPosix
import ScanAPI
package import ScanTargets

/// Looks host names up, all at once and within a limit of time, on threads of its own.
package struct NameResolver: Sendable {
    package typealias Lookup = @Sendable (String) -> Answer

    package enum Answer: Sendable, Equatable {
        /// All IPv4 addresses of the name, sorted.
        case addresses([IPAddress])
        /// What is wrong, as a clause: `does not resolve (…)`.
        case nothing(String)
    }

    /// How many names one job may have.
    package static let nameLimit = 1000

    private let limit: Duration
    private let lookup: Lookup

    package init(limit: Duration = .seconds(5), lookup: @escaping Lookup = NameResolver.ask) {
        self.limit = limit
        self.lookup = lookup
    }

    /// Every name with its addresses. Throws `Refusal` for the first name, in the order given, that has none or is not answered in time.
    package func resolve(_ names: [String]) async throws -> [String: [IPAddress]] {
        guard !names.isEmpty else { return [:] }
        guard names.count <= Self.nameLimit else {
            throw Refusal(
                .usage, "\(names.count) host names are more than the \(Self.nameLimit) that one job may have: give addresses instead.")
        }
        let answers = await answers(to: names)
        var resolved: [String: [IPAddress]] = [:]
        for name in names {
            switch answers[name] {
            case .addresses(let addresses): resolved[name] = addresses
            case .nothing(let problem): throw Refusal(.usage, "The name \(name) \(problem).")
            case nil:
                throw Refusal(
                    .usage,
                    "The name \(name) did not resolve within \(limit.components.seconds) seconds: give its address instead, or try again.")
            }
        }
        return resolved
    }

    private func answers(to names: [String]) async -> [String: Answer] {
        let (stream, arrivals) = AsyncStream.makeStream(of: (String, Answer).self)
        for name in names {
            WorkPools.names.submit { [lookup] state in
                if case .active = state { arrivals.yield((name, lookup(name))) }
            }
        }
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
    package static func ask(_ name: String) -> Answer {
        let (addresses, code) = records(of: name, family: AF_INET)
        guard addresses.isEmpty else { return .addresses(addresses) }
        if records(of: name, family: AF_INET6).code == 0 {
            return .nothing("has IPv6 addresses only, and probing IPv6 is not available yet")
        }
        return .nothing("does not resolve (\(String(cString: gai_strerror(code)))): check its spelling, or give its address")
    }

    private static func records(of name: String, family: Int32) -> (addresses: [IPAddress], code: Int32) {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else { return ([], code) }
        defer { freeaddrinfo(list) }
        var addresses: Set<IPAddress> = []
        var next = list
        while let entry = next {
            if entry.pointee.ai_family == AF_INET, let address = entry.pointee.ai_addr {
                let number = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt32(bigEndian: $0.pointee.sin_addr.s_addr) }
                addresses.insert(IPAddress(v4: number))
            }
            next = entry.pointee.ai_next
        }
        return (addresses.sorted(), code)
    }
}
