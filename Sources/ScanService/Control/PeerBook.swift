import NIOCore
import ScanAPI
import Synchronization

/// Knows who is at the other end of each open connection. The kernel noted that once, so it is asked once, not for every request.
final class PeerBook: Sendable {
    private struct Entry {
        let peer: Peer
        let channel: any Channel
    }

    private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

    /// Enters a connection that has just been opened; it is forgotten when it closes. On the channel's event loop.
    func enter(_ peer: Peer, _ channel: any Channel) {
        let connection = ObjectIdentifier(channel)
        entries.withLock { $0[connection] = Entry(peer: peer, channel: channel) }
        // At once where it has been closed already; the identifier is given again only after that.
        channel.closeFuture.whenComplete { _ in self.forget(connection) }
    }

    /// Throws `Refusal` when the kernel did not tell.
    func peer(of channel: any Channel) throws(Refusal) -> Peer {
        guard let entry = entries.withLock({ $0[ObjectIdentifier(channel)] }) else { throw Peer.unknown }
        return entry.peer
    }

    /// Closes the connections of those who may do nothing any more, whatever runs on them.
    func closeAll(where hasNoRole: (Peer) -> Bool) {
        let all = entries.withLock { Array($0.values) }
        for entry in all where hasNoRole(entry.peer) { entry.channel.close(promise: nil) }
    }

    private func forget(_ connection: ObjectIdentifier) {
        entries.withLock { $0[connection] = nil }
    }
}
