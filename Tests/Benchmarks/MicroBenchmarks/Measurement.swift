import Glibc
import PacketIO

/// What one operation costs, each time: nanoseconds, CPU time where others than the measuring thread do it, and allocations where a library that counts
/// them was preloaded (allocations.c).
struct Measurement {
    let name: String
    let nanoseconds: Double
    let cpuNanoseconds: Double?
    let allocations: Double?

    init(name: String, nanoseconds: Double, cpuNanoseconds: Double? = nil, allocations: Double? = nil) {
        (self.name, self.nanoseconds, self.cpuNanoseconds, self.allocations) = (name, nanoseconds, cpuNanoseconds, allocations)
    }

    /// Runs `body` with 0 ..< count; what it returns is added up, so that no call can be left out.
    @inline(__always)
    init(_ name: String, count: Int, _ body: (Int) -> UInt64) {
        var sum: UInt64 = 0
        let allocated = Self.allocationsSoFar()
        let start = SteadyClock.nanoseconds()
        for index in 0..<count { sum = sum &* 31 &+ body(index) }
        let time = SteadyClock.nanoseconds() - start
        let allocatedNow = Self.allocationsSoFar()
        if sum == 0x5EED { print("") }
        self.init(
            name: name, nanoseconds: Double(time) / Double(count),
            allocations: allocated.flatMap { before in allocatedNow.map { Double($0 - before) / Double(count) } })
    }

    private static let counter: (@convention(c) () -> Int)? = {
        guard let symbol = dlsym(nil, "allocations_so_far") else { return nil }
        return unsafeBitCast(symbol, to: (@convention(c) () -> Int).self)
    }()

    private static func allocationsSoFar() -> Int? { counter?() }

    /// A line of JSON.
    var json: String {
        let allocations = allocations.map { ",\"allocations\":\($0)" } ?? ""
        let cpu = cpuNanoseconds.map { ",\"cpu_nanoseconds\":\($0)" } ?? ""
        return "{\"operation\":\"\(name)\",\"nanoseconds\":\(nanoseconds)\(cpu)\(allocations)}"
    }
}
