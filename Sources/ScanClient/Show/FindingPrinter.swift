import ScanAPI

/// Prints findings as they arrive: a table for people, or their lines as they are.
package struct FindingPrinter {
    /// How many rows a terminal gets at the end of a scan; `synscan results` and pipes get them all.
    package static let terminalLimit = 500

    private let console: Console
    private let limit: Int
    private let job: JobReference
    private var table: Table
    private var rows = 0

    /// - Parameter limit: after so many rows the rest is left out, with a word on how to get it.
    package init(_ console: Console, job: JobReference, limit: Int = .max) {
        self.console = console
        self.job = job
        self.limit = limit
        table = Table(
            [
                .init("ADDRESS"), .init("PORT"), .init("STATE", ink: Style.ink(ofState:)), .init("REASON"), .init("SERVICE"),
            ],
            style: console.style)
    }

    /// Takes one line of `GET /v1/jobs/{id}/findings`; returns `false` when no more are wanted.
    package mutating func add(_ line: some Collection<UInt8>) throws -> Bool {
        guard rows < limit else {
            try console.output.write(table.finish())
            try console.output.write("… more than \(Quantities.count(limit)) findings; all of them: synscan results \(job)\n")
            return false
        }
        rows += 1
        try console.output.write(table.add(try FindingRow(line: line).cells))
        return true
    }

    /// Prints what was held back.
    package mutating func finish() throws {
        try console.output.write(table.finish())
        try console.output.flush()
    }
}
