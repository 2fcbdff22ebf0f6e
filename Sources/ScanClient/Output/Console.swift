import Glibc

/// Where a command prints: results to standard output, everything else to standard error.
package struct Console {
    package let output: OutputFile
    /// What standard output is.
    package let terminal: Terminal
    package let style: Style

    package init(output: OutputFile, terminal: Terminal) {
        self.output = output
        self.terminal = terminal
        style = Style(terminal)
    }

    package static func standard() -> Console {
        Console(output: OutputFile(descriptor: STDOUT_FILENO), terminal: .standardOutput)
    }

    /// One line of JSON from the daemon, made harmless.
    package func printJSON(_ line: some BidirectionalCollection<UInt8>) throws {
        // Documents end in a line feed, lines of a stream come without theirs.
        let hasEnd = line.last == UInt8(ascii: "\n")
        try output.write(Escaping.json(line.prefix(hasEnd ? line.count - 1 : line.count)))
        try output.write("\n")
    }

    /// A sentence for people on standard error; whether that can be written changes nothing.
    package static func note(_ sentence: String) {
        var text = sentence + "\n"
        text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}
