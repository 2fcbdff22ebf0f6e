import SystemPackage

/// Why the daemon cannot start or go on, as one clause for people.
package struct ServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }

    /// What an error of the system library says, without its type.
    static func words(_ error: any Error) -> String {
        (error as? Errno)?.description ?? "\(error)"
    }
}
