package import ArgumentParser
import FoundationEssentials
import ScanAPI

/// `synscan backup`
package struct BackupCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write a copy of the daemon's store, its jobs and findings, into a file.",
        discussion: """
            The copy is an SQLite database of one moment; scans go on meanwhile. The file is there whole or not at all, and for its owner alone. \
            synscand(8) says how it is restored. For administrators. With --json: one JSON document.
            """)

    @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file())
    var output: String

    @Flag(help: "Replace the file if there is one.")
    var force = false

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let file = try NewFile(output, replaces: force)
        try await ControlConnection.open(try common.socketPath()) { connection in
            try await connection.pieces(of: .backup) { try file.write($0) }
        }
        try file.commit()
        let console = Console.standard()
        if common.json {
            try console.printJSON([UInt8](try APICoding.encode(Written(file: output, bytes: file.count))))
        } else {
            try console.output.write("\(Quantities.count(file.count)) bytes are in \(Escaping.forTerminal(output)).\n")
        }
        try console.output.flush()
        return .done
    }

    private struct Written: Encodable {
        let file: String
        let bytes: Int
    }
}
