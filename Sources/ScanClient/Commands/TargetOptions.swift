import ArgumentParser
import ScanAPI
import ScanTargets

extension TCPOptions: ExpressibleByArgument {}

/// What is scanned and how: shared by `scan` and `plan`.
package struct TargetOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "What to scan: 10.0.0.1, 10.0.0.0/24, 10.0.0.1-10.0.0.9, 10.0.0.1-20, 10.0-3.*.1,5, 2001:db8::/120, fe80::1%eth0, a host name, or "
                + "ADDRESS:PORT for a single target.",
            valueName: "target"))
    var targets: [String] = []

    @Option(
        name: .customLong("iL", withSingleDash: true), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Read targets from a file, - for standard input; one to a line or separated by white space, # begins a comment. Repeatable.",
            valueName: "file"),
        completion: .file())
    var targetFiles: [String] = []

    @Option(
        name: .long, parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Leave these targets out; separated by commas, repeatable.", valueName: "targets"))
    var exclude: [String] = []

    @Option(
        name: [.customLong("excludefile"), .customLong("exclude-file")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Leave the targets in a file out; the same form as -iL. Repeatable.", valueName: "file"), completion: .file())
    var excludeFiles: [String] = []

    @Option(
        name: [.customShort("p", allowingJoined: true), .customLong("ports")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Ports: 80,443, 1-1024, - for all, ssh,http, well-known, registered, dynamic, !25 to leave one out. "
                + "Without -p: the 1000 most common. Repeatable.", valueName: "ports"))
    var ports: [String] = []

    @Option(help: ArgumentHelp("The N most common ports, in place of -p.", valueName: "n"))
    var topPorts: Int?

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Leave these ports out; the same form as -p. Repeatable.", valueName: "ports"))
    var excludePorts: [String] = []

    @Option(parsing: .unconditional, help: ArgumentHelp("Probes a second, whatever is lost; without it the rate is found.", valueName: "n"))
    var rate: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The most that a rate that is found may be; without it, the daemon's cap.", valueName: "n"))
    var maxRate: Int?

    @Option(
        parsing: .unconditional, help: ArgumentHelp("Probe silent targets at most so many more times, 0 to 8 (default: 8).", valueName: "n")
    )
    var retries: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Go on until this share of the open ports is found with a probability of 0.99 (default: 0.999); none: exactly one pass.",
            valueName: "share"))
    var recall: String?

    @Option(help: ArgumentHelp("The TCP options of the probes: mss, linux, windows or none (default: mss).", valueName: "kind"))
    var tcpOptions: TCPOptions?

    @Option(
        help: ArgumentHelp(
            "The states to record, separated by commas: open, closed, filtered, down, untested; or all. Without it, the daemon's choice.",
            valueName: "states"))
    var states: [String] = []

    @Flag(
        help: "Probe and report every port of hosts that answer everything; without it one event stands for the rest of their ports.")
    var reportAll = false

    @Flag(help: "Report each host as up or down, too.")
    var reportHosts = false

    @Flag(
        help:
            "Refuse the whole scan for one target that cannot be scanned, such as a name that does not resolve; without it the rest is scanned."
    )
    var strict = false

    @Option(
        name: [.customShort("e"), .customLong("interface")],
        help: ArgumentHelp("Probe through this interface; without it, by the machine's routes.", valueName: "name"))
    var interface: String?

    @Option(
        name: [.customShort("S"), .customLong("source-address")],
        help: ArgumentHelp("Probe from this address, one of the machine's own.", valueName: "address"))
    var sourceAddress: String?

    @Flag(name: .customShort("n"), help: "Accepted as in nmap: synscan never looks up the names of addresses.")
    var noNames = false

    @Flag(
        name: [
            .customLong("sS", withSingleDash: true), .customLong("Pn", withSingleDash: true), .customLong("PN", withSingleDash: true),
            .customLong("P0", withSingleDash: true), .customLong("reason"),
        ], help: .hidden)
    var nmapsWay = false

    package init() {}

    package var draft: RequestDraft {
        var draft = RequestDraft()
        draft.targets = targets
        draft.targetFiles = targetFiles
        draft.exclude = exclude
        draft.excludeFiles = excludeFiles
        draft.ports = Self.joined(ports)
        draft.topPorts = topPorts
        draft.excludePorts = Self.joined(excludePorts)
        draft.rate = rate
        draft.maxRate = maxRate
        draft.retries = retries
        draft.recall = recall
        draft.tcpOptions = tcpOptions
        draft.states = Self.joined(states)
        draft.reportAll = reportAll ? true : nil
        draft.reportHosts = reportHosts ? true : nil
        draft.strict = strict ? true : nil
        draft.interface = interface
        draft.sourceAddress = sourceAddress
        return draft
    }

    /// What an option that is given several times says in all.
    private static func joined(_ values: [String]) -> String? {
        values.isEmpty ? nil : values.joined(separator: ",")
    }
}
