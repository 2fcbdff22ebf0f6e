import CLinux
import Glibc

/// Which interfaces stand on which others: a VLAN or a macvlan on its parent, a bridge or a bond on its ports. What arrives for the upper one is seen
/// at the lower one, too.
package struct InterfaceStack: Sendable {
    private struct Member {
        let name: String
        let isUp: Bool
        let isLoopback: Bool
        let kind: String
        /// The interface that it stands on.
        let lower: Int32?
        /// The one that has it for a port.
        let master: Int32?
    }

    private let members: [Int32: Member]

    private static let stackedKinds: Set<String> = ["vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"]
    /// They have the hardware address of what they stand on, so that nobody can tell their packets apart below.
    private static let hiddenKinds: Set<String> = ["ipvlan", "ipvtap"]
    private static let upFlag: UInt32 = 0x1
    private static let loopbackFlag: UInt32 = 0x8

    package init() throws(EngineError) {
        var netlink = try Netlink()
        var found: [Int32: Member] = [:]
        do {
            try netlink.ask(NetlinkRequest(Int(RTM_GETLINK), flags: NLM_F_DUMP, fixed: ifinfomsg())) { message in
                let attributes = message.attributes(after: MemoryLayout<ifinfomsg>.size)
                guard message.type == UInt16(RTM_NEWLINK), let index = message.payload.number(at: 4, as: Int32.self),
                    let flags = message.payload.number(at: 8, as: UInt32.self), let name = attributes[Int(IFLA_IFNAME)]
                else { return }
                let details = NetlinkMessage.attributes(in: attributes[Int(IFLA_LINKINFO)] ?? [])
                let kind = Self.text(details[Int(IFLA_INFO_KIND)])
                // A parent in another namespace has a number there, which may be anybody's here.
                let isHere = attributes[Int(IFLA_LINK_NETNSID)] == nil
                found[index] = Member(
                    name: Self.text(name), isUp: flags & Self.upFlag != 0, isLoopback: flags & Self.loopbackFlag != 0, kind: kind,
                    lower: isHere && Self.stackedKinds.contains(kind) ? attributes[Int(IFLA_LINK)]?.number(at: 0, as: Int32.self) : nil,
                    master: attributes[Int(IFLA_MASTER)]?.number(at: 0, as: Int32.self))
            }
        } catch {
            throw EngineError("cannot list the network interfaces", error)
        }
        members = found
    }

    private static func text(_ bytes: ArraySlice<UInt8>?) -> String { String(decoding: (bytes ?? []).prefix { $0 != 0 }, as: UTF8.self) }

    /// Whether one interface stands on another, be it over several in between.
    package func stands(_ upper: Int32, on lower: Int32) -> Bool {
        var (waiting, seen) = ([lower], Set<Int32>())
        while let next = waiting.popLast() {
            guard seen.insert(next).inserted else { continue }
            for (index, member) in members where member.lower == next { waiting.append(index) }
            if let master = port(next) { waiting.append(master) }
            if next != lower, next == upper { return true }
        }
        return false
    }

    /// The bridge or bond that an interface is a port of. A VRF takes none of its members' packets away.
    private func port(_ index: Int32) -> Int32? { members[index]?.master.flatMap { members[$0]?.kind == "vrf" ? nil : $0 } }

    /// Interfaces at which answers of the network can arrive and that a capture on all of them can tell apart, but for `others`.
    package func listening(except others: Set<Int32>) -> [(index: Int32, name: String)] {
        members.filter { index, member in
            member.isUp && !member.isLoopback && port(index) == nil && !others.contains(index) && !Self.hiddenKinds.contains(member.kind)
                && !hidesChild(index, among: others)
        }.map { ($0, $1.name) }.sorted { $0.index < $1.index }
    }

    private func hidesChild(_ index: Int32, among others: Set<Int32>) -> Bool {
        others.contains { members[$0]?.lower == index && Self.hiddenKinds.contains(members[$0]?.kind ?? "") }
    }
}
