import CLinux
import Glibc
import SystemPackage

/// The 16 consecutive source ports of one running job: the port of a reply says which job and which attempt it answers.
///
/// Each port is held by a socket that is bound and never listens, so no other program gets it and the kernel answers a SYN-ACK with the
/// RST that ends the half-open connection. The ports are free again when the block goes.
package final class SourcePortBlock: Sendable {
    package static let size: UInt16 = 16

    /// The last port is for canaries among the last answers, those before it for the canaries of a round; the first nine are for attempts.
    package static let recentCanaries: UInt16 = 15

    package static func canarySlot(ofRound round: Int) -> UInt16 { UInt16(9 + round % 6) }

    package let first: UInt16
    private let holders: [Holder]

    private final class Holder: Sendable {
        let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    private init(first: UInt16, holders: [Holder]) {
        self.first = first
        self.holders = holders
    }

    /// A free block inside `range`: the one that begins at `preferred` if that can be, else the lowest that is not in `avoiding`, else
    /// any. Throws, naming a holder, when every block has a port that somebody else uses.
    package static func reserve(
        in range: ClosedRange<UInt16>, preferring preferred: UInt16?, avoiding: Set<UInt16>
    ) throws(EngineError) -> SourcePortBlock {
        let last = Int(range.upperBound) - Int(size) + 1
        let starts = Array(stride(from: Int(range.lowerBound), through: last, by: Int(size))).map { UInt16($0) }
        guard !starts.isEmpty else {
            throw EngineError(
                .portsTaken, "The source ports \(range.lowerBound)-\(range.upperBound) are fewer than the \(size) a job needs.")
        }
        let wanted = [preferred].compactMap(\.self).filter { range.contains($0) && Int($0) <= last }
        for first in wanted + starts.filter({ !avoiding.contains($0) }) + starts.filter({ avoiding.contains($0) }) {
            if let block = try hold(first) { return block }
        }
        throw EngineError(
            .portsTaken,
            "No \(size) source ports in a row are free in \(range.lowerBound)-\(range.upperBound): \(PortHolders.describe(range)). "
                + "Choose another range in [scan] source_ports.")
    }

    /// Nil when one of the ports is taken.
    private static func hold(_ first: UInt16) throws(EngineError) -> SourcePortBlock? {
        var holders: [Holder] = []
        for port in first...first + (size - 1) {
            do {
                holders.append(Holder(try bound(port)))
            } catch Errno.addressInUse {
                return nil
            } catch {
                throw EngineError("cannot hold the source port \(port)", error)
            }
        }
        return SourcePortBlock(first: first, holders: holders)
    }

    /// A socket that has the port of both families; of IPv4 alone on a machine without IPv6.
    private static func bound(_ port: UInt16) throws(Errno) -> OwnedDescriptor {
        do {
            let descriptor = try OwnedDescriptor(family: AF_INET6, type: SOCK_STREAM, protocol: 0)
            let raw = descriptor.raw
            try Syscall.setOption(raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(0))
            _ = try Syscall.retrying { Syscall.withSocketAddress(sockaddr_in6(address: 0, port: port)) { bind(raw, $0, $1) } }
            return descriptor
        } catch Errno.addressFamilyNotSupported {
            let descriptor = try OwnedDescriptor(family: AF_INET, type: SOCK_STREAM, protocol: 0)
            let raw = descriptor.raw
            _ = try Syscall.retrying { Syscall.withSocketAddress(sockaddr_in(address: 0, port: port)) { bind(raw, $0, $1) } }
            return descriptor
        }
    }
}
