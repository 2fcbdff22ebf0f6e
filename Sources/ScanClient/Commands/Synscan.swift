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
              3    refused: outside scope, not yours to do, or no permission for the socket
              4    the daemon cannot be reached
              5    finished below its recall goal
              130  interrupted

            Environment: SYNSCAN_SOCKET names the daemon's socket, NO_COLOR turns colours off.
            """,
        version: Version.current,
        subcommands: [
            ScanCommand.self, PlanCommand.self, JobsCommand.self, ShowCommand.self, FollowCommand.self, ResultsCommand.self,
            CancelCommand.self, StatusCommand.self,
        ])

    package init() {}
}
