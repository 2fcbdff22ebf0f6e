import ScanAPI

extension RequestDraft {
    /// A job file's draft with what the command line says in place of what the file says.
    ///
    /// Throws when both name targets: then nobody can tell which of them are meant.
    package func overridden(by line: RequestDraft) throws(ClientError) -> RequestDraft {
        var result = self
        if line.namesTargets {
            guard !namesTargets else {
                throw .usage("Targets are named on the command line and in \(source ?? "the job file"): name them in one of the two.")
            }
            result.take(\.targets, .targets, of: line)
            result.take(\.targetFiles, .targetFiles, of: line)
        }
        // They exclude each other, so one of them overrides both.
        if line.ports != nil || line.topPorts != nil {
            result.ports = nil
            result.topPorts = nil
        }
        result.take(\.name, .name, of: line)
        result.take(\.exclude, .exclude, of: line)
        result.take(\.excludeFiles, .excludeFiles, of: line)
        result.take(\.ports, .ports, of: line)
        result.take(\.topPorts, .topPorts, of: line)
        result.take(\.excludePorts, .excludePorts, of: line)
        // Likewise.
        if line.rate != nil || line.maxRate != nil {
            result.rate = nil
            result.maxRate = nil
        }
        result.take(\.rate, .rate, of: line)
        result.take(\.maxRate, .maxRate, of: line)
        result.take(\.retries, .retries, of: line)
        result.take(\.recall, .recall, of: line)
        result.take(\.tcpOptions, .tcpOptions, of: line)
        result.take(\.states, .states, of: line)
        result.take(\.reportAll, .reportAll, of: line)
        result.take(\.reportHosts, .reportHosts, of: line)
        result.take(\.strict, .strict, of: line)
        result.take(\.interface, .interface, of: line)
        result.take(\.sourceAddress, .sourceAddress, of: line)
        result.take(\.priority, .priority, of: line)
        result.take(\.deadline, .deadline, of: line)
        return result
    }

    /// The sentence about exclusions of a job file in whose place those of the command line come; nil where there are none.
    package func lostExclusions(to line: RequestDraft) -> String? {
        var lost: [Field] = []
        if !line.exclude.isEmpty, !exclude.isEmpty { lost.append(.exclude) }
        if !line.excludeFiles.isEmpty, !excludeFiles.isEmpty { lost.append(.excludeFiles) }
        if line.excludePorts != nil, excludePorts != nil { lost.append(.excludePorts) }
        if line.ports != nil || line.topPorts != nil, ports?.contains("!") == true { lost.append(.ports) }
        guard !lost.isEmpty else { return nil }
        let options = lost.map(\.option).joined(separator: ", ")
        return
            "synscan: \(options) of the command line stands in place of \(lost.map(\.rawValue).joined(separator: ", ")) in \(source ?? "the job file")."
    }

    private var namesTargets: Bool { !targets.isEmpty || !targetFiles.isEmpty }

    private mutating func take<Value>(_ path: WritableKeyPath<RequestDraft, Value?>, _ field: Field, of line: RequestDraft) {
        guard let value = line[keyPath: path] else { return }
        self[keyPath: path] = value
        places[field] = nil
    }

    private mutating func take(_ path: WritableKeyPath<RequestDraft, [String]>, _ field: Field, of line: RequestDraft) {
        guard !line[keyPath: path].isEmpty else { return }
        self[keyPath: path] = line[keyPath: path]
        places[field] = nil
    }
}
