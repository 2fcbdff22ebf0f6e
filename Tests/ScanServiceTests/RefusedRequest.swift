import ScanAPI
import Testing

/// A request that is refused, with words that must be in the answer.
struct RefusedRequest: Sendable, CustomTestStringConvertible {
    let what: String
    let request: JobRequest
    let words: [String]
    var testDescription: String { what }

    static let all: [RefusedRequest] = [
        RefusedRequest(what: "no targets", request: JobRequest(targets: []), words: ["No targets"]),
        RefusedRequest(what: "an unparsable target", request: .sample("198.18.0.1", "198.18.0.256"), words: ["198.18.0.256", "character"]),
        RefusedRequest(what: "a reversed range", request: .sample("198.18.0.9-198.18.0.1"), words: ["198.18.0.9-198.18.0.1"]),
        RefusedRequest(what: "port 0", request: .sample("198.18.0.1") { $0.ports = "0" }, words: ["\"0\""]),
        RefusedRequest(what: "port 65536", request: .sample("198.18.0.1") { $0.ports = "65536" }, words: ["65536"]),
        RefusedRequest(what: "an unknown service", request: .sample("198.18.0.1") { $0.ports = "gopherd" }, words: ["gopherd"]),
        RefusedRequest(what: "ports twice", request: .sample("198.18.0.1") { $0.topPorts = 5 }, words: ["both"]),
        RefusedRequest(
            what: "no top ports", request: .sample("198.18.0.1") { ($0.ports, $0.topPorts) = (nil, 0) }, words: ["top 0", "1 to 65535"]),
        RefusedRequest(
            what: "too many top ports", request: .sample("198.18.0.1") { ($0.ports, $0.topPorts) = (nil, .max) }, words: ["1 to 65535"]),
        RefusedRequest(
            what: "an exclusion that leaves nothing", request: .sample("198.18.0.1") { $0.exclude = ["10.0.0.0/8", "198.18.0.0/24"] },
            words: ["198.18.0.0/24"]),
        RefusedRequest(
            what: "an excluded port that leaves nothing", request: .sample("198.18.0.1") { $0.excludePorts = "http" }, words: ["http"]),
        RefusedRequest(what: "a wrong exclusion", request: .sample("198.18.0.1") { $0.exclude = ["x..y"] }, words: ["x..y"]),
        RefusedRequest(what: "a name that does not resolve", request: .sample("no.example"), words: ["no.example does not resolve"]),
        RefusedRequest(
            what: "an excluded name that does not resolve", request: .sample("198.18.0.1") { $0.exclude = ["no.example"] },
            words: ["no.example"]),
        RefusedRequest(
            what: "too large an IPv6 block", request: .sample("2001:db8::/64"), words: ["18446744073709551616", "max_job_targets"]),
        RefusedRequest(
            what: "a link-local address without its link", request: .sample("fe80::1"), words: ["fe80::1", "%eth0", "--interface"]),
        RefusedRequest(what: "two links", request: .sample("fe80::1%eth0", "fe80::2%eth1"), words: ["eth0", "eth1", "a job of its own"]),
        RefusedRequest(what: "too many targets", request: .sample("198.18.0.0/15"), words: ["131072", "100000", "max_job_targets"]),
        RefusedRequest(what: "far too many targets", request: .sample("0.0.0.0/0") { $0.ports = "-" }, words: ["281470681743360"]),
        RefusedRequest(what: "a rate of 0", request: .sample("198.18.0.1") { $0.rate = 0 }, words: ["rate of 0", "1 to 10000"]),
        RefusedRequest(what: "a rate below 0", request: .sample("198.18.0.1") { $0.rate = .min }, words: ["rate of -"]),
        RefusedRequest(what: "a rate beyond the cap", request: .sample("198.18.0.1") { $0.rate = 10_001 }, words: ["10001", "max_rate"]),
        RefusedRequest(what: "too many retries", request: .sample("198.18.0.1") { $0.retries = 9 }, words: ["9 retries", "0 to 8"]),
        RefusedRequest(what: "retries below 0", request: .sample("198.18.0.1") { $0.retries = -1 }, words: ["-1 retries"]),
        RefusedRequest(what: "no states", request: .sample("198.18.0.1") { $0.states = [] }, words: ["states"]),
        RefusedRequest(what: "a name with a slash", request: .sample("198.18.0.1") { $0.name = "a/b" }, words: ["\"a/b\""]),
        RefusedRequest(what: "a name that is a number", request: .sample("198.18.0.1") { $0.name = "42" }, words: ["\"42\"", "id"]),
        RefusedRequest(what: "a long name", request: .sample("198.18.0.1") { $0.name = String(repeating: "n", count: 65) }, words: ["64"]),
    ]
}

extension JobRequest {
    /// A request for port 80 of the targets, with changes.
    static func sample(_ targets: String..., change: (inout JobRequest) -> Void = { _ in }) -> JobRequest {
        var request = JobRequest(targets: targets)
        request.ports = "80"
        change(&request)
        return request
    }
}
