package import ScanAPI

/// What the daemon did with itself, in words.
package enum DaemonTexts {
    /// A line for each change, those that take a restart last.
    package static func reload(_ reload: Reload) -> String {
        let lines =
            reload.changed.map(Escaping.forTerminal)
            + reload.needsRestart.map { "\(Escaping.forTerminal($0)) (takes a restart: systemctl restart synscand)" }
        return (lines.isEmpty ? ["Nothing has changed."] : lines).map { $0 + "\n" }.joined()
    }

    package static func reopening(_ reopening: Reopening) -> String {
        let (results, audit) = (Escaping.forTerminal(reopening.resultsLog), Escaping.forTerminal(reopening.auditLog))
        return "New lines go to \(results) and \(audit).\n"
    }

    /// What `halt` and `unhalt` came to.
    package static func halted(_ status: DaemonStatus) -> String {
        status.halted == nil ? "Packets may leave again.\n" : "No packet leaves until synscan unhalt.\n"
    }
}
