package import ArgumentParser
import ScanAPI

/// `synscan scan`
package struct ScanCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Submit a scan and follow it to its end.",
        discussion: """
            Progress goes to standard error, the findings go to standard output. On a terminal the table ends after \
            \(FindingPrinter.terminalLimit) rows; synscan results prints them all. Ctrl-C asks whether to detach from the job or to cancel it; \
            where there is no terminal it detaches.

            With --json standard output is NDJSON: one finding a line, and the job itself as the last line, so
              jq -r 'select(.port) | .address'      picks the findings
              jq 'select(.account) | .account.open' picks the job
            With --detach, or after a detachment, the job is the only line.

            A job file is TOML and may have the keys name, targets, target_files, exclude, exclude_files, ports, top_ports, exclude_ports, rate, \
            max_rate, retries, recall, tcp_options, states, report_all, report_hosts, strict, interface, source_address, priority and \
            deadline. It must be yours or root's, and not writable by others. Without a name the job \
            is called after the file, and while a job of that name is not over, --job starts nothing and ends with 0.

            A restart of the daemon while the job is followed is waited for, at most a minute.
            """)

    @OptionGroup var target: TargetOptions

    @Option(help: ArgumentHelp("A name for the job: letters, digits, dots, underscores, dashes.", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "Which of the queued jobs go first, and how running ones share the daemon's rate (default: normal).", valueName: "priority"))
    var priority: JobPriority?

    @Option(
        help: ArgumentHelp(
            "When the job ends, finished or not; the rest is untested. 90s, 8h or 1h30m from now, 06:00, '2026-11-26 06:00', "
                + "or 2026-11-26T06:00:00Z.", valueName: "time"))
    var deadline: String?

    @Option(
        name: .customLong("job"),
        help: ArgumentHelp("Read the scan from a job file; options given here count more than the file's.", valueName: "file"),
        completion: .file(extensions: ["toml"]))
    var jobFile: String?

    @Flag(help: "Submit only; the job goes on by itself.")
    var detach = false

    @OptionGroup var common: CommonOptions

    package init() {}

    /// What the command line asks for, still unread and unparsed.
    package var draft: RequestDraft {
        var draft = target.draft
        draft.name = name
        draft.priority = priority
        draft.deadline = deadline
        return draft
    }

    /// The same with the job file, which is read for that.
    package func wholeDraft() throws -> RequestDraft {
        guard let jobFile else { return draft }
        let file = try JobFile.read(jobFile)
        if let note = file.lostExclusions(to: draft) { Console.note(note) }
        return try file.overridden(by: draft)
    }

    package func execute() async throws -> CommandStatus {
        let socket = try common.socketPath()
        let request = try wholeDraft().request(services: SystemServices.read)
        ExclusionTexts.notes(request).forEach(Console.note)
        do {
            return try await Submission(common: common, detach: detach).run(.submit(request), on: socket)
        } catch let refusal as Refusal where refusal.kind == .conflict && jobFile != nil {
            // Only a submission is answered so. A timer that comes round too early is no failure.
            Console.note(Self.predecessorRuns(request.name))
            return .done
        }
    }

    package static func predecessorRuns(_ name: String?) -> String {
        "Nothing is started: job \(name ?? ""), the one before, is not over."
    }
}
