/// What keeps the client from doing what was asked, told in one sentence; the daemon's own refusals come as `Refusal`.
package enum ClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The command line, or a file that it names, is at fault.
    case usage(String)
    /// The socket may not be used by this user.
    case forbidden(String)
    /// There is no daemon at the socket, or it has gone away.
    case unreachable(String)
    /// The daemon is there and does not answer.
    case unresponsive(String)
    /// What came over the socket is not what a synscand says.
    case misunderstood(String)

    package var description: String {
        switch self {
        case .usage(let sentence), .forbidden(let sentence), .unreachable(let sentence), .unresponsive(let sentence),
            .misunderstood(let sentence):
            sentence
        }
    }
}
