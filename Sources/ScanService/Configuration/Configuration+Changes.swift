import PacketIO
package import ScanAPI
import ScanTargets

extension Configuration {
    /// A key with its value in words; `isFixed` when a running daemon cannot change it.
    private struct Entry {
        let key: String
        let value: String
        var isFixed = false
    }

    /// Every key but those of `[scope]`, which are compared by what they mean.
    private var entries: [Entry] {
        let states = results.states.map(\.rawValue).sorted().joined(separator: ", ")
        let roles = Role.allCases.map { role in
            Entry(key: "control.roles.\(role.rawValue)", value: (control.roles.words[role] ?? []).joined(separator: ", "))
        }
        return roles + [
            Entry(key: "control.socket", value: control.socket, isFixed: true),
            Entry(key: "control.group", value: control.group, isFixed: true),
            Entry(key: "control.audit_log", value: control.auditLog, isFixed: true),
            Entry(key: "store.directory", value: store.directory, isFixed: true),
            Entry(key: "store.keep_days", value: "\(store.keepDays)"), Entry(key: "store.max_size", value: "\(store.maxSize)"),
            Entry(key: "results.log", value: results.log, isFixed: true), Entry(key: "results.states", value: states),
            Entry(key: "results.min_free", value: "\(results.minFree)"), Entry(key: "limits.max_rate", value: "\(limits.maxRate)"),
            Entry(key: "limits.max_rate_per_host", value: "\(limits.maxRatePerHost)"),
            Entry(key: "limits.max_rate_per_network", value: "\(limits.maxRatePerNetwork)"),
            Entry(key: "limits.open_ports_threshold", value: "\(limits.openPortsThreshold)"),
            Entry(key: "limits.max_running_jobs", value: "\(limits.maxRunningJobs)"),
            Entry(key: "limits.max_job_targets", value: "\(limits.maxJobTargets)"),
            Entry(key: "limits.max_request_bytes", value: "\(limits.maxRequestBytes)", isFixed: true),
            Entry(key: "limits.per_user_queued", value: "\(limits.perUserQueued)"),
            Entry(key: "limits.per_user_running", value: "\(limits.perUserRunning)"),
            Entry(key: "limits.per_user_followers", value: "\(limits.perUserFollowers)"),
            Entry(key: "limits.resume_within", value: "\(limits.resumeWithin) s"),
            Entry(key: "limits.give_up", value: "\(limits.giveUp) s"),
            Entry(key: "scan.source_ports", value: "\(scan.sourcePorts.lowerBound)-\(scan.sourcePorts.upperBound)"),
            Entry(key: "scan.source_address", value: scan.sourceAddress?.description ?? "the kernel's choice"),
            Entry(key: "scan.interface", value: scan.interface ?? "the kernel's choice"),
            Entry(key: "scan.link", value: scan.link?.rawValue ?? Scan.anyLink),
            Entry(key: "scan.send_threads", value: "\(scan.sendThreads)"),
        ]
    }

    /// What is different in `new`.
    package func changes(to new: Configuration) -> Reload {
        var result = Reload(changed: scope.changes(to: new.scope), needsRestart: [])
        for (old, new) in zip(entries, new.entries) where old.value != new.value {
            let line = "\(old.key): \(old.value.isEmpty ? "nobody" : old.value) → \(new.value.isEmpty ? "nobody" : new.value)"
            if old.isFixed { result.needsRestart.append(line) } else { result.changed.append(line) }
        }
        return result
    }

    /// These values where a running daemon can take them over, the old ones elsewhere.
    package func applied(over old: Configuration) -> Configuration {
        var result = self
        let roles = control.roles
        result.control = old.control
        result.control.roles = roles
        result.store.directory = old.store.directory
        result.results.log = old.results.log
        result.limits.maxRequestBytes = old.limits.maxRequestBytes
        return result
    }
}

extension Scope {
    fileprivate func changes(to new: Scope) -> [String] {
        var lines: [String] = []
        func compare(_ key: String, _ old: [String], _ new: [String]) {
            guard old != new else { return }
            lines.append("scope.\(key): \(words(old)) → \(words(new))")
        }
        func words(_ list: [String]) -> String {
            list.isEmpty ? "nothing" : list.prefix(8).joined(separator: ", ") + (list.count > 8 ? ", …" : "")
        }
        compare("allow", allowWords, new.allowWords)
        compare("deny", denyWords, new.denyWords)
        if allowed != new.allowed {
            lines.append("scope: \(allowed.count) addresses may be probed → \(new.allowed.count)")
        }
        return lines
    }
}
