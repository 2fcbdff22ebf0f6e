/// Options that people who know nmap, masscan or zmap type by habit, and what synscan has in their place. Those that would change nothing (`-Pn`,
/// `-sS`, `-n`, `--reason`) are taken instead.
package enum NmapHabits {
    /// The sentences about such options, a line each, for `scan` and `plan`; empty where there are none.
    package static func sentences(for arguments: [String]) -> String {
        guard let first = arguments.first, ["scan", "plan"].contains(first) || first.hasPrefix("-") else { return "" }
        var seen: Set<String> = []
        return arguments.prefix { $0 != "--" }.compactMap { argument -> String? in
            let option = String(argument.prefix { $0 != "=" })
            guard option.hasPrefix("-"), !taken.contains(option), let advice = advice(on: option), seen.insert(advice).inserted else {
                return nil
            }
            return "synscan: There is no \(Escaping.forTerminal(option)): \(advice)."
        }.joined(separator: "\n")
    }

    private static let taken: Set<String> = ["-sS", "-Pn", "-PN", "-P0", "-n", "--reason"]

    private static func advice(on option: String) -> String? {
        if let advice = words[option] { return advice }
        return prefixes.first { option.hasPrefix($0.prefix) && option.count <= $0.longest }?.advice
    }

    private static let hiding = "synscan never hides a scan or forges its origin"
    private static let timing =
        "the rate is found by what the path carries; --max-rate N bounds it, --rate N fixes it, and lost probes are asked again"
    private static let hostsOnly =
        "synscan looks for open ports, not for hosts alone; --report-hosts tells of each host whether it is up"
    private static let names = "synscan never looks up the names of addresses; leave it out"

    /// Single letters and what may follow them.
    private static let prefixes: [(prefix: String, longest: Int, advice: String)] = [
        ("-o", 3, "findings go to the daemon's results log, and synscan results JOB --json prints those of a job, one JSON object a line"),
        ("-T", 3, timing), ("-sn", 3, hostsOnly), ("-sP", 3, hostsOnly),
        ("-sL", 3, "synscan plan shows what would be scanned, without a packet"),
        ("-sV", 3, "services and versions are not looked at, synscan finds open TCP ports; run nmap -sV on what is open"),
        ("-sC", 3, "there are no scripts, synscan finds open TCP ports; run nmap on what is open"),
        ("-sU", 3, "UDP scans are not possible, synscan finds open TCP ports"),
        ("-s", 3, "every scan is a SYN scan; leave it out, or write -sS"),
        ("-P", 12, "hosts are never asked first whether they are up; leave it out, or write -Pn"),
        ("-iR", 3, "there are no targets at random; name what you are authorised to scan"),
        ("-d", 3, "synscan show JOB and the daemon's journal tell what happens; leave it out"),
        ("-v", 4, "synscan show JOB tells more while a job runs; leave it out"),
        ("-D", 3, hiding), ("-f", 3, hiding), ("-ff", 3, hiding),
        ("--script", 20, "there are no scripts, synscan finds open TCP ports; run nmap on what is open"),
        ("--min-", 24, timing), ("--max-rtt", 24, timing), ("--max-hostgroup", 24, timing), ("--max-parallelism", 24, timing),
        ("--max-scan-delay", 24, timing), ("--initial-rtt", 24, timing),
        ("--version-", 24, "services and versions are not looked at; run nmap -sV on what is open"),
    ]

    private static let words: [String: String] = [
        "-A": "systems, services and versions are not looked at, synscan finds open TCP ports; run nmap -A on what is open",
        "-O": "systems are not recognised, synscan finds open TCP ports; run nmap -O on what is open",
        "-F": "--top-ports 100 is the same",
        "-6": "IPv6 addresses are written like any other, and names are asked for both families; leave it out",
        "-r": "the order of targets is always random; --rate N is the rate",
        "-R": names, "--system-dns": names, "--dns-servers": names,
        "-g": "source ports are the daemon's own ([scan] source_ports)",
        "--source-port": "source ports are the daemon's own ([scan] source_ports)",
        "--open": "open ports alone are recorded unless --states or the daemon's configuration say otherwise; --states open makes sure",
        "--max-retries": "--retries N is how many more times a silent target is asked at most",
        "--host-timeout": "--deadline TIME ends a job", "--scan-delay": timing, "--defeat-rst-ratelimit": timing,
        "--traceroute": "ways are not traced; synscan plan shows the interface and the next hop",
        "--iflist": "synscan plan shows the interface, the source and the next hop of each target",
        "--resume": "a job goes on by itself after a restart; synscan resume JOB lets a paused one go on",
        "--append-output": "the results log is only ever appended to; leave it out",
        "--stats-every": "progress is shown by itself; synscan show JOB tells how far a job is",
        "--send-eth": "the way onto the wire is chosen for each target; synscan plan shows it",
        "--send-ip": "the way onto the wire is chosen for each target; synscan plan shows it",
        "--privileged": "the daemon has the rights, not the client; leave it out",
        "--spoof-mac": hiding, "--data-length": hiding, "--mtu": hiding, "--badsum": hiding, "--ttl": hiding, "--proxies": hiding,
        "--ip-options": hiding, "--scanflags": "every scan is a SYN scan",
        "--banners": "banners are not read, synscan finds open TCP ports",
        "--wait": "a scan ends by itself when all have answered or had the time to",
        "--adapter": "-e NAME is the interface", "--adapter-ip": "-S ADDRESS is the source",
        "--router-mac": "the daemon asks for hardware addresses itself",
    ]
}
