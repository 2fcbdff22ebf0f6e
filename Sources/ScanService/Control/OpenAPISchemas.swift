import ScanAPI
import ScanTargets

/// The values of the control interface as JSON schemas, for `OpenAPIDocument`.
enum OpenAPISchemas {
    static let text = """
        {
            "Refusal": {"type": "object", "required": ["kind", "message"], "properties": {
              "kind": {"enum": [\(list(Refusal.Kind.allCases.map(\.rawValue)))]},
              "message": {"type": "string", "description": "what was asked, what is wrong, what to do"}}},
            "JobRequest": \(jobRequest),
            "JobChange": {"type": "object", "additionalProperties": false, "minProperties": 1, "properties": {
              "rate": {"type": "integer", "minimum": 1, "description": "probes a second"}, "priority": {"$ref": "#/components/schemas/JobPriority"}}},
            "JobPriority": {"enum": [\(list(JobPriority.allCases.map(\.rawValue)))]},
            "Reload": {"type": "object", "required": ["changed", "needs_restart"], "properties": {
              "changed": {"type": "array", "items": {"type": "string"}}, "needs_restart": {"type": "array", "items": {"type": "string"}}}},
            "Reopening": {"type": "object", "required": ["results_log", "audit_log"], "properties": {
              "results_log": {"type": "string"}, "audit_log": {"type": "string"}}},
            "Job": \(job),
            "JobState": {"enum": [\(list(JobState.allCases.map(\.rawValue)))]},
            "TargetState": {"enum": [\(list(TargetState.allCases.map(\.rawValue)))]},
            "Account": \(account),
            "Progress": {"type": "object", "required": ["round", "fraction", "rate"], "properties": {
              "round": {"type": "integer", "minimum": 0}, "fraction": {"type": "number", "minimum": 0, "maximum": 1},
              "rate": {"type": "number", "description": "probes a second"},
              "share": {"type": "number", "description": "probes a second that it may send at present"}, "eta": {"type": "number", "description": "seconds to go"}}},
            "Finding": \(finding),
            "HostFinding": \(hostFinding),
            "Plan": \(plan),
            "DaemonStatus": \(status)
          }
        """

    private static let jobRequest = """
        {"type": "object", "required": ["targets"], "additionalProperties": false, "properties": {
              "name": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "not digits alone"},
              "targets": {"type": "array", "minItems": 1, "items": {"type": "string"}, "description": "addresses, blocks, ranges, names, address:port"},
              "exclude": {"type": "array", "items": {"type": "string"}, "description": "the same forms, left out"},
              "exclude_sources": {"type": "array", "description": "where the texts of exclude come from, in their order: told of together",
                "items": {"type": "object", "required": ["name", "count"], "properties": {
                  "name": {"type": "string"}, "count": {"type": "integer", "minimum": 0}}}},
              "ports": {"type": "string", "description": "22,80-90,http,well-known,!25 or - for all; absent: the most common 1000"},
              "top_ports": {"type": "integer", "minimum": 1, "maximum": 65535, "description": "in place of ports"},
              "exclude_ports": {"type": "string"},
              "rate": {"type": "integer", "minimum": 1, "description": "probes a second; absent: found, by what the path carries"},
              "max_rate": {"type": "integer", "minimum": 1, "description": "the most that a found rate may be; absent: the daemon's max_rate"},
              "retries": {"type": "integer", "minimum": 0, "maximum": 8, "default": 8, "description": "how often a silent target is probed again at most"},
              "recall": {"oneOf": [{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, {"const": "none"}], "default": 0.999,
                "description": "the share of open ports to find with a probability of 0.99; none: exactly one pass"},
              "tcp_options": {"enum": [\(list(TCPOptions.allCases.map(\.rawValue)))], "default": "mss"},
              "report_all": {"type": "boolean", "default": false, "description": "hosts that answer everything are probed and reported like all others"},
              "report_hosts": {"type": "boolean", "default": false, "description": "each host is reported up or down, for at most 16777216 addresses"},
              "strict": {"type": "boolean", "default": false, "description": "one target that cannot be scanned refuses the job; otherwise the rest is scanned"},
              "states": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/TargetState"}},
              "interface": {"type": "string", "description": "probes leave by it; absent: what configuration and routes say"},
              "source_address": {"type": "string", "description": "probes come from it, one of the machine's own"},
              "priority": {"$ref": "#/components/schemas/JobPriority"},
              "deadline": {"type": "string", "format": "date-time", "description": "when it ends, finished or not"}}}
        """

    private static let job = """
        {"type": "object", "required": ["id", "state", "priority", "submitted_by", "submitted", "targets", "account"], "properties": {
              "id": {"type": "integer", "minimum": 1}, "name": {"type": "string"}, "state": {"$ref": "#/components/schemas/JobState"},
              "reason": {"type": "string"}, "priority": {"$ref": "#/components/schemas/JobPriority"}, "deadline": \(time),
              "submitted_by": {"type": "object", "required": ["uid", "pid", "groups"], "properties": {
                "uid": {"type": "integer"}, "pid": {"type": "integer"}, "groups": {"type": "array", "items": {"type": "integer"}}}},
              "submitted": \(time), "started": \(time), "finished": \(time),
              "targets": {"type": "array", "items": {"type": "string"}, "description": "as submitted, the first 16"},
              "retry_of": {"type": "integer", "description": "the job whose untested targets it scans"},
              "unresolved": {"type": "array", "items": {"type": "string"}, "description": "names that did not resolve, the first 100"},
              "account": {"$ref": "#/components/schemas/Account"}, "progress": {"$ref": "#/components/schemas/Progress"}}}
        """

