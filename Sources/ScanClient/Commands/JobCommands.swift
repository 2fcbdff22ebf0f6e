package import ArgumentParser
import ScanAPI

/// `synscan jobs`
package struct JobsCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List the latest jobs, oldest first.",
        discussion: "The latest 100 unless --limit says otherwise. With --json: one JSON document, an array of jobs.")

    @Option(name: [.long, .customShort("l")], help: ArgumentHelp("How many, 1 to \(Routes.greatestListLimit).", valueName: "n"))
    var limit: Int?

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        if let limit, !(1...Routes.greatestListLimit).contains(limit) {
            throw ClientError.usage("--limit \(limit) cannot be: write how many jobs to list, 1 to \(Routes.greatestListLimit).")
        }
        let jobs = try await common.ask(.jobs(limit: limit), as: [Job].self, text: JobTexts.table)
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
