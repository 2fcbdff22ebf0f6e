import ScanAPI
package import ScanTargets

/// Writes the lines of the results log, one JSON object each, with the keys always in this order and absent values left out:
///
/// `v seq time hostname event job name address port protocol state reason ttl rtt_ms tcp_window mss attempt service port_class interface
/// unverified conflict`, then, in lines of hosts, `open_ports sampled sampled_open`, in lines of jobs the names that did not resolve, and in
/// lines that end a job, its account.
package struct LineFormatter: Sendable {
    private let services: ServiceNames
    /// `","hostname":"…","event":"`, which follows every time.
    private let afterTime: [UInt8]

    package init(hostname: String, services: ServiceNames) {
        self.services = services
        var buffer = LineBuffer()
        buffer.append("\",\"hostname\":")
        buffer.append(quoted: hostname)
        buffer.append(",\"event\":\"")
        afterTime = buffer.bytes
    }

    /// A line of event `port`, or `conflict` where a later answer contradicts one that was logged. `name` is the job's, and `zone` the interface on
    /// whose link its link-local targets are.
    package func append(
        _ finding: StoredFinding, event: StaticString = "port", seq: Int64, job: Int64, name: String?, zone: String? = nil,
        to buffer: inout LineBuffer
    ) {
        appendHead(seq: seq, time: finding.time, to: &buffer)
        buffer.append(event)
        buffer.append("\"")
        append(job: job, name: name, to: &buffer)
        buffer.append(",")
        appendTarget(finding, zone, to: &buffer)
        buffer.append("}\n")
    }

    /// A line of event `host`.
    package func append(
        _ host: StoredHost, seq: Int64, job: Int64, name: String?, zone: String? = nil, to buffer: inout LineBuffer
    ) {
        appendHead(seq: seq, time: host.time, to: &buffer)
        buffer.append("host\"")
        append(job: job, name: name, to: &buffer)
        buffer.append(",")
        append(host, zone, to: &buffer)
        buffer.append("}\n")
    }

    /// A line about a job.
    package func append(_ line: JobLine, seq: Int64, to buffer: inout LineBuffer) {
        appendHead(seq: seq, time: line.time, to: &buffer)
        buffer.append(verbatim: Array(line.event.rawValue.utf8))
        buffer.append("\"")
        append(job: line.job, name: line.name, to: &buffer)
        if let reason = line.reason {
            buffer.append(",\"reason\":")
            buffer.append(quoted: reason)
        }
        if !line.unresolved.isEmpty { append(",\"unresolved\":", line.unresolved, to: &buffer) }
        if let account = line.account { append(account, to: &buffer) }
        buffer.append("}\n")
    }

    /// A line of the control interface's findings stream (`ScanAPI.Finding`).
    package func append(streamed finding: StoredFinding, zone: String? = nil, to buffer: inout LineBuffer) {
        buffer.append("{\"time\":\"")
        buffer.append(finding.time)
        buffer.append("\",")
        appendTarget(finding, zone, to: &buffer)
        buffer.append("}\n")
    }

    /// The same for a host (`ScanAPI.HostFinding`).
    package func append(streamed host: StoredHost, zone: String? = nil, to buffer: inout LineBuffer) {
        buffer.append("{\"time\":\"")
        buffer.append(host.time)
        buffer.append("\",")
        append(host, zone, to: &buffer)
        buffer.append("}\n")
    }

    private func append(_ host: StoredHost, _ zone: String?, to buffer: inout LineBuffer) {
        buffer.append("\"address\":")
        buffer.append(quoted: host.address, zone: zone)
        append(",\"state\":", host.state, to: &buffer)
        append(",\"reason\":", host.reason, to: &buffer)
        append(",\"ttl\":", host.ttl, to: &buffer)
        append(",\"open_ports\":", host.openPorts, to: &buffer)
        append(",\"sampled\":", host.sampled, to: &buffer)
        append(",\"sampled_open\":", host.sampledOpen, to: &buffer)
        append(",\"mac\":", host.mac, to: &buffer)
        append(",\"vendor\":", host.vendor, to: &buffer)
        append(",\"duplicate_mac\":", host.duplicateMac, to: &buffer)
        append(",\"mac_shared_by\":", host.macSharedBy, to: &buffer)
    }

    private func appendHead(seq: Int64, time: Timestamp, to buffer: inout LineBuffer) {
        buffer.append("{\"v\":1,\"seq\":")
        buffer.append(seq)
        buffer.append(",\"time\":\"")
        buffer.append(time)
        buffer.append(verbatim: afterTime)
    }

    private func append(job: Int64?, name: String?, to buffer: inout LineBuffer) {
        if let job {
            buffer.append(",\"job\":")
            buffer.append(job)
        }
        if let name {
            buffer.append(",\"name\":")
            buffer.append(quoted: name)
        }
    }

    /// From `address` to `interface`, without a comma before.
    private func appendTarget(_ finding: StoredFinding, _ zone: String?, to buffer: inout LineBuffer) {
        let port = finding.endpoint.port
        buffer.append("\"address\":")
        buffer.append(quoted: finding.endpoint.address, zone: zone ?? finding.interface)
        buffer.append(",\"port\":")
        buffer.append(port)
        buffer.append(",\"protocol\":\"tcp\",\"state\":")
        buffer.append(quoted: finding.state.rawValue)
        buffer.append(",\"reason\":")
        buffer.append(quoted: finding.reason)
        append(",\"ttl\":", finding.ttl, to: &buffer)
        if let rtt = finding.rttMicroseconds {
            buffer.append(",\"rtt_ms\":")
            buffer.append(millionths: Int64(rtt) * 1000, digits: 3)
        }
        append(",\"tcp_window\":", finding.window, to: &buffer)
        append(",\"mss\":", finding.mss, to: &buffer)
        append(",\"attempt\":", finding.attempt, to: &buffer)
        append(",\"service\":", services.name(of: port), to: &buffer)
        append(",\"port_class\":", PortClass(port).rawValue, to: &buffer)
        append(",\"interface\":", finding.interface, to: &buffer)
        if finding.isUnverified { buffer.append(",\"unverified\":true") }
        append(",\"conflict\":", finding.conflict, to: &buffer)
    }

    /// The account, in the order that the README tells.
    private func append(_ account: Account, to buffer: inout LineBuffer) {
        append(",\"targets\":", account.targets, to: &buffer)
        append(",\"probes_sent\":", account.probesSent, to: &buffer)
        append(",\"replies\":", account.replies, to: &buffer)
        append(",\"open\":", account.open, to: &buffer)
        append(",\"closed\":", account.closed, to: &buffer)
        append(",\"filtered\":", account.filtered, to: &buffer)
        append(",\"down\":", account.down, to: &buffer)
        append(",\"untested\":", account.untested, to: &buffer)
        if let reasons = account.untestedReasons { append(",\"untested_reasons\":", reasons, to: &buffer) }
        append(",\"duplicates\":", account.duplicates, to: &buffer)
        append(",\"rejected_replies\":", account.rejectedReplies, to: &buffer)
        append(",\"send_errors\":", account.sendErrors, to: &buffer)
        append(",\"link_drops\":", account.linkDrops, to: &buffer)
        append(",\"capture_drops\":", account.captureDrops, to: &buffer)
        append(",\"loss\":", account.loss, to: &buffer)
        append(",\"estimated_recall\":", account.estimatedRecall, to: &buffer)
        append(",\"recall_low\":", account.recallLow, to: &buffer)
        append(",\"recall_high\":", account.recallHigh, to: &buffer)
        append(",\"recall_goal\":", account.recallGoal, to: &buffer)
        if let isReached = account.goalReached { buffer.append(isReached ? ",\"goal_reached\":true" : ",\"goal_reached\":false") }
        append(",\"hosts_answering_everything\":", account.hostsAnsweringEverything, to: &buffer)
        append(",\"contradictions\":", account.contradictions, to: &buffer)
        append(",\"unresolved_names\":", account.unresolvedNames, to: &buffer)
        append(",\"rounds\":", account.rounds, to: &buffer)
        buffer.append(",\"seconds\":")
        buffer.append(millionths: Int64(exactly: (account.seconds * 1e6).rounded()) ?? 0, digits: 6)
        append(",\"rate\":", account.rate, to: &buffer)
        append(",\"found_rate\":", account.foundRate, to: &buffer)
        if let isVerified = account.rateVerified { buffer.append(isVerified ? ",\"rate_verified\":true" : ",\"rate_verified\":false") }
        if !account.link.isEmpty { append(",\"link\":", account.link, to: &buffer) }
        append(",\"link_reason\":", account.linkReason, to: &buffer)
    }

    private func append(_ key: StaticString, _ number: (some FixedWidthInteger)?, to buffer: inout LineBuffer) {
        guard let number else { return }
        buffer.append(key)
        buffer.append(number)
    }

    /// A share, to six digits.
    private func append(_ key: StaticString, _ share: Double?, to buffer: inout LineBuffer) {
        guard let share, let millionths = Int64(exactly: (share * 1e6).rounded()) else { return }
        buffer.append(key)
        buffer.append(millionths: millionths, digits: 6)
    }

    private func append(_ key: StaticString, _ texts: [String], to buffer: inout LineBuffer) {
        buffer.append(key)
        for (index, text) in texts.enumerated() {
            buffer.append(index == 0 ? "[" : ",")
            buffer.append(quoted: text)
        }
        buffer.append("]")
    }

    private func append(_ key: StaticString, _ text: String?, to buffer: inout LineBuffer) {
        guard let text else { return }
        buffer.append(key)
        buffer.append(quoted: text)
    }
}
