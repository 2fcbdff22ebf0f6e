package import ArgumentParser
import ScanAPI

/// `synscan plan`
package struct PlanCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what a scan would do, without sending anything.",
        discussion: """
            Targets, packets, duration, interface, source address, next hop, link, and whether the scope allows it (exit code 3 where not). \
            With --json: one JSON document.
            """)

    @OptionGroup var target: TargetOptions
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let job = try target.draft.request(services: SystemServices.read)
        ExclusionTexts.notes(job).forEach(Console.note)
        let request = try ControlRequest.plan(job)
        let plan = try await common.ask(request, as: Plan.self, text: PlanText.text)
        return CommandStatus(of: plan)
    }
}
