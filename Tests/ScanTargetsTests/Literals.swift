import ScanTargets
import Testing

/// Short spellings for tests; a text that does not parse fails the test.
func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text), "\(text) is not an address") }

func range(_ text: String) throws -> AddressRange { try #require(AddressRange(text), "\(text) is not a range") }

/// A set of comma-separated ranges.
func addresses(_ text: String) throws -> AddressSet {
    AddressSet(try text.split(separator: ",").map { try range(String($0)) })
}

func portSet(_ text: String) throws -> PortSet { try #require(PortSet(text), "\(text) is not a list of ports") }

/// Comma-separated endpoints.
func endpoints(_ text: String) throws -> [Endpoint] {
    try text.split(separator: ",").map { try #require(Endpoint(String($0)), "\($0) is not an endpoint") }
}

extension [Endpoint] {
    /// All of them, one by one.
    init(_ set: EndpointSet) {
        self = (0..<set.count).compactMap(set.endpoint(at:))
    }
}
