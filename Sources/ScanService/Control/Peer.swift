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

    /// Asks the kernel; done when this returns if called on the channel's event loop. Fails with a `Refusal` when the kernel does not tell.
    package static func of(_ channel: any Channel) -> EventLoopFuture<Peer> {
        guard let socket = channel as? any SocketOptionProvider else { return channel.eventLoop.makeFailedFuture(unknown) }
        let credentials: EventLoopFuture<clinux_ucred> = socket.unsafeGetSocketOption(level: .socket, name: .init(rawValue: SO_PEERCRED))
        return credentials.flatMap { [loop = channel.eventLoop] credentials in
            groups(of: socket, loop).map { others in
                let groups = [credentials.gid] + others.filter { $0 != credentials.gid }
                return Peer(uid: credentials.uid, pid: credentials.pid, groups: groups)
            }
        }.flatMapErrorThrowing { _ in throw unknown }
    }

    /// The groups besides the primary one. The buffer comes filled with zeros and the kernel tells no count: what is zero behind the last group
    /// is no group. A leading zero is root's group; alone it is taken for none, which gives nobody a right.
    private static func groups(of socket: any SocketOptionProvider, _ loop: any EventLoop) -> EventLoopFuture<[UInt32]> {
        let few: EventLoopFuture<InlineArray<256, UInt32>> = socket.unsafeGetSocketOption(level: .socket, name: peerGroups)
        return few.map { few in few.indices.map { few[$0] }.withoutTrailingZeros }.flatMapError { error in
            guard let error = error as? IOError, error.errnoCode == ERANGE else { return loop.makeFailedFuture(error) }
            return manyGroups(of: socket)
        }
    }

    /// Of its own, since its 256 KiB are taken when it is called.
    private static func manyGroups(of socket: any SocketOptionProvider) -> EventLoopFuture<[UInt32]> {
        // NGROUPS_MAX
        let many: EventLoopFuture<InlineArray<65_536, UInt32>> = socket.unsafeGetSocketOption(level: .socket, name: peerGroups)
        return many.map { many in many.indices.map { many[$0] }.withoutTrailingZeros }
    }

    private static let peerGroups = NIOBSDSocket.Option(rawValue: Int32(CLINUX_SO_PEERGROUPS))

    static let unknown = Refusal(.refused, "The kernel does not say who asks.")
}

extension [UInt32] {
    fileprivate var withoutTrailingZeros: [UInt32] {
        Array(prefix((lastIndex { $0 != 0 } ?? -1) + 1))
    }
}
