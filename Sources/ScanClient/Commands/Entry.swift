import ArgumentParser

/// From the command line to the exit code.
package enum Entry {
    /// - Parameter arguments: without the program's name.
    package static func run(_ arguments: [String]) async -> CommandStatus {
        do {
            let command = try Synscan.parseAsRoot(arguments)
            if let command = command as? any ClientCommand { return await run(command) }
            // What is left is the parser's own: help, and `synscan` without a command, which is help too.
            var other = command
            try other.run()
            return .done
        } catch {
            return end(afterParsing: error, arguments)
        }
    }

    private static func run(_ command: any ClientCommand) async -> CommandStatus {
        do {
            return try await command.execute()
        } catch {
            if !(error is OutputFile.OutputClosed) { Console.note("synscan: \(ErrorText.sentence(for: error))") }
            return CommandStatus(for: error)
        }
    }

    /// What the parser has to say where it found no command to run. Help, version and completion scripts are wishes that it throws, everything
    /// else is a usage error.
    package static func outcome(ofParsing error: any Error, _ arguments: [String] = []) -> (message: String, status: CommandStatus) {
        guard !Synscan.exitCode(for: error).isSuccess else { return (Synscan.fullMessage(for: error), .done) }
        let sentences = NmapHabits.sentences(for: arguments)
        // The parser suggests the option of the same length.
        return (sentences.isEmpty ? Synscan.fullMessage(for: error).replacing(" Did you mean '-iL'?", with: "") : sentences, .usage)
    }

    private static func end(afterParsing error: any Error, _ arguments: [String]) -> CommandStatus {
        let (message, status) = outcome(ofParsing: error, arguments)
        guard status == .done else {
            Console.note(message)
            return status
        }
        let output = Console.standard().output
        // Whether help was read to its end changes nothing.
        try? output.write(message + "\n")
        try? output.flush()
        return .done
    }
}
