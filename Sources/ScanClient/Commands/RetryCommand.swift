package import ArgumentParser

/// `synscan retry JOB`
package struct RetryCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Scan what a job has left untested.",
        discussion: """
            A new job over exactly the targets that one which is over has left untested: because its deadline came, it was cancelled or failed, \
            nothing answered any more, or they could not be asked. It has the same options, but no deadline; what the scope excludes by now is \
            left out. Names that did not resolve are no targets: submit them again. Followed as by scan.
            """)

    @OptionGroup var job: JobArgument

    @Flag(help: "Submit only; the job goes on by itself.")
    var detach = false

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        try await Submission(common: common, detach: detach).run(.retry(try job.reference()), on: try common.socketPath())
    }
}
