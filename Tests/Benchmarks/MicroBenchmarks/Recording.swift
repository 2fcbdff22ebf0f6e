import GRDB
import Glibc
import Logging
import PacketIO
import ScanAPI
import ScanCore
import ScanService
import ScanTargets

/// What a finding costs on its way into the store and the log.
enum Recording {
    private static var formatter: LineFormatter {
        LineFormatter(hostname: "probe", services: ServiceNames(servicesText: "http 80/tcp\nhttps 443/tcp\n"))
    }

    /// A line of the log.
    static func line(_ count: Int) -> Measurement? {
        let finding = StoredFinding(
            time: Timestamp(microseconds: 1_795_460_761_000_123), endpoint: Endpoint(address: IPAddress(v4: 0xC612_0001), port: 443),
            state: .open, reason: "syn-ack", ttl: 63, rttMicroseconds: 12_345, window: 64_240, mss: 1460, attempt: 0, interface: "eth0")
        let formatter = formatter
        var buffer = LineBuffer()
        return Measurement("formatter", count: count) { index in
            if index & 1023 == 0 { buffer.clear() }
            formatter.append(finding, seq: Int64(index), job: 7, name: "nightly", to: &buffer)
            return UInt64(buffer.count)
        }
    }

    /// The recorder with a real store and a real log in a directory of its own, which gets findings as fast as it takes them.
    static func recorder(_ count: Int) throws -> Measurement? {
        var template = Array("\(getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp")/synscan-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { return nil }
        let directory = String(cString: made)
        defer { remove(directory) }
        let store = try Store(directory: "\(directory)/store")
        let recorder = try Recorder(
            store: store, path: "\(directory)/log", group: nil, formatter: formatter,
            logger: Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() })
        let sink = recorder.sink(job: try insertJob(store), name: "benchmark")
        sink.interfaces = ["eth0"]
        let (start, startCPU) = (SteadyClock.nanoseconds(), othersCPU())
        var delivered = 0
        while delivered < count {
            while sink.isFull { usleep(500) }
            let batch = (delivered..<min(delivered + 1000, count)).map(observation)
            sink.deliver(batch)
            delivered += batch.count
        }
        recorder.stop()
        let nanoseconds = Double(SteadyClock.nanoseconds() - start) / Double(count)
        return Measurement(name: "recorder", nanoseconds: nanoseconds, cpuNanoseconds: (othersCPU() - startCPU) / Double(count))
    }

    /// CPU time of all threads but this one, which makes the findings; nanoseconds.
    private static func othersCPU() -> Double {
        func nanoseconds(_ clock: clockid_t) -> Double {
            var time = timespec()
            clock_gettime(clock, &time)
            return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
        }
        return nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - nanoseconds(CLOCK_THREAD_CPUTIME_ID)
    }

    /// In the random order in which a scan finds them.
    private static func observation(_ number: Int) -> Observation {
        let shuffled = UInt32(truncatingIfNeeded: number) &* 0x9E37_79B1
        var observation = Observation(
            time: 1_800_000_000_000_000 + Int64(number), address: IPAddress(v4: 0xC612_0000 | shuffled >> 15),
            port: UInt16(shuffled & 0x7FFF) + 1,
            state: .open, reason: .synAck)
        (observation.ttl, observation.rttMicroseconds, observation.window, observation.mss) = (63, 12_345, 64_240, 1460)
        (observation.attempt, observation.interface) = (0, 0)
        return observation
    }

    private static func insertJob(_ store: Store) throws -> Int64 {
        let new = JobRecord(
            name: "benchmark", targets: ["198.18.0.0/15"], key: .random(), rate: 1, retries: 0, tcpOptions: .mss, states: [.open],
            submitter: Submitter(uid: 0, pid: 1, groups: []), submitted: Timestamp(microseconds: 1), account: Account())
        let selection = TargetSelection(hosts: AddressSet(), ports: PortSet(), endpoints: [])
        return try store.pool.write { db in
            var record = new
            try record.insert(selection, db)
            return record.id
        }
    }

    private static func remove(_ directory: String) {
        for path in ["store/synscan.db", "store/synscan.db-wal", "store/synscan.db-shm", "store/synscan.lock", "store", "log", ""] {
            _ = Glibc.remove("\(directory)/\(path)")
        }
    }
}
