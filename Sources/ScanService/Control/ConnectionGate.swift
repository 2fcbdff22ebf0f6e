import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import ScanAPI

/// Stands at the beginning of each connection, on its event loop: knows who it is, keeps each user's connections within bounds, and sets the brake as soon
/// as a halt has been read, before anything that could wait.
final class ConnectionGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private let service: ControlService
    private let connections: CallerShares
    /// Nil where the kernel does not say who it is, or that one has too many connections.
    private var peer: Peer?
    private var wasMalformed = false

    /// Of one who may do nothing but hear so.
    private static let strangersConnections = 16

    init(service: ControlService, connections: CallerShares) {
        self.service = service
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        // What happens at once, here on the event loop.
        Peer.of(channel).assumeIsolated().whenSuccess { [self] peer in enter(peer, channel) }
    }

    private func enter(_ peer: Peer, _ channel: any Channel) {
        let hasRole = (try? service.role(of: peer)) != nil
        let isTaken = hasRole ? connections.take(by: peer.uid) : connections.take(1, by: peer.uid, atMost: Self.strangersConnections)
        guard isTaken else { return }
        self.peer = peer
        service.peers.enter(peer, channel)
        channel.closeFuture.whenComplete { [connections, uid = peer.uid] _ in connections.giveBack(by: uid) }
    }

    func channelActive(context: ChannelHandlerContext) {
        guard peer != nil else { return context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let peer else { return }
        if case .head(let head) = unwrapInboundIn(data), head.method == .post, URI(head.path ?? "").path == Routes.halt {
            service.brake(for: peer)
        }
        context.fireChannelRead(data)
    }

    /// What is no HTTP gets a 400 of the framework's; it is a request like others.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !(error is IOError), !(error is ChannelError), !wasMalformed, let peer {
            wasMalformed = true
            var entry = AuditEntry(command: "malformed request")
            entry.peer = peer
            entry.role = try? service.role(of: peer)
            entry.status = 400
            entry.reason = "\(error)"
            service.audit.note(entry)
        }
        context.fireErrorCaught(error)
    }
}
