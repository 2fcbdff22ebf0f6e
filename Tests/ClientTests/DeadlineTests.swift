import ScanAPI
import ScanClient
import ScanTargets
import Testing

@Suite("Deadlines are read as people write them")
struct DeadlineTests {
    /// New York in 2026: summer time from March 8th, 02:00, to November 1st, 02:00.
    private static func newYork(_ time: Timestamp) -> Int64 {
        let summer = "2026-03-08T07:00:00.000000Z"..<"2026-11-01T06:00:00.000000Z"
        return summer.contains(time.description) ? -4 * 3600 : -5 * 3600
    }

    private static func far(_ time: Timestamp) -> Int64 { 14 * 3600 }

    private func deadline(_ text: String, now: String, zone: Deadline.Zone = Self.newYork) throws -> String {
        let now = try #require(Timestamp(now))
        return try Deadline.parse(text, now: now, zone: zone).description.replacing(".000000", with: "")
    }

    @Test(
        "durations, times of day, local times and times with their offset; it is 16:46 in New York",
        arguments: [
            ("90s", "2026-11-25T21:47:30Z"), ("30m", "2026-11-25T22:16:00Z"), ("8h", "2026-11-26T05:46:00Z"),
            ("2d", "2026-11-27T21:46:00Z"),
            ("1h30m", "2026-11-25T23:16:00Z"), ("1d2h3m4s", "2026-11-26T23:49:04Z"), ("090m", "2026-11-25T23:16:00Z"),
            // The next time of day: today, tomorrow, and not now.
            ("16:47", "2026-11-25T21:47:00Z"), ("23:59", "2026-11-26T04:59:00Z"), ("00:00", "2026-11-26T05:00:00Z"),
            ("06:00", "2026-11-26T11:00:00Z"), ("16:46", "2026-11-26T21:46:00Z"),
            // Local.
            ("2026-11-26 06:00", "2026-11-26T11:00:00Z"), ("2026-11-26T06:00", "2026-11-26T11:00:00Z"),
            ("2026-11-26T06:00:30", "2026-11-26T11:00:30Z"), ("2026-11-25 16:47", "2026-11-25T21:47:00Z"),
            ("2026-12-31 23:59", "2027-01-01T04:59:00Z"),
            // RFC 3339.
            ("2026-11-26T06:00:00Z", "2026-11-26T06:00:00Z"), ("2026-11-26T06:00:00+01:00", "2026-11-26T05:00:00Z"),
            ("2026-11-25 16:47-05:00", "2026-11-25T21:47:00Z"),
        ])
    func times(text: String, time: String) throws {
        #expect(try deadline(text, now: "2026-11-25T21:46:00Z") == time)
    }

    @Test(
        "local times when the clocks are changed",
        arguments: [
            // March 8th at midnight: 02:30 does not come, an hour later does.
            ("01:30", "2026-03-08T05:00:00Z", "2026-03-08T06:30:00Z"), ("02:30", "2026-03-08T05:00:00Z", "2026-03-08T07:30:00Z"),
            ("03:30", "2026-03-08T05:00:00Z", "2026-03-08T07:30:00Z"), ("2026-03-08 02:30", "2026-03-08T05:00:00Z", "2026-03-08T07:30:00Z"),
            // November 1st: 01:30 comes twice. From midnight, from between the two, from after both.
            ("01:30", "2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"), ("01:30", "2026-11-01T05:45:00Z", "2026-11-01T06:30:00Z"),
            ("01:30", "2026-11-01T06:45:00Z", "2026-11-02T06:30:00Z"), ("2026-11-01 01:30", "2026-11-01T05:45:00Z", "2026-11-01T06:30:00Z"),
            ("00:30", "2026-11-01T04:00:00Z", "2026-11-01T04:30:00Z"), ("03:00", "2026-11-01T04:00:00Z", "2026-11-01T08:00:00Z"),
        ])
    func changes(text: String, now: String, time: String) throws {
        #expect(try deadline(text, now: now) == time)
    }

    @Test("where it is tomorrow already", arguments: [("06:00", "2026-11-26T16:00:00Z"), ("12:00", "2026-11-25T22:00:00Z")])
    func tomorrow(text: String, time: String) throws {
        #expect(try deadline(text, now: "2026-11-25T21:46:00Z", zone: Self.far) == time)
    }

    @Test(
        "what is no time is told, and what to write",
        arguments: [
            "", " ", "90", "s", "h1", "1h1h", "30m1h", "1.5h", "-1h", "+1h", "1h ", "1H", "½h", "１h", "1w", "9999999999d", "6:00", "24:00",
            "06:60", "06:0０", "6am", "tomorrow", "2026-11-26", "2026-02-30 06:00", "2026-13-01 06:00", "2026-11-26 06",
            "2026-11-26 06:00+1",
            "2026-11-26 24:00", "06:00:00", "26-11-26 06:00", "2026-11-26  06:00", "2026-11-26 06:00ZZ",
        ])
    func nonsense(text: String) {
        #expect {
            try deadline(text, now: "2026-11-25T21:46:00Z")
        } throws: { error in
            "\(error)".contains("not read as a time; write a duration") && CommandStatus(for: error) == .usage
        }
    }

    @Test(
        "what is over is told as such",
        arguments: ["0s", "0d0h", "2026-11-25 16:46", "2026-11-25 06:00", "2026-11-25T21:46:00Z", "2020-01-01T00:00:00Z"])
    func past(text: String) {
        #expect {
            try deadline(text, now: "2026-11-25T21:46:00Z")
        } throws: { "\($0)".contains("this is over") }
    }

    @Test("what cannot be written down any more is told as such", arguments: ["999999999d", "999999999d23h59m59s", "2920000d"])
    func far(text: String) {
        #expect {
            try deadline(text, now: "2026-11-25T21:46:00Z")
        } throws: { "\($0)".contains("beyond the year 9999") }
    }
}
