package import ArgumentParser
import ScanAPI

/// `synscan jobs`
package struct JobsCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List the jobs.", discussion: "With --json: one JSON document, an array of jobs.")

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let jobs = try await common.ask(.jobs, as: [Job].self, text: JobTexts.table)
        if jobs.isEmpty, !common.json { Console.note("There are no jobs.") }
        return .done
    }
}

/// `synscan show JOB`
package struct ShowCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a job: its state, its progress and its account.",
        discussion: "With --json: one JSON document, the job.")

    @OptionGroup var job: JobArgument
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.job(try job.reference()), as: Job.self, text: JobTexts.full)
        return .done
    }
}
