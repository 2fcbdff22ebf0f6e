import ScanService
import Synchronization
import Testing

@Suite("Lines that come too fast")
struct LineBrakeTests {
    private let written = Written()

    private let brake: LineBrake<String, String>

    init() {
        brake = LineBrake(burst: 3, perSecond: 2) { [written] line, more in written.add("\(line) +\(more)") }
    }

    private func take(_ line: String, of kind: String, at time: Int64 = 0) {
        if let more = brake.take(line, of: kind, at: time) { written.add("\(line) +\(more)") }
    }

    @Test("They are written at a bounded rate, and those left out are counted in the next")
    func bounded() {
        for number in 0..<1000 { take("a\(number)", of: "a") }
        #expect(written.lines == ["a0 +0", "a1 +0", "a2 +0"])
        take("later", of: "a", at: 500_000_000)
        #expect(written.lines.last == "later +997")
        for _ in 0..<10 { take("much later", of: "a", at: 3_600_000_000_000) }
        #expect(written.lines.dropFirst(4) == ["much later +0", "much later +0", "much later +0"])
    }

    @Test("A kind has a rate of its own")
    func kinds() {
        for _ in 0..<10 { take("a", of: "a") }
        take("b", of: "b")
        #expect(written.lines == ["a +0", "a +0", "a +0", "b +0"])
    }

    @Test("What is left out and followed by nothing is told in the end, once")
    func flushed() {
        for number in 0..<10 { take("a\(number)", of: "a") }
        brake.flush()
        brake.flush()
        #expect(written.lines.dropFirst(3) == ["a9 +6"])
    }

    @Test("In words")
    func words() {
        #expect(LineBrake<Int, Int>.words("no", more: 0) == "no")
        #expect(LineBrake<Int, Int>.words("no", more: 64_312) == "no (and 64312 more like this)")
        #expect(LineBrake<Int, Int>.words(nil, more: 2) == "and 2 more like this")
    }
}

private final class Written: Sendable {
    private let state = Mutex<[String]>([])
    var lines: [String] { state.withLock { $0 } }
    func add(_ line: String) { state.withLock { $0.append(line) } }
}
