import Glibc

/// What is known of the place where output goes.
package struct Terminal: Sendable, Equatable {
    /// A terminal that understands `\r` and "erase to the end of the line"; `TERM=dumb` does not count.
    package var isInteractive: Bool
    /// Colour is wanted: a terminal, and no NO_COLOR (https://no-color.org).
    package var hasColour: Bool

    package init(isInteractive: Bool, hasColour: Bool) {
        self.isInteractive = isInteractive
        self.hasColour = hasColour
    }

    /// - Parameter environment: looks a variable up.
    package init(isTerminal: Bool, environment: (String) -> String?) {
        let isDumb = environment("TERM").map { $0 == "dumb" || $0.isEmpty } ?? true
        isInteractive = isTerminal && !isDumb
        hasColour = isInteractive && (environment("NO_COLOR") ?? "").isEmpty
    }

    package static let standardOutput = Terminal(isTerminal: isatty(STDOUT_FILENO) == 1, environment: Environment.value)
    package static let standardError = Terminal(isTerminal: isatty(STDERR_FILENO) == 1, environment: Environment.value)

    /// The terminal's width now, in columns; asked anew for every line, so a resized window needs no signal.
    package static func width(of descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

/// The process's environment variables.
package enum Environment {
    package static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }
}
