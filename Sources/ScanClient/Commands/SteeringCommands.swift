package import ArgumentParser
package import ScanAPI

extension JobPriority: ExpressibleByArgument {}

/// `synscan pause JOB`
package struct PauseCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Pause a job: it sends nothing until it is resumed.",
        discussion: "It keeps its place, what it has found and its deadline. With --json: one JSON document, the job.")

    @OptionGroup var job: JobArgument
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.pause(try job.reference()), as: Job.self) { job, _ in SteeringTexts.paused(job) + "\n" }
        return .done
    }
}

/// `synscan resume JOB`
package struct ResumeCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Let a paused job go on where it stopped.", discussion: "With --json: one JSON document, the job.")

    @OptionGroup var job: JobArgument
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.resume(try job.reference()), as: Job.self) { job, _ in SteeringTexts.resumed(job) + "\n" }
        return .done
    }
}

/// `synscan rate JOB N`
package struct RateCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "rate",
        abstract: "Change how many probes a second a job may send.",
        discussion: "It takes effect at once, also on a running job; the daemon's cap holds. With --json: one JSON document, the job.")

    @OptionGroup var job: JobArgument

    @Argument(help: ArgumentHelp("Probes a second, 1 or more.", valueName: "n"))
    var rate: Int

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let reference = try job.reference()
        guard rate > 0 else { throw ClientError.usage("A rate of \(rate) cannot be: write the probes a second, 1 or more.") }
        let request = try ControlRequest.change(reference, JobChange(rate: rate))
        _ = try await common.ask(request, as: Job.self) { job, _ in SteeringTexts.rate(rate, of: job) + "\n" }
        return .done
    }
}

/// `synscan priority JOB P`
package struct PriorityCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "priority",
        abstract: "Change a job's priority.",
        discussion: """
            Among queued jobs the higher priority starts first; running jobs share the daemon's rate by it. Only administrators give high \
            priority. With --json: one JSON document, the job.
            """)

    @OptionGroup var job: JobArgument

    @Argument(help: ArgumentHelp("The priority.", valueName: "priority"))
    var priority: JobPriority

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let request = try ControlRequest.change(try job.reference(), JobChange(priority: priority))
        _ = try await common.ask(request, as: Job.self) { job, _ in SteeringTexts.priority(of: job) + "\n" }
        return .done
    }
}

/// `synscan cancel JOB`
package struct CancelCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel a job; what it has found is kept.", discussion: "With --json: one JSON document, the job.")

    @OptionGroup var job: JobArgument
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.cancel(try job.reference()), as: Job.self) { job, _ in SteeringTexts.cancelled(job) + "\n" }
        return .done
    }
}

/// `synscan delete JOB`
package struct DeleteCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a job and what the daemon keeps of it.",
        discussion: """
            One that is not over is cancelled first. The results log keeps its lines. With --json: one JSON document, the job as it was.
            """)

    @OptionGroup var job: JobArgument
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.delete(try job.reference()), as: Job.self) { job, _ in SteeringTexts.deleted(job) + "\n" }
        return .done
    }
}
