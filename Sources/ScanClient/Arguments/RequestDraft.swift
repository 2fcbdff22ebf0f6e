package import ScanAPI
package import ScanTargets

/// A scan as the command line asks for it, before anything has been read or parsed.
package struct RequestDraft: Sendable, Equatable {
    package var name: String?
    package var targets: [String] = []
    /// Files of targets, `-` for standard input.
    package var targetFiles: [String] = []
    /// Each holds one target expression or several, separated by commas.
    package var exclude: [String] = []
    package var excludeFiles: [String] = []
    package var ports: String?
    package var topPorts: Int?
    package var excludePorts: String?
    package var rate: Int?
    package var retries: Int?
    package var tcpOptions: TCPOptions?
    /// State names separated by commas, or `all`.
    package var states: String?

    package init() {}

    /// Reads the files and parses everything, with the daemon's own parser, so that faults are told before the daemon is asked; the daemon
    /// decides all the same.
    ///
    /// - Parameter services: gives the service names that ports may be called by, asked only when there are ports.
    /// - Throws: `ClientError` or `ExpressionError`.
    package func request(services: () -> ServiceNames) throws -> JobRequest {
        try checkNumbers()
        let readers = (targetFiles + excludeFiles).count { $0 == "-" }
        guard readers < 2 else { throw ClientError.usage("Standard input (-) can be read only once; name a file for the other list.") }

        var request = JobRequest(targets: try parsedTargets())
        guard !request.targets.isEmpty else { throw noTargets }
        request.exclude = try parsedExclusions()
        if ports != nil || excludePorts != nil {
            let services = services()
            try Self.check(ports, option: "-p") { _ = try PortExpression.parse($0, services: services) }
            try Self.check(excludePorts, option: "--exclude-ports") { _ = try PortExpression.parse($0, services: services) }
        }
        request.name = name
        request.ports = ports
        request.topPorts = topPorts
        request.excludePorts = excludePorts
        request.rate = rate
        request.retries = retries
        request.tcpOptions = tcpOptions
        request.states = try states.map(Self.parseStates)
        return request
    }

    private func checkNumbers() throws(ClientError) {
        if let name, !JobReference.isName(name) {
            throw .usage(
                "--name \(Escaping.forTerminal(name)) cannot be: write 1 to 64 letters (A-Z, a-z), digits, dots, underscores or dashes.")
        }
        if ports != nil, topPorts != nil { throw .usage("-p and --top-ports exclude each other; give one of them.") }
        if let topPorts, !(1...65_535).contains(topPorts) {
            throw .usage("--top-ports \(topPorts) cannot be: write a number of ports from 1 to 65535.")
        }
        if let rate, rate < 1 {
            throw .usage("--rate \(rate) cannot be: write the probes a second, 1 or more, or leave it out for the daemon's cap.")
        }
        if let retries, !(0...8).contains(retries) {
            throw .usage("--retries \(retries) cannot be: write how many more times a silent target is probed, 0 to 8.")
        }
    }

    private func parsedTargets() throws -> [String] {
        var result = try targets.map { try TargetExpression(parsing: $0).text }
        for path in targetFiles { result += try Self.list(in: path) }
        return result
    }

    private func parsedExclusions() throws -> [String]? {
        var result: [String] = []
        for part in exclude.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false) }) {
            let text = String(part.drop { $0 == " " })
            try Self.check(text, option: "--exclude") { result.append(try TargetExpression(parsing: $0).text) }
        }
        for path in excludeFiles { result += try Self.list(in: path) }
        return result.isEmpty ? nil : result
    }

    /// Parses an option's text; an error names the option.
    private static func check(_ text: String?, option: String, _ parse: (String) throws -> Void) throws(ClientError) {
        guard let text else { return }
        do {
            try parse(text)
        } catch {
            throw .usage("\(option): \(error)")
        }
    }

    private static func list(in path: String) throws -> [String] {
        let file = TextFile(path)
        return try TargetExpression.list(try file.text(), source: file.name).map(\.text)
    }

    private var noTargets: ClientError {
        guard let path = targetFiles.first else {
            return .usage("No targets: name some (synscan scan 10.0.0.0/24), or a file of them with -iL FILE (- for standard input).")
        }
        return .usage("\(Escaping.forTerminal(TextFile(path).name)) names no target; write one to a line, or several separated by spaces.")
    }

    /// `open,closed` or `all`.
    package static func parseStates(_ text: String) throws(ClientError) -> [TargetState] {
        if text == "all" { return TargetState.allCases }
        var result: [TargetState] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let state = TargetState(rawValue: String(word)) else {
                let known = TargetState.allCases.map(\.rawValue).joined(separator: ", ")
                throw .usage(
                    "--states \(Escaping.forTerminal(text)): there is no state '\(Escaping.forTerminal(String(word)))'; "
                        + "write some of \(known), separated by commas, or all.")
            }
            if !result.contains(state) { result.append(state) }
        }
        return result
    }
}
