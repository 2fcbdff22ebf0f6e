/// Why a request was not done: the body of every answer outside 2xx, and an error inside daemon and client.
package struct Refusal: Error, Codable, Sendable, Equatable, CustomStringConvertible {
    package var kind: Kind
    /// What was asked, what is wrong, what to do: one sentence.
    package var message: String

    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// The request cannot be understood or asks for what cannot be.
        case usage
        /// Outside scope, or not this user's to do.
        case refused
        case notFound = "not-found"
        /// It does not fit the job's state, or a name is taken.
        case conflict
        case tooLarge = "too-large"
        /// A user's limit of jobs or followers is reached.
        case limit
        /// The network gives no way: no route, no source address, interface down, next hop silent.
        case unroutable
        /// The daemon itself is at fault or is stopping.
        case unavailable
        case `internal`
    }

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }
}

extension Refusal.Kind {
    /// The one place where errors become HTTP statuses (RFC 9110 §15).
    package var httpStatus: Int {
        switch self {
        case .usage: 400
        case .refused: 403
        case .notFound: 404
        case .conflict: 409
        case .tooLarge: 413
        case .limit: 429
        case .unroutable: 422
        case .unavailable: 503
        case .internal: 500
        }
    }
}
