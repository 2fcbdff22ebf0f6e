package import ScanAPI
package import ScanTargets

/// A scan as the command line or a job file asks for it, before anything has been read or parsed.
package struct RequestDraft: Sendable, Equatable {
    /// What a draft says, by the keys of a job file.
    package enum Field: String, Sendable, CaseIterable {
        case name, targets
        case targetFiles = "target_files"
        case exclude
        case excludeFiles = "exclude_files"
        case ports
        case topPorts = "top_ports"
        case excludePorts = "exclude_ports"
        case rate
        case maxRate = "max_rate"
        case retries, recall
        case tcpOptions = "tcp_options"
        case states
        case reportAll = "report_all"
        case reportHosts = "report_hosts"
        case strict, interface
        case sourceAddress = "source_address"
        case priority, deadline

        /// What the command line calls it.
        var option: String {
            switch self {
            case .targets: "targets"
            case .targetFiles: "-iL"
            case .excludeFiles: "--excludefile"
            case .ports: "-p"
            default: "--" + rawValue.replacing("_", with: "-")
            }
        }
    }

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
    package var maxRate: Int?
    package var retries: Int?
    /// `none` or a share.
    package var recall: String?
    package var tcpOptions: TCPOptions?
    /// State names separated by commas, or `all`.
    package var states: String?
    package var reportAll: Bool?
    package var reportHosts: Bool?
    package var strict: Bool?
    package var interface: String?
    package var sourceAddress: String?
    package var priority: JobPriority?
    /// As `Deadline` reads it.
    package var deadline: String?

    /// The job file that this draft comes from, fit for a terminal.
    package var source: String?
    /// Where in that file each field stands, fit for a terminal: `office.toml, line 3, rate`.
    package var places: [Field: String] = [:]

    package init() {}

    /// Reads the files and parses everything, with the daemon's own parser, so that faults are told before the daemon is asked; the daemon
    /// decides all the same.
    ///
    /// - Parameter now: where durations begin, and `zone` what local times mean.
    /// - Parameter services: gives the service names that ports may be called by, asked only when there are ports.
    /// - Throws: `ClientError` or `ExpressionError`.
    package func request(
        now: Timestamp = LocalTime.now, zone: Deadline.Zone = LocalTime.offset(at:), services: () -> ServiceNames
    ) throws -> JobRequest {
        try checkNumbers()
        let readers = (targetFiles + excludeFiles).count { $0 == "-" }
        guard readers < 2 else { throw ClientError.usage("Standard input (-) can be read only once; name a file for the other list.") }

        var request = JobRequest(targets: try parsedTargets())
        guard !request.targets.isEmpty else { throw noTargets }
        let (excluded, sources) = try parsedExclusions()
        request.exclude = excluded.isEmpty ? nil : excluded
        request.excludeSources = excludeFiles.isEmpty ? nil : sources
        if ports != nil || excludePorts != nil {
            let services = services()
            try check(ports, .ports) { _ = try PortExpression.parse($0, services: services) }
            try check(excludePorts, .excludePorts) { _ = try PortExpression.parse($0, services: services) }
        }
        try check(deadline, .deadline) { request.deadline = try Deadline.parse($0, now: now, zone: zone) }
        request.name = name
        request.ports = ports
        request.topPorts = topPorts
        request.excludePorts = excludePorts
        request.rate = rate
        request.maxRate = maxRate
        request.retries = retries
        request.recall = try parsedRecall()
        request.tcpOptions = tcpOptions
        request.states = try states.map { text throws(ClientError) in try Self.parseStates(text, place: place(.states)) }
        request.reportAll = reportAll
        request.reportHosts = reportHosts
        request.strict = strict
        request.interface = interface
        request.sourceAddress = try parsedSource()
        request.priority = priority
        return request
    }

    /// How messages name what a field says.
    private func place(_ field: Field) -> String {
        places[field] ?? field.option
    }

    private func checkNumbers() throws(ClientError) {
        if let name, !JobReference.isName(name) {
            throw .usage(
                "\(place(.name)) \(Escaping.forTerminal(name)) cannot be: "
                    + "write 1 to 64 letters (A-Z, a-z), digits, dots, underscores or dashes.")
        }
        if ports != nil, topPorts != nil {
            throw .usage("\(place(.ports)) and \(place(.topPorts)) exclude each other; give one of them.")
        }
        if let topPorts, !(1...65_535).contains(topPorts) {
            throw .usage("\(place(.topPorts)) \(topPorts) cannot be: write a number of ports from 1 to 65535.")
        }
        if let rate, rate < 1 {
            throw .usage("\(place(.rate)) \(rate) cannot be: write the probes a second, 1 or more, or leave it out: then it is found.")
        }
        if let maxRate, maxRate < 1 {
            throw .usage("\(place(.maxRate)) \(maxRate) cannot be: write the most probes a second, 1 or more, or leave it out.")
        }
        if rate != nil, maxRate != nil {
            throw .usage("\(place(.rate)) and \(place(.maxRate)) exclude each other; give one of them.")
        }
        if let retries, !(0...8).contains(retries) {
            throw .usage("\(place(.retries)) \(retries) cannot be: write how many more times a silent target is probed at most, 0 to 8.")
        }
    }

    private func parsedRecall() throws(ClientError) -> RecallGoal? {
        guard let recall else { return nil }
        guard let goal = RecallGoal(recall) else {
            throw .usage(
                "\(place(.recall)) \(Escaping.forTerminal(recall)) cannot be: write the share of open ports to find, above 0 and below 1, such as "
                    + "0.999, or none for exactly one pass.")
        }
        if goal == .none, let retries, retries > 0 {
            throw .usage("\(place(.recall)) none is exactly one pass, and \(place(.retries)) \(retries) asks for more; give one of them.")
        }
        return goal
    }

    private func parsedSource() throws(ClientError) -> IPAddress? {
        guard let sourceAddress else { return nil }
        guard let address = IPAddress(sourceAddress) else {
            throw .usage(
                "\(place(.sourceAddress)) \(Escaping.forTerminal(sourceAddress)) is no address: write one of this machine's, such as 192.0.2.1."
            )
        }
        return address
    }

    private func parsedTargets() throws -> [String] {
        var result = PackedTexts()
        for text in Self.rangesJoined(targets) {
            if places[.targets] != nil {
                try check(text, .targets) { try TargetExpression.each(in: $0) { result.append($0) } }
            } else {
                try TargetExpression.each(in: text) { result.append($0) }
            }
        }
        for path in targetFiles {
            let file = TextFile(path)
            try TargetExpression.each(in: try file.text(), source: file.name) { result.append($0) }
        }
        return result.finish()
    }

    /// A shell makes three words of `10.0.0.1 - 10.0.0.9`.
    private static func rangesJoined(_ words: [String]) -> [String] {
        var result: [String] = []
        for word in words {
            if let last = result.last, word == "-" || last.hasSuffix(" -") {
                result[result.count - 1] = last + " " + word
            } else {
                result.append(word)
            }
        }
        return result
    }

    private func parsedExclusions() throws -> (texts: [String], sources: [JobRequest.ExcludeSource]) {
        var (texts, sources): ([String], [JobRequest.ExcludeSource]) = ([], [])
        for text in exclude {
            try check(text, .exclude) { text in
                try TargetExpression.each(in: text) { target in
                    texts.append(target.text)
                    sources.append(.init(name: target.text, count: 1))
                }
            }
        }
        for path in excludeFiles {
            let list = try Self.list(in: path)
            texts += list
            sources.append(.init(name: TextFile(path).name, count: list.count))
        }
        return (texts, sources)
    }

    /// Parses a field's text; an error names the field.
    private func check(_ text: String?, _ field: Field, _ parse: (String) throws -> Void) throws(ClientError) {
        guard let text else { return }
        do {
            try parse(text)
        } catch {
            throw .usage("\(place(field)): \(error)")
        }
    }

    private static func list(in path: String) throws -> [String] {
        let file = TextFile(path)
        var texts = PackedTexts()
        try TargetExpression.each(in: try file.text(), source: file.name) { texts.append($0) }
        return texts.finish()
    }

    private var noTargets: ClientError {
        if let path = targetFiles.first {
            let name = Escaping.forTerminal(TextFile(path).name)
            return .usage("\(name) names no target; write one to a line, or several separated by spaces.")
        }
        if let source {
            return .usage("\(source) names no targets: write targets = [\"10.0.0.0/24\"] or target_files = [\"hosts.txt\"] into it.")
        }
        return .usage("No targets: name some (synscan scan 10.0.0.0/24), or a file of them with -iL FILE (- for standard input).")
    }

    /// `open,closed` or `all`.
    package static func parseStates(_ text: String, place: String = Field.states.option) throws(ClientError) -> [TargetState] {
        var result: [TargetState] = []
        let words = text.split(separator: ",", omittingEmptySubsequences: false)
        if words.contains("all") { return TargetState.allCases }
        for word in words {
            guard let state = TargetState(rawValue: String(word)) else {
                let known = TargetState.allCases.map(\.rawValue).joined(separator: ", ")
                throw .usage(
                    "\(place) \(Escaping.forTerminal(text)): there is no state '\(Escaping.forTerminal(String(word)))'; "
                        + "write some of \(known), separated by commas, or all.")
            }
            if !result.contains(state) { result.append(state) }
        }
        return result
    }
}
