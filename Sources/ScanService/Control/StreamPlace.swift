import ScanAPI

/// A user's place among those who read findings, given back when nothing holds it any more: not every answer that is made is written.
final class StreamPlace: Sendable {
    private let shares: CallerShares
    private let uid: UInt32

    /// Throws `Refusal` when the user has `limit` of them already, nil for no limit.
    init(_ shares: CallerShares, _ uid: UInt32, limit: Int?) throws(Refusal) {
        guard shares.take(1, by: uid, atMost: limit ?? .max) else {
            throw Refusal(
                .limit,
                "User \(uid) reads \(shares.held(by: uid)) streams of findings already ([limits] per_user_followers): end one of them.")
        }
        (self.shares, self.uid) = (shares, uid)
    }

    deinit {
        shares.giveBack(by: uid)
        SpareMemory.giveBackSoon()
    }
}
