/// What one exclusion of a job leaves out by itself, whatever others leave out: so one that does nothing is seen.
package struct Exclusion: Codable, Sendable, Equatable {
    /// The expression, or the name of the list that it is.
    package var name: String
    /// How many expressions a list has; absent for an expression.
    package var entries: Int?
    /// Addresses of the job that are left out at every port.
    package var addresses: Int64
    /// Targets that are left out in all.
    package var targets: Int64

    package init(name: String, entries: Int?, addresses: Int64, targets: Int64) {
        self.name = name
        self.entries = entries
        self.addresses = addresses
        self.targets = targets
    }
}
