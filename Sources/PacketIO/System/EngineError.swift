import ScanCore
package import SystemPackage

/// Why the engine cannot do what it was asked, as one sentence for people.
package struct EngineError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// The network gives no way: no route, no source address, interface down, next hop silent.
        case unroutable
        /// The process may not open raw sockets.
        case noPrivilege
        /// Every source port that could be used is taken.
        case portsTaken
        /// Nothing answers any more, and has not for long.
        case silence
        /// A device or socket failed.
        case device
        /// A fault of this program or of the stored state it was given.
        case internalFault
    }

    package let kind: Kind
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    /// `operation` failed with `errno`: "cannot open a raw socket: Operation not permitted".
    package init(_ operation: String, _ errno: Errno) {
        let kind: Kind = errno == .notPermitted || errno == .permissionDenied ? .noPrivilege : .device
        self.init(kind, "\(operation): \(errno.description)")
    }

    package var description: String { message }
}
