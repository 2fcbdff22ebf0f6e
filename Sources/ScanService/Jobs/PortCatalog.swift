import ScanAPI
import ScanFiles
package import ScanTargets

/// What the machine knows of ports: names, and how common each one is.
package struct PortCatalog: Sendable {
    package let services: ServiceNames
    package let ranking: PortRanking

    /// How many ports a job scans that names none.
    package static let defaultCount = 1000
    private static let servicesPath = "/etc/services"
    private static let nmapPath = "/usr/share/nmap/nmap-services"

    package init(services: ServiceNames, ranking: PortRanking) {
        self.services = services
        self.ranking = ranking
    }

    /// Reads the machine's files; what is not there is done without.
    package static func ofThisMachine() -> PortCatalog {
        let services = (try? TextFile.read(servicesPath)).map { ServiceNames(servicesText: $0) } ?? ServiceNames()
        let nmap = (try? TextFile.read(nmapPath)).flatMap { PortRanking(nmapServicesText: $0, source: "nmap's ranking (\(nmapPath))") }
        return PortCatalog(services: services, ranking: nmap ?? .builtIn)
    }

    /// The ports that a request asks for, and where they come from, in words.
    func ports(of request: JobRequest) throws -> (ports: PortSet, source: String) {
        switch (request.ports, request.topPorts) {
        case (.some, .some): throw Refusal(.usage, "Ports and the number of top ports are both given: give one of them.")
        case (let text?, nil): return (try PortExpression.parse(text, services: services), "the request")
        case (nil, let count?):
            guard (1...65535).contains(count) else { throw Refusal(.usage, "The top \(count) ports were asked for: give 1 to 65535.") }
            return top(count)
        case (nil, nil): return top(Self.defaultCount)
        }
    }

    private func top(_ count: Int) -> (PortSet, String) {
        let ports = ranking.top(count)
        let words = ports.count < count ? "all \(ports.count) ports" : "the \(count) most common ports"
        return (ports, "\(words) of \(ranking.source)")
    }
}