    private static let account = """
        {"type": "object", "description": "targets = open + closed + filtered + down + untested once the job is over", "properties": {
              \(integers([
                "targets", "probes_sent", "replies", "open", "closed", "filtered", "down", "untested", "duplicates", "rejected_replies",
                "send_errors", "link_drops", "capture_drops", "rounds", "rate", "found_rate", "hosts_answering_everything",
                "unresolved_names", "contradictions",
              ])),
              "loss": {"type": "number"}, "estimated_recall": {"type": "number"}, "recall_low": {"type": "number"},
              "recall_high": {"type": "number"}, "recall_goal": {"type": "number"}, "goal_reached": {"type": "boolean"},
              "rate_verified": {"type": "boolean"}, "exclusions": \(exclusions),
              "untested_reasons": {"type": "array", "items": {"type": "string"}, "description": "why some targets are untested"},
              "seconds": {"type": "number"}, "link": {"type": "string", "description": "xdp, ring, packet or raw-ip, joined by commas"},
              "link_reason": {"type": "string"}}}
        """

    private static let finding = """
        {"type": "object", "required": ["time", "address", "port", "protocol", "state", "reason", "port_class"], "properties": {
              "time": \(time), "address": {"type": "string"}, "port": {"type": "integer", "minimum": 1, "maximum": 65535},
              "protocol": {"const": "tcp"}, "state": {"$ref": "#/components/schemas/TargetState"},
              "reason": {"type": "string", "description": "in nmap's words"}, "ttl": {"type": "integer"}, "rtt_ms": {"type": "number"},
              "tcp_window": {"type": "integer"}, "mss": {"type": "integer"}, "attempt": {"type": "integer"}, "service": {"type": "string"},
              "port_class": {"enum": [\(list(PortClass.allCases.map(\.rawValue)))]}, "interface": {"type": "string"},
              "unverified": {"const": true, "description": "the answer carries nothing that only its target knows: it may be forged"},
              "conflict": {"type": "string", "description": "a later answer that contradicts this one, or an ICMP error that came before it: its reason and time to live"}}}
        """

    private static let hostFinding = """
        {"type": "object", "required": ["time", "address", "state", "reason"], "properties": {
              "time": \(time), "address": {"type": "string"}, "state": {"enum": ["up", "down", "answers-everything"]},
              "reason": {"type": "string"}, "ttl": {"type": "integer"},
              "mac": {"type": "string"}, "vendor": {"type": "string"}, "duplicate_mac": {"type": "string"},
              \(integers(["open_ports", "sampled", "sampled_open", "mac_shared_by"]))}}
        """

    private static let plan = """
        {"type": "object", "properties": {
              \(integers(["targets", "addresses", "ports", "rate", "probes_at_least", "probes_at_most"])),
              "rate_found": {"type": "boolean"}, "ports_source": {"type": "string"}, "seconds_at_least": {"type": "number"}, "seconds_at_most": {"type": "number"},
              "paths": {"type": "array", "items": {"type": "object", "properties": {
                "destinations": {"type": "array", "items": {"type": "string"}}, "interface": {"type": "string"}, "source": {"type": "string"},
                "next_hop": {"type": "string"}, "hardware_address": {"type": "string"}, "link": {"type": "string"},
                "link_reason": {"type": "string"}}}},
              "exclusions": \(exclusions),
              "scope": {"type": "string", "description": "allowed, or the sentence that refuses it"},
              "unreachable": {"type": "array", "items": {"type": "string"}, "description": "what no way leads to, and why"},
              "advice": {"type": "array", "items": {"type": "string"}, "description": "what the machine's own firewall should know"},
              "names": {"type": "array", "items": {"type": "object", "properties": {
                "name": {"type": "string"}, "addresses": {"type": "array", "items": {"type": "string"}}}}},
              "unresolved": {"type": "array", "description": "names that did not resolve: the rest would be scanned",
                "items": {"type": "object", "properties": {"name": {"type": "string"}, "problem": {"type": "string"}}}}}}
        """

    private static let status = """
        {"type": "object", "properties": {
              "version": {"type": "string"}, "pid": {"type": "integer"}, "started": \(time),
              "jobs": {"type": "object", "additionalProperties": {"type": "integer"}, "description": "how many jobs are in each state"},
              "max_rate": {"type": "integer"}, "scope_allow": {"type": "array", "items": {"type": "string"}},
              "scope_deny": {"type": "array", "items": {"type": "string"}}, "results_log": {"type": "string"}, "store": {"type": "string"},
              "configuration": {"type": "string"}, "port_ranking": {"type": "string"}, "audit_log": {"type": "string"},
              "role": {"enum": [\(list(Role.allCases.map(\.rawValue)))]},
              "halted": {"type": "object", "required": ["since", "uid"], "properties": {"since": \(time), "uid": {"type": "integer"}}},
              "advice": {"type": "array", "items": {"type": "string"}}, "obstacle": {"type": "string", "description": "what keeps all jobs waiting"}}}
        """

    private static let exclusions = """
        {"type": "array", "description": "what each exclusion leaves out by itself", "items": {"type": "object", "properties": {
                "name": {"type": "string"}, \(integers(["entries", "addresses", "targets"]))}}}
        """

    private static let time = "{\"type\": \"string\", \"format\": \"date-time\"}"

    private static func list(_ words: [String]) -> String {
        words.map { "\"\($0)\"" }.joined(separator: ", ")
    }

    private static func integers(_ names: [String]) -> String {
        names.map { "\"\($0)\": {\"type\": \"integer\"}" }.joined(separator: ", ")
    }
}
