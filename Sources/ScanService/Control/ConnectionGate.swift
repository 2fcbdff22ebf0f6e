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
    private let places: ConnectionPlaces
    /// Nil where the kernel does not say who it is, or that one has too many connections.
    private var peer: Peer?
    private var wasMalformed = false

    init(service: ControlService, places: ConnectionPlaces) {
        self.service = service
        self.places = places
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        // What happens at once, here on the event loop.
        Peer.of(channel).assumeIsolated().whenSuccess { [self] peer in enter(peer, channel) }
    }

    private func enter(_ peer: Peer, _ channel: any Channel) {
        guard let place = places.take(by: peer.uid, try? service.role(of: peer)) else { return }
        self.peer = peer
        service.peers.enter(peer, channel)
        channel.closeFuture.whenComplete { [uid = peer.uid] _ in place.giveBack(by: uid) }
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
            service.auditBrake.braked(entry).map(service.audit.note)
        }
        context.fireErrorCaught(error)
    }
}

/// How many connections there can be at a socket: admins have places that others cannot take, and root has its own.
struct ConnectionPlaces: Sendable {
    private let everybodys: CallerShares
    private let admins: CallerShares
    /// All together.
    let count: Int

    private static let ofOne = 512
    /// Of one who may do nothing but hear so.
    private static let ofStranger = 16
    private static let ofAdmins = 1024
    private static let ofRoot = 2048

    /// `everybodys` is how many those may have together who are no admins.
    init(everybodys count: Int) {
        everybodys = CallerShares(each: Self.ofOne, all: count)
        admins = CallerShares(each: Self.ofOne, all: Self.ofAdmins)
        self.count = count + Self.ofAdmins + Self.ofRoot
    }

    /// Takes a place for a user of that role, nil for none, and says among whose it is; nil when there is none left.
    func take(by uid: UInt32, _ role: Role?) -> CallerShares? {
        let shares = role == .admin ? admins : everybodys
        let most = uid == 0 ? Self.ofRoot : role == nil ? Self.ofStranger : Self.ofOne
        return shares.take(1, by: uid, atMost: most) ? shares : nil
    }
}
