import ScanTargets
import Testing

@Suite("Target selections")
struct TargetSelectionTests {
    @Test("A selection counts hosts × ports and the endpoints outside that product, each target once")
    func counts() throws {
        let selection = TargetSelection(
            hosts: try addresses("10.0.0.0/24"), ports: try portSet("22,80"),
            endpoints: try endpoints("10.0.1.1:443,10.0.0.5:80,10.0.0.5:8080,10.0.1.1:443"))
        #expect(Array(selection.endpoints) == (try endpoints("10.0.0.5:8080,10.0.1.1:443")))
        #expect(selection.targetCount == 2 * 256 + 2)
        #expect(try selection.addresses == addresses("10.0.0.0/24,10.0.1.1"))
    }

    @Test("Hosts without ports, ports without hosts and port 0 select nothing")
    func selectsNothing() throws {
        let none = TargetSelection(hosts: AddressSet(), ports: PortSet(), endpoints: [])
        #expect(TargetSelection(hosts: try addresses("10.0.0.0/24"), ports: PortSet(), endpoints: []) == none)
        #expect(TargetSelection(hosts: AddressSet(), ports: .all, endpoints: []) == none)
        #expect(TargetSelection(hosts: AddressSet(), ports: .all, endpoints: [Endpoint(address: try address("10.0.0.1"), port: 0)]) == none)
        #expect(none.isEmpty && none.targetCount == 0 && none.addresses.isEmpty)
    }

    @Test("The whole of IPv6 at all ports is counted without overflow")
    func saturates() throws {
        let all = TargetSelection(hosts: try addresses("0.0.0.0/0,::/0"), ports: .all, endpoints: [])
        #expect(all.targetCount == .max)
        #expect(TargetSelection(hosts: try addresses("0.0.0.0/0"), ports: .all, endpoints: []).targetCount == 65_535 << 32)
    }

    @Test("Endpoints are written as people write them", arguments: ["10.0.0.1:80", "[2001:db8::1]:65535", "[::]:1"])
    func writesEndpoints(text: String) throws {
        let endpoint = try #require(Endpoint(text))
        #expect(endpoint.description == text)
    }

    @Test(
        "What is no endpoint is refused",
        arguments: ["", "10.0.0.1", "10.0.0.1:0", "10.0.0.0/24:80", "host:80", "::1:80", "[::1]", "10.0.0.1:080"])
    func refusesEndpoints(text: String) {
        #expect(Endpoint(text) == nil)
    }

    @Test(
        "The stored text gives the same selection back, and is the same line in every release",
        arguments: [
            ("", "", "", "v2;;;"),
            ("10.0.0.0/24,10.0.1.5", "22,80-90", "", "v2;10.0.0.0/24,10.0.1.5;22,80-90;"),
            ("", "", "10.0.2.1:443", "v2;;;10.0.2.1=443"),
            (
                "10.0.0.1-10.0.0.5,2001:db8::/64", "1-65535", "10.0.2.1:443,10.0.2.1:444,10.0.2.1:22,[2001:db9::1]:80",
                "v2;10.0.0.1-10.0.0.5,2001:db8::/64;1-65535;10.0.2.1=22,443-444 2001:db9::1=80"
            ),
            ("", "", "10.0.2.1:443,10.0.2.9:443,10.0.2.5:80", "v2;;;10.0.2.1,10.0.2.9=443 10.0.2.5=80"),
        ])
    func stores(hosts: String, ports: String, singles: String, stored: String) throws {
        let selection = TargetSelection(hosts: try addresses(hosts), ports: try portSet(ports), endpoints: try endpoints(singles))
        #expect(selection.encoded == stored)
        #expect(TargetSelection(encoded: stored) == selection)
    }

    @Test("What an earlier release stored is the same selection, target by target")
    func readsFirstForm() throws {
        let selection = try #require(TargetSelection(encoded: "v1;10.0.0.0/24;80;10.0.0.5=79-81 10.0.2.1=22,443-444 10.0.2.2=443"))
        #expect(Array(selection.endpoints) == (try endpoints("10.0.0.5:79,10.0.0.5:81,10.0.2.1:22,10.0.2.1:443,10.0.2.1:444,10.0.2.2:443")))
        #expect(selection.targetCount == 256 + 6)
    }

    @Test(
        "A damaged stored text is refused",
        arguments: [
            "", "v1", "v2", "v1;;", "v1;;;;", "v3;;;", ";;;", "v1;10.0.0.0/33;80;", "v1;10.0.0.1,;80;", "v1;10.0.0.1;0;",
            "v1;10.0.0.1;80-;",
            "v1;;;10.0.0.1",
            "v1;;;10.0.0.1=0", "v1;;;10.0.0.1=80=81", "v1;;;=80", "v1;10.0.0.1;80\n;",
        ])
    func refusesDamage(text: String) {
        #expect(TargetSelection(encoded: text) == nil)
    }
}
