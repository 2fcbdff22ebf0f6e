import PacketIO
import ScanCore
import ScanTargets

extension Reply {
    /// Whether it says something of its target, though it proves nothing.
    var isSign: Bool {
        switch kind {
        case .bareReset, .loneSyn, .challenge: true
        case .answer: false
        }
    }
}

extension Receiver {
    /// Notes what proves nothing, where it answers a probe that has left and its target has said nothing better.
    func noteSign(_ reply: Reply, _ time: Int64, _ interface: UInt16, _ state: inout ScanBooks.State) {
        let attempt = reply.localPort &- ports.lowerBound
        let target = Endpoint(address: reply.addresses.target, port: reply.targetPort)
        guard attempt < attempts, Int(attempt) <= max(state.pass.round, state.signsUntil), let index = space.index(of: target),
            case let position = permutation.position(of: index), state.current.positions.contains(position),
            state.current.state(at: position) == nil, reply.kind != .loneSyn || !reply.isOwnProbe(by: cookies)
        else { return }
        let sign = Signs.Sign(reply.kind, time: time, timeToLive: reply.timeToLive, interface: interface)
        // Somebody seems to be there: a narrow round asks the host, too.
        if state.signs.note(position, sign, attempt: attempt) { books.tally.note(target.address, target.port, isOpen: false) }
    }
}
