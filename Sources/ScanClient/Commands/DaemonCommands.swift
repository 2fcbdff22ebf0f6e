package import ArgumentParser
import ScanAPI

/// `synscan status`
package struct StatusCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the daemon: its version, scope, limits and files, and what you may do.",
        discussion: "With --json: one JSON document.")

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.status, as: DaemonStatus.self, text: StatusText.text)
        return .done
    }
}

/// `synscan reload`
package struct ReloadCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the daemon read its configuration and deny files again.",
        discussion: """
            Prints what is different now, a line each, and what takes a restart. When there is a fault in a file, nothing is changed, and the \
            fault is told. New exclusions act on running jobs, too. For administrators. With --json: one JSON document.
            """)

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.reload, as: Reload.self) { reload, _ in DaemonTexts.reload(reload) }
        return .done
    }
}

/// `synscan reopen`
package struct ReopenCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "reopen",
        abstract: "Have the daemon open its log files anew, after they were rotated.",
        discussion: """
            When it returns, all lines so far are safe in the old files and new ones go to new files. logrotate calls it. For administrators. \
            With --json: one JSON document.
            """)

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.reopen, as: Reopening.self) { reopening, _ in DaemonTexts.reopening(reopening) }
        return .done
    }
}

/// `synscan halt`
package struct HaltCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "halt",
        abstract: "Stop every packet at once, until synscan unhalt.",
        discussion: """
            Within 100 ms nothing is sent any more; restarts of the daemon change nothing about that. Jobs wait, and new ones are still taken. \
            For administrators. With --json: one JSON document, the daemon's status.
            """)

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        do {
            _ = try await common.ask(.halt, as: DaemonStatus.self) { status, _ in DaemonTexts.halted(status) }
            return .done
        } catch ClientError.unreachable(let sentence) {
            throw ClientError.unreachable(
                "\(sentence) Nothing is halted: a daemon that starts sends again, unless the file \"halted\" is in its store "
                    + "(sudo touch /var/lib/synscan/halted) or the service is off (sudo systemctl disable --now synscand).")
        }
    }
}

/// `synscan unhalt`
package struct UnhaltCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "unhalt",
        abstract: "Let packets leave again after synscan halt.",
        discussion: "Waiting jobs go on by themselves. For administrators. With --json: one JSON document, the daemon's status.")

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        _ = try await common.ask(.unhalt, as: DaemonStatus.self) { status, _ in DaemonTexts.halted(status) }
        return .done
    }
}
