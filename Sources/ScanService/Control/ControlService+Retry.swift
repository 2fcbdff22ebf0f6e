import PacketIO
package import ScanAPI
import ScanCore
import ScanTargets

extension ControlService {
    /// Submits a job over exactly those targets that one which is over has left untested, with its options. What the scope excludes by now is left out
    /// once more.
    package func retry(_ job: Job, by asker: Asker) async throws -> Job {
        guard job.state.isFinal else {
            throw Refusal(.conflict, "Job \(job.id) is not over yet: wait for its end, or cancel it, and retry it then.")
        }
        let nothing = Refusal(.conflict, "Nothing of job \(job.id) was left untested: there is nothing to retry.")
        guard job.account.untested > 0 else { throw nothing }
        guard let record = try await store.job(.id(job.id)) else { throw Refusal(.notFound, "There is no job \(job.id).") }
        guard record.started != nil || record.state != .cancelled else {
            throw Refusal(.conflict, "Job \(job.id) was cancelled before it began, and its targets were not kept: submit it again.")
        }
        let (selection, chosen) = try await WorkPools.run(for: asker.uid) { [store] in
            (try store.selection(of: record.id), try store.untested(of: record))
        }
        let count = chosen.count(of: UInt64(clamping: selection.targetCount))
        guard count > 0 else { throw nothing }
        let current = settings.current
        let allowed = selection.addresses.intersection(current.scope.allowed)
        if allowed.isEmpty, let refusal = current.scope.refusal(of: selection.addresses) { throw refusal }
        let question = RouteQuestion(selection, from: current.scan.sourcePorts, record.narrowing.completed(by: current.scan))
        try await WorkPools.run(for: asker.uid) { try RoutePlanner.ways(to: question).check(isStrict: record.isStrict) }
        try await queue.checkPorts()
        var new = record.retry(of: count, by: asker.peer.submitter, at: JobQueue.now)
        new.rate = min(new.rate, current.limits.maxRate)
        if asker.role < .admin, new.priority == .high { new.priority = .normal }
        return try await queue.retry(new, selection, chosen, limit: asker.limit(current.limits.perUserQueued))
    }
}
