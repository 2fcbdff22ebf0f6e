import CLinux
import Glibc
package import NIOCore
package import ScanAPI

/// Who is at the other end of a control connection, as the kernel noted it when that end was opened (unix(7)).
package struct Peer: Sendable, Equatable {
    package let uid: UInt32
    package let pid: Int32
    /// The primary group first, then all others.
    package let groups: [UInt32]

    package init(uid: UInt32, pid: Int32, groups: [UInt32]) {
        self.uid = uid
        self.pid = pid
        self.groups = groups
    }

    package var submitter: Submitter { Submitter(uid: uid, pid: pid, groups: groups) }

    package var isRoot: Bool { uid == 0 }

    /// Asks the kernel. Throws `Refusal` when it does not tell.
    package init(of channel: any Channel) async throws {
        guard let socket = channel as? any SocketOptionProvider else { throw Self.unknown }
        do {
            let credentials: clinux_ucred = try await socket.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED)).get()
            let others = try await Self.groups(of: socket)
            let groups = [credentials.gid] + others.filter { $0 != credentials.gid }
            self.init(uid: credentials.uid, pid: credentials.pid, groups: groups)
        } catch {
            throw Self.unknown
        }
    }

    /// The groups besides the primary one. The buffer comes filled with zeros and the kernel tells no count: what is zero behind the last group
    /// is no group. A leading zero is root's group; alone it is taken for none, which gives nobody a right.
    private static func groups(of socket: any SocketOptionProvider) async throws -> [UInt32] {
        do {
            let few: InlineArray<256, UInt32> = try await socket.unsafeGetSocketOption(level: .socket, name: peerGroups).get()
            return few.indices.map { few[$0] }.withoutTrailingZeros
        } catch let error as IOError where error.errnoCode == ERANGE {
            return try await manyGroups(of: socket)
        }
    }

    /// Of its own, since its 256 KiB are taken when it is called.
    private static func manyGroups(of socket: any SocketOptionProvider) async throws -> [UInt32] {
        // NGROUPS_MAX
        let many: InlineArray<65_536, UInt32> = try await socket.unsafeGetSocketOption(level: .socket, name: peerGroups).get()
        return many.indices.map { many[$0] }.withoutTrailingZeros
    }

    private static let peerGroups = NIOBSDSocket.Option(rawValue: Int32(CLINUX_SO_PEERGROUPS))

    private static let unknown = Refusal(.refused, "The kernel does not say who asks.")
}

extension [UInt32] {
    fileprivate var withoutTrailingZeros: [UInt32] {
        Array(prefix((lastIndex { $0 != 0 } ?? -1) + 1))
    }
}
