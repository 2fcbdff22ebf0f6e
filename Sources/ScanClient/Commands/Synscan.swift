package import ArgumentParser
import ScanAPI

/// The command line of `synscan`.
package struct Synscan: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "synscan",
        abstract: "Find open TCP ports by way of the scanning daemon, synscand.",
        discussion: """
            Scan only networks that you are authorised to scan.

            Exit codes:
              0    done, or detached from a job that goes on
              1    the job failed or was cancelled, or there is no way to its targets
              2    usage: the request cannot be understood or asks for what cannot be
              3    refused: outside scope, not yours to do, over your limit, or not for you
              4    the daemon cannot be reached, or has not answered or come back within a minute
              5    finished below its recall goal, or without targets that could not be scanned
              130  interrupted

            Environment: SYNSCAN_SOCKET names the daemon's socket, NO_COLOR turns colours off.
            """,
        version: Version.current,
        groupedSubcommands: [
            CommandGroup(name: "Scanning", subcommands: [ScanCommand.self, PlanCommand.self, RetryCommand.self]),
            CommandGroup(
                name: "Looking",
                subcommands: [
                    JobsCommand.self, ShowCommand.self, FollowCommand.self, WaitCommand.self, ResultsCommand.self, StatusCommand.self,
                ]),
            CommandGroup(
                name: "Steering",
                subcommands: [
                    PauseCommand.self, ResumeCommand.self, RateCommand.self, PriorityCommand.self, CancelCommand.self, DeleteCommand.self,
                ]),
            CommandGroup(
                name: "Administration",
                subcommands: [ReloadCommand.self, ReopenCommand.self, BackupCommand.self, HaltCommand.self, UnhaltCommand.self]),
        ])

    package init() {}
}
