import Dispatch
import Glibc
import Synchronization

/// Catches Ctrl-C from `start` to `stop` and says what the user wants; before and after it ends the process as always.
///
/// One watch at a time. The signal handler writes a byte to a pipe, and a thread of its own reads that and holds the dialogue.
package final class InterruptWatch: Sendable {
    package enum Decision: Sendable {
        case detach(JobReference)
        case cancel(JobReference)
    }

    /// Computed, for a signal handler must not be the first to initialise anything.
    private static var interruptByte: UInt8 { UInt8(ascii: "i") }
    private static var stopByte: UInt8 { UInt8(ascii: "s") }
    /// Where the signal handler writes; a handler can reach nothing but globals.
    private static let pipeEnd = Atomic<Int32>(-1)

    /// What the user decided, as it comes; ends after `stop`.
    package let decisions: AsyncStream<Decision>
    private let continuation: AsyncStream<Decision>.Continuation
    private let display: ProgressDisplay

    package init(display: ProgressDisplay) {
        self.display = display
        (decisions, continuation) = AsyncStream.makeStream()
    }

    /// Does nothing when SIGINT was ignored from the start, as a shell does for what it puts into the background, or no pipe can be had.
    package func start(_ job: JobReference) {
        var before = sigaction()
        guard sigaction(SIGINT, nil, &before) == 0, !Self.isIgnored(before) else { return }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        Self.pipeEnd.store(ends[1], ordering: .releasing)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            let code = errno
            var byte = InterruptWatch.interruptByte
            _ = write(InterruptWatch.pipeEnd.load(ordering: .acquiring), &byte, 1)
            errno = code
        }
        action.sa_flags = SA_RESTART
        sigaction(SIGINT, &action, nil)
        let reader = ends[0]
        DispatchQueue(label: "interrupts").async { [self] in
            hold(job, reader)
            close(reader)
        }
    }

    package func stop() {
        guard Self.pipeEnd.load(ordering: .acquiring) >= 0 else { return }
        signal(SIGINT, SIG_DFL)
        let end = Self.pipeEnd.exchange(-1, ordering: .acquiringAndReleasing)
        var byte = Self.stopByte
        _ = write(end, &byte, 1)
    }

    private static func isIgnored(_ action: sigaction) -> Bool {
        unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// The dialogue's thread, until it is told to stop or nothing is left to decide.
    private func hold(_ job: JobReference, _ reader: Int32) {
        defer { continuation.finish() }
        let keyboard = isatty(STDERR_FILENO) == 1 ? open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1
        defer { if keyboard >= 0 { close(keyboard) } }
        var dialogue = InterruptDialogue(canAsk: keyboard >= 0)
        var isAsking = false
        while true {
            var ready = [
                pollfd(fd: reader, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isAsking ? keyboard : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&ready, nfds_t(ready.count), -1) > 0 else {
                if errno == EINTR { continue }
                return
            }
            let step: InterruptDialogue.Step
            if ready[0].revents != 0 {
                guard Self.readByte(reader) == Self.interruptByte else { return }
                step = dialogue.interrupted()
            } else {
                step = dialogue.answered(Self.readLine(keyboard))
                display.resume()
            }
            isAsking = step == .ask
            guard take(step, job) else { return }
        }
    }

    /// Returns `false` when the dialogue is over.
    private func take(_ step: InterruptDialogue.Step, _ job: JobReference) -> Bool {
        switch step {
        case .ask:
            display.hold(InterruptDialogue.question(job))
        case .detach:
            continuation.yield(.detach(job))
            return false
        case .cancel:
            continuation.yield(.cancel(job))
        case .follow:
            break
        }
        return true
    }

    private static func readByte(_ descriptor: Int32) -> UInt8? {
        var byte: UInt8 = 0
        return read(descriptor, &byte, 1) == 1 ? byte : nil
    }

    /// What one read gives: a terminal gives a line at a time.
    private static func readLine(_ descriptor: Int32) -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: 1024) { buffer, count in
            count = max(0, read(descriptor, buffer.baseAddress, buffer.count))
        }
        return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
