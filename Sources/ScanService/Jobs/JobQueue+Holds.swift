import Logging
import PacketIO
import ScanAPI
import ScanEngine

/// What makes all jobs wait: a halt, a want of space, a machine that slept for too long.
extension JobQueue {
    /// Why nothing runs, in words; nil when nothing keeps jobs from running.
    package var holdReason: String? {
        if let halt = halt.halt { return "halted by user \(halt.uid) at \(halt.since)" }
        return obstacle
    }

    /// Somebody has stopped all sending, or lets it go on; the brake itself has been set before.
    package func haltChanged() { holdOrGoOn() }

    /// Something keeps results from being written, or does no more: the board says what, for news may overtake each other.
    func meetObstacle() {
        obstacle = recorder.obstacles.obstacle
        holdOrGoOn()
    }

    func holdOrGoOn() {
        let common = holdReason
        for id in Array(jobs.keys) {
            guard let job = jobs[id], job.machine.isActive || job.machine.wasInterrupted else { continue }
            let reason = common ?? job.run?.obstacle
            jobs[id]?.record.reason = reason
            handle(reason == nil ? .release : .hold, id)
            jobs[id]?.show()
        }
        schedule()
    }

    // MARK: - Heartbeat

    /// Stored this often, in seconds.
    private static let storedInterval = 60.0
    /// From one beat to the next, while there are jobs and while there are none.
    private static let busyRest = Duration.seconds(1)
    private static let idleRest = Duration.seconds(10)

    /// Waits until the next beat is due. While there is no job that is seldom, but a new one ends the wait.
    package func rest() async {
        let isIdle = jobs.isEmpty
        let sleep = Task { _ = try? await Task.sleep(for: isIdle ? Self.idleRest : Self.busyRest) }
        if isIdle { idleSleep = sleep }
        await withTaskCancellationHandler {
            await sleep.value
        } onCancel: {
            sleep.cancel()
        }
        idleSleep = nil
    }

    /// After each `rest`: notices when the machine slept for longer than jobs may be interrupted, and notes that the daemon is alive.
    package func beat() {
        let now = Heartbeat.now()
        let gap = now.seconds(since: lastBeat)
        lastBeat = now
        let limit = settings.current.limits.resumeWithin
        if gap > Double(limit) { pauseAll("the machine slept for \(Int(gap)) s, longer than [limits] resume_within") }
        guard now.seconds(since: lastStored) >= Self.storedInterval else { return }
        lastStored = now
        builder.expireSpares()
        if !jobs.isEmpty { keepHeartbeat() }
    }

    func keepHeartbeat() {
        recorder.submit(
            RecordChange(isKept: false) { db in
                try Heartbeat.now().store(db)
                return []
            } done: { _ in
            })
    }

    private func pauseAll(_ reason: String) {
        logger.warning("All jobs are paused: \(reason).")
        for id in Array(jobs.keys) where jobs[id]?.machine.state != .paused {
            jobs[id]?.record.reason = reason
            handle(.pause, id)
        }
    }

    /// Whether there are no jobs, so that nothing is to be done.
    package var isIdle: Bool { jobs.isEmpty }

    /// Whose threads have not been at work for so long: what the watchdog wants to know.
    package func silent(for nanoseconds: Int64) -> [String] {
        var silent = active.sorted().filter { id in
            guard let job = jobs[id], job.machine.state == .running, let run = job.run else { return false }
            return !run.isAlive(within: nanoseconds)
        }.map { "job \($0)" }
        if !active.isEmpty, SendHelper.isAnySilent(for: nanoseconds) { silent.append("a sending helper") }
        return silent
    }
}
