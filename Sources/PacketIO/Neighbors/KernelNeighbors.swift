import CLinux
import Glibc
package import ScanCore
package import ScanTargets
import SystemPackage

/// The kernel's table of hardware addresses on a link (arp(7), RFC 4861); the kernel does the asking.
package enum KernelNeighbors {
    /// Who has an address on the link of an interface?
    package struct Question: Hashable, Sendable {
        package let address: IPAddress
        package let interface: NetworkInterface
    }

    /// The hardware addresses of those who have one. All are asked at the same time; blocks up to `seconds`, as long as one does not answer.
    package static func resolve(_ questions: [Question], _ netlink: inout Netlink, seconds: Double = 1) -> [Question: HardwareAddress] {
        let end = SteadyClock.nanoseconds() + Int64(seconds * 1e9)
        var found: [Question: HardwareAddress] = [:]
        while true {
            let missing = questions.filter { found[$0] == nil }
            for question in missing { found[question] = lookUp(question.address, question.interface.index, &netlink) }
            guard found.count < questions.count, SteadyClock.nanoseconds() < end else { return found }
            for question in missing where found[question] == nil { ask(question.address, question.interface.index, &netlink) }
            usleep(5000)
        }
    }

    /// The neighbours on the link of `interface` that the administrator has given fixed hardware addresses.
    package static func fixed(on interface: NetworkInterface, _ family: IPAddress.Family, _ netlink: inout Netlink) -> [IPAddress:
        HardwareAddress]
    {
        var found: [IPAddress: HardwareAddress] = [:]
        var fixed = ndmsg()
        fixed.ndm_family = UInt8(family.addressFamily)
        fixed.ndm_ifindex = interface.index
        // What the kernel does not tell is asked for on the wire.
        try? netlink.ask(NetlinkRequest(Int(RTM_GETNEIGH), flags: NLM_F_DUMP, fixed: fixed)) { message in
            let attributes = message.attributes(after: MemoryLayout<ndmsg>.size)
            guard message.payload.number(at: 4, as: Int32.self) == interface.index,
                let state = message.payload.number(at: 8, as: UInt16.self), state & UInt16(NUD_PERMANENT) != 0,
                let address = attributes[Int(NDA_DST)].flatMap({ IPAddress(networkBytes: $0) }),
                let hardware = attributes[Int(NDA_LLADDR)].flatMap({ HardwareAddress(bytes: $0) })
            else { return }
            found[address] = hardware
        }
        return found
    }

    private static let validStates = UInt16(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

    private static func lookUp(_ address: IPAddress, _ interface: Int32, _ netlink: inout Netlink) -> HardwareAddress? {
        var found: HardwareAddress?
        let request = request(Int(RTM_GETNEIGH), address, interface, flags: 0, entryFlags: 0)
        // "No such entry" is the usual answer before the first question.
        try? netlink.ask(request) { message in
            guard let state = message.payload.number(at: 8, as: UInt16.self), state & validStates != 0 else { return }
            found = message.attributes(after: MemoryLayout<ndmsg>.size)[Int(NDA_LLADDR)].flatMap { HardwareAddress(bytes: $0) }
        }
        return found
    }

    /// Makes the kernel resolve the entry, as if it had a packet to send there.
    private static func ask(_ address: IPAddress, _ interface: Int32, _ netlink: inout Netlink) {
        let request = request(
            Int(RTM_NEWNEIGH), address, interface, flags: NLM_F_CREATE | NLM_F_ACK, entryFlags: UInt8(NTF_USE))
        // A refusal shows up as a look-up that stays empty.
        try? netlink.ask(request) { _ in }
    }

    private static func request(_ type: Int, _ address: IPAddress, _ interface: Int32, flags: Int32, entryFlags: UInt8) -> NetlinkRequest {
        var fixed = ndmsg()
        fixed.ndm_family = UInt8(address.family.addressFamily)
        fixed.ndm_ifindex = interface
        fixed.ndm_flags = entryFlags
        fixed.ndm_state = type == Int(RTM_NEWNEIGH) ? UInt16(NUD_NONE) : 0
        var request = NetlinkRequest(type, flags: flags, fixed: fixed)
        request.add(Int(NDA_DST), address.networkBytes)
        return request
    }
}
