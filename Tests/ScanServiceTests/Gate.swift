import PacketIO

/// Lets a thread wait until a test opens it, ten minutes at most: tests run side by side and a busy machine may let one wait.
final class Gate: Sendable {
    private let event = try? WakeEvent()

    func wait() { event?.wait(nanoseconds: 600_000_000_000) }
    func open() { event?.signal() }
}
