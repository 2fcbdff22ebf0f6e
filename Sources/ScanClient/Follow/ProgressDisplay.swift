import Glibc
package import ScanAPI
import Synchronization

/// Shows on standard error how a job comes along: one line that is drawn over and over on a terminal, a plain line now and then elsewhere.
package final class ProgressDisplay: Sendable {
    private struct State {
        var plainLines: PlainProgress
        /// There is a line on the terminal that has to be erased before anything else is printed.
        var isLineShown = false
        /// A question is on the screen.
        var isHeld = false
        /// Nothing more is shown.
        var hasEnded = false
    }

    private static let eraseLine = "\r\u{1b}[K"

    private let terminal: Terminal
    private let state: Mutex<State>

    package init(terminal: Terminal) {
        self.terminal = terminal
        state = Mutex(State(plainLines: PlainProgress(now: ContinuousClock.now)))
    }

    package func show(_ job: Job) {
        state.withLock { state in
            guard !state.isHeld, !state.hasEnded, !job.state.isFinal else { return }
            if terminal.isInteractive {
                Self.put("\r" + ProgressLine.text(job, width: Terminal.width(of: STDERR_FILENO)) + "\u{1b}[K")
                state.isLineShown = true
            } else if let line = state.plainLines.line(for: job, now: ContinuousClock.now) {
                Self.put(line + "\n")
            }
        }
    }

    /// Prints a sentence on a line of its own.
    package func tell(_ sentence: String) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            Self.put((state.isLineShown ? Self.eraseLine : state.isHeld ? "\n" : "") + sentence + "\n")
            state.isLineShown = false
        }
    }

    /// Prints `text` below what has been there, and draws nothing until `resume()`.
    package func hold(_ text: String) {
        state.withLock { state in
            state.isHeld = true
            Self.put((state.isLineShown ? "\n" : "") + text)
            state.isLineShown = false
        }
    }

    package func resume() {
        state.withLock { $0.isHeld = false }
    }

    /// Leaves a clean line for what comes now, and shows nothing more.
    package func end() {
        state.withLock { state in
            guard !state.hasEnded else { return }
            if state.isLineShown { Self.put(Self.eraseLine) }
            if state.isHeld { Self.put("\n") }
            state.hasEnded = true
        }
    }

    private static func put(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}
