/// How often a client looks for a daemon that has gone, and for how long.
package struct Patience: Sendable {
    package var interval: Duration
    package var limit: Duration

    package init(interval: Duration, limit: Duration) {
        self.interval = interval
        self.limit = limit
    }

    /// Long enough for a restart with a large store, a package upgrade included.
    package static let standard = Patience(interval: .milliseconds(200), limit: .seconds(60))
}
