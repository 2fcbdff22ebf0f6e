package import ScanAPI

/// What those see who ask for jobs or follow them.
extension JobQueue {
    /// Running jobs are shown this often.
    private static let tick = Duration.milliseconds(200)
    /// So many ticks make three seconds. A client that hears nothing for ten believes that the daemon hangs.
    private static let restingTicks = 15

    /// The live job as it stands, nil when it is over or unknown.
    package func job(_ id: Int64) -> Job? { jobs[id]?.snapshot }

    /// Those of these jobs that are live.
    package func liveJobs(of ids: [Int64]) -> [Int64: Job] {
        Dictionary(ids.compactMap { id in jobs[id].map { (id, $0.snapshot) } }) { $1 }
    }

    /// The job now, at each change, and some times a second while it runs; ends after its final state. Nil when it is over or unknown. Throws `Refusal`
    /// when the user follows `limit` already, nil for no limit.
    ///
    /// A slow reader misses what is between, never the last.
    package func follow(_ id: Int64, uid: UInt32, limit: Int?) throws(Refusal) -> AsyncStream<Job>? {
        if let limit, followers[uid, default: 0] >= limit {
            throw Refusal(.limit, "User \(uid) follows \(limit) jobs already ([limits] per_user_followers): end one of those streams.")
        }
        return watch(id, uid: uid)
    }

    /// `uid` is whose follower is counted, nil for the daemon's own.
    func watch(_ id: Int64, uid: UInt32?) -> AsyncStream<Job>? {
        guard let job = jobs[id], !isStopping else { return nil }
        let (stream, watcher) = AsyncStream.makeStream(of: Job.self, bufferingPolicy: .bufferingNewest(8))
        let number = nextWatcher
        nextWatcher &+= 1
        if let uid { followers[uid, default: 0] += 1 }
        watcher.onTermination = { [weak self] _ in
            Task { await self?.forget(number, of: id, uid) }
        }
        jobs[id]?.watchers[number] = .init(uid: uid, stream: watcher)
        watcher.yield(job.snapshot)
        startTicker()
        return stream
    }

    private func forget(_ watcher: Int, of id: Int64, _ uid: UInt32?) {
        jobs[id]?.watchers[watcher] = nil
        guard let uid, let count = followers[uid] else { return }
        followers[uid] = count > 1 ? count - 1 : nil
    }

    /// One timer for all that are followed; it ends when nobody follows.
    private func startTicker() {
        guard ticker == nil else { return }
        ticker = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.tick)
                guard await self?.showRunning() == true else { return }
            }
        }
    }

    /// The others are shown now and then, so that a follower who has gone is noticed.
    private func showRunning() -> Bool {
        ticks &+= 1
        if ticks.isMultiple(of: Self.restingTicks) {
            for job in jobs.values { job.show() }
            if jobs.values.allSatisfy(\.watchers.isEmpty) { ticker = nil }
        } else {
            for id in active { jobs[id]?.show() }
        }
        return ticker != nil
    }

    /// How many of the jobs that are not over are in each state.
    var counts: [String: Int] {
        var counts: [String: Int] = [:]
        for job in jobs.values { counts[job.machine.state.rawValue, default: 0] += 1 }
        return counts
    }

    /// `2 running, 3 queued`, for the service manager.
    package var summary: String {
        let counts = counts
        let parts = JobState.allCases.compactMap { state in counts[state.rawValue].map { "\($0) \(state.rawValue)" } }
        let jobs = parts.isEmpty ? "no jobs" : parts.joined(separator: ", ")
        return holdReason.map { "\(jobs): \($0)" } ?? jobs
    }
}
