import ScanTargets
import Testing

@Suite("Port classes")
struct PortClassTests {
    @Test(
        "A port's class is that of RFC 6335",
        arguments: [
            (0, "well-known"), (1, "well-known"), (1023, "well-known"), (1024, "registered"), (49151, "registered"), (49152, "dynamic"),
            (65535, "dynamic"),
        ] as [(UInt16, String)])
    func classifies(port: UInt16, name: String) {
        #expect(PortClass(port).rawValue == name)
    }

    @Test("Every port is in the range of its class and in no other")
    func partitions() {
        #expect((0...UInt16.max).allSatisfy { port in PortClass.allCases.filter { $0.range.contains(port) } == [PortClass(port)] })
    }
}
