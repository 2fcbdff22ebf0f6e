import ScanClient
import Testing

@Suite("Numbers as people read them")
struct QuantitiesTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (81_920, "81,920"), (-1_234_567, "-1,234,567")])
    func count(number: Int, text: String) {
        #expect(Quantities.count(number) == text)
    }

    @Test("the smallest number there is does not trap")
    func smallest() {
        #expect(Quantities.count(Int64.min) == "-9,223,372,036,854,775,808")
    }

    @Test(
        arguments: [
            (0, "0.00 s"), (4.314, "4.31 s"), (9.994, "9.99 s"), (9.996, "10.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"),
            (125, "2 min 05 s"), (3599.6, "1 h 00 min"), (12_000, "3 h 20 min"), (1_051_200, "12 d 4 h"), (-1, "unknown"),
            (.nan, "unknown"), (.infinity, "unknown"), (1e300, "69,444,444 d 10 h"),
        ] as [(Double, String)])
    func duration(seconds: Double, text: String) {
        #expect(Quantities.duration(seconds) == text)
    }

    @Test(
        arguments: [
            (0, "0:00"), (6.2, "0:07"), (750, "12:30"), (12_000, "3:20:00"), (400_000, "4 d 15 h"), (.nan, "unknown"),
            (1e300, "69,444,444 d 10 h"),
        ] as [(Double, String)])
    func clock(seconds: Double, text: String) {
        #expect(Quantities.clock(seconds) == text)
    }

    @Test(
        arguments: [
            (0, "0/s"), (0.5, "0.5/s"), (9.94, "9.9/s"), (10, "10/s"), (19_980.2, "19,980/s"), (1e300, "1,000,000,000,000,000/s"),
            (.nan, "unknown"), (-1, "unknown"),
        ] as [(Double, String)])
    func rate(perSecond: Double, text: String) {
        #expect(Quantities.rate(perSecond) == text)
    }

    @Test(
        "100 % means all",
        arguments: [(0, "0 %"), (0.456, "45 %"), (0.9999, "99 %"), (1, "100 %"), (7, "100 %"), (-1, "0 %"), (.nan, "0 %")])
    func percent(share: Double, text: String) {
        #expect(Quantities.percent(share) == text)
    }
}
