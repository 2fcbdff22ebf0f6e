import NIOCore
import Synchronization

/// Knows who is at the other end of each open connection. The kernel noted that once, so it is asked once, not for every request.
final class PeerBook: Sendable {
    private let peers = Mutex<[ObjectIdentifier: Peer]>([:])

    /// Throws `Refusal` when the kernel does not tell.
    func peer(of channel: any Channel) async throws -> Peer {
        let connection = ObjectIdentifier(channel)
        if let known = peers.withLock({ $0[connection] }) { return known }
        let peer = try await Peer(of: channel)
        peers.withLock { $0[connection] = peer }
        // At once where it has been closed already; the identifier is given again only after that.
        channel.closeFuture.whenComplete { _ in self.forget(connection) }
        return peer
    }

    private func forget(_ connection: ObjectIdentifier) {
        peers.withLock { $0[connection] = nil }
    }
}
