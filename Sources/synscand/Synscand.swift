import ArgumentParser
import Glibc
import Logging
import ScanAPI
import ScanService

/// The daemon's command line. Exit codes: 0 after a clean stop, 1 when it cannot start or go on, 2 for a wrong command line.
@main
struct Synscand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "synscand", abstract: "Find open TCP ports by half-open scanning, for those who are authorised to.",
        discussion: "Runs in the foreground until SIGTERM or SIGINT. Jobs are submitted with synscan.", version: Version.current)

    @Option(name: .customLong("config"), help: ArgumentHelp("The configuration file.", valueName: "file"))
    var path = Configuration.defaultPath

    @Flag(help: "Check the configuration file and exit.")
    var checkConfig = false

    static func main() async {
        let command: Synscand
        do {
            guard let parsed = try parseAsRoot() as? Synscand else { Glibc.exit(2) }
            command = parsed
        } catch {
            let isHelp = exitCode(for: error) == .success
            say(fullMessage(for: error), on: isHelp ? STDOUT_FILENO : STDERR_FILENO)
            Glibc.exit(isHelp ? 0 : 2)
        }
        do {
            try await command.execute()
        } catch {
            write(JournalLogHandler().line(.error, "\(error)"), on: STDERR_FILENO)
            Glibc.exit(1)
        }
    }

    private func execute() async throws {
        let configuration = try Configuration.load(path)
        if checkConfig {
            for sentence in configuration.scope.idleFiles { Self.say("[scope] deny_files: \(sentence)", on: STDERR_FILENO) }
            return Self.say("\(path) is in order.", on: STDOUT_FILENO)
        }
        let logger = Logger(label: "synscand") { _ in JournalLogHandler() }
        try await Daemon(configuration: configuration, path: path, logger: logger).run()
    }

    private static func say(_ text: String, on descriptor: Int32) {
        write(text + "\n", on: descriptor)
    }

    private static func write(_ text: String, on descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
