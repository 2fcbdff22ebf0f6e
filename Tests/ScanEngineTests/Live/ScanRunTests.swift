import Glibc
import PacketIO
import ScanCore
import ScanEngine
import ScanTargets
import Synchronization
import TestSupport
import Testing

/// Whole scans of real packets, each in a network of its own where nothing but its listeners answers.
@Suite("A whole scan of loopback", .serialized, .timeLimit(.minutes(1)))
struct ScanRunTests {
    private static func endpoints(_ text: [String]) throws -> [Endpoint] {
        try text.map { try #require(Endpoint($0)) }.sorted()
    }

    @Test("all ports of 127.0.0.1: exactly the listeners are open, all others closed, each seen once")
    func allPorts() async throws {
        try await PrivateNetwork.run {
            let ports: [UInt16] = [1, 22, 80, 443, 1023, 1024, 8080, 32_768, 49_151, 49_152, 60_999, 65_535]
            let listeners = try ports.enumerated().map { index, port in
                try Listener(at: port, of: index % 2 == 0 ? Listener.anywhere : Listener.loopback)
            }
            let scan = try LoopbackScan(hosts: ["127.0.0.1"], ports: "1-65535")
            let sink = RecordingSink()
            let result = try scan.run(into: sink)
            #expect(LoopbackScan.isFinished(result.end))
            #expect(sink.targets(.open) == ports.map { Endpoint(address: IPAddress(v4: Listener.loopback), port: $0) })
            let closed = sink.targets(.closed)
            #expect(closed.count == 65_535 - ports.count && Set(closed).count == closed.count)
            #expect(result.counters.isBalanced && result.counters.targets == 65_535)
            #expect(result.counters.probesSent == 65_535 && result.counters.sendErrors == 0)
            #expect(result.counters.duplicates == 0 && result.counters.captureDrops == 0)
            withExtendedLifetime(listeners) {}
        }
    }

    @Test("what an answer tells reaches the recorder: reason, time to live, window, segment size, round trip, interface")
    func details() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7000)
            let scan = try LoopbackScan(hosts: ["127.0.0.9"], ports: "7000,7001")
            let sink = RecordingSink()
            let before = WallClock.microseconds()
            _ = try scan.run(into: sink) { run in
                #expect(run.interfaceNames == ["lo"])
                #expect(run.linkWords == "raw-ip")
            }
            let open = try #require(sink.all.first { $0.state == .open })
            #expect(open.address == IPAddress("127.0.0.9") && open.port == 7000)
            #expect(open.reason == .synAck && open.ttl == 64 && open.attempt == 0 && open.interface == 0)
            #expect((open.window ?? 0) > 0 && open.mss == 65_495)
            #expect((before...WallClock.microseconds()).contains(open.time))
            #expect(try #require(open.rttMicroseconds) < 1_000_000)
            let closed = try #require(sink.all.first { $0.state == .closed })
            #expect(closed.reason == .reset && closed.window == nil && closed.mss == nil)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("a job ends at once when everything has answered, not after a time-out")
    func endsAtOnce() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7000)
            // The quickest of five: other programs may keep this one waiting.
            let tails = try (0..<5).map { _ in
                let scan = try LoopbackScan(hosts: ["127.0.0.0/24"], ports: "7000", retries: 8, recorded: [.open])
                let sink = RecordingSink()
                let result = try scan.run(into: sink)
                let end = WallClock.microseconds()
                #expect(sink.targets(.open).count == 256 && result.counters.rounds == 1)
                return end - (sink.all.map(\.time).max() ?? 0)
            }
            #expect(try #require(tails.min()) < RoundTripEstimator.floor / 2)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("silent targets are probed once in each round, from that round's port, and then recorded as filtered")
    func silence() async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7100)
            let open = try Listener(at: 7101)
            let watcher = try FarSide(at: 7100) { _ in [] }
            let scan = try LoopbackScan(
                hosts: ["127.0.1.0/28"], ports: "7100-7102", retries: 2, recorded: [.open, .closed, .filtered])
            let sink = RecordingSink()
            let result = try scan.run(into: sink)
            let probes = watcher.stop()
            #expect(sink.targets(.filtered).map(\.port) == [UInt16](repeating: 7100, count: 16))
            #expect(sink.all.filter { $0.state == .filtered }.allSatisfy { $0.reason == .noResponse && $0.rttMicroseconds == nil })
            #expect(sink.count == 48 && result.counters.isBalanced)
            #expect(result.counters.filtered == 16 && result.counters.rounds == 3 && result.counters.probesSent == 48 + 32)
            let tries = Dictionary(grouping: probes, by: \.target).mapValues { $0.map(\.sourcePort) }
            #expect(tries.count == 16)
            #expect(tries.values.allSatisfy { $0 == (0..<3).map { scan.ports.first + $0 } })
            withExtendedLifetime((silent, open)) {}
        }
    }

    // MARK: Answers as a network gives them

    private struct Answer: Sendable {
        var state: TargetState
        var reason: Reason
        var attempt: UInt8?
        var packets: @Sendable (FarSide.Probe, _ isFirst: Bool) -> [[UInt8]]

        init(
            _ state: TargetState, _ reason: Reason, attempt: UInt8? = nil, _ packets: @escaping @Sendable (FarSide.Probe, Bool) -> [[UInt8]]
        ) {
            (self.state, self.reason, self.attempt, self.packets) = (state, reason, attempt, packets)
        }
    }

    private static let synAck: UInt8 = 0x12
    private static let rstAck: UInt8 = 0x14
    private static let rst: UInt8 = 0x04
    private static let syn: UInt8 = 0x02
    private static let ack: UInt8 = 0x10

    /// What the address 127.2.0.(n) does at each probe, and what must come of it.
    private static let answers: [Answer] = [
        Answer(.open, .synAck, attempt: 0) { probe, _ in [probe.tcp(synAck, acknowledging: probe.sequence &+ 1)] },
        Answer(.closed, .reset, attempt: 0) { probe, _ in [probe.tcp(rstAck, acknowledging: probe.sequence &+ 1)] },
        Answer(.closed, .reset, attempt: 0) { probe, _ in [probe.tcp(rstAck, acknowledging: probe.sequence)] },
        Answer(.filtered, .hostUnreachable, attempt: 0) { probe, _ in [probe.icmp(type: 3, code: 1)] },
        Answer(.filtered, .adminProhibited, attempt: 0) { probe, _ in [probe.icmp(type: 3, code: 13, quoting: probe.packet)] },
        Answer(.filtered, .timeExceeded, attempt: 0) { probe, _ in [probe.icmp(type: 11, code: 0)] },
        // An answer to the second probe only, and one that came five times.
        Answer(.open, .synAck, attempt: 1) { probe, isFirst in isFirst ? [] : [probe.tcp(synAck, acknowledging: probe.sequence &+ 1)] },
        Answer(.open, .synAck, attempt: 0) { probe, _ in
            [[UInt8]](repeating: probe.tcp(synAck, acknowledging: probe.sequence &+ 1), count: 5)
        },
        // The first answer stands, whatever follows: that is told as a contradiction.
        Answer(.closed, .reset, attempt: 0) { probe, _ in
            [probe.tcp(rstAck, acknowledging: probe.sequence &+ 1), probe.tcp(synAck, acknowledging: probe.sequence &+ 1)]
        },
        // A RST without ACK and a SYN, to two probes: all that is known, and unverified.
        Answer(.closed, .reset, attempt: 1) { probe, _ in [probe.tcp(rst, acknowledging: probe.sequence &+ 1)] },
        Answer(.closed, .reset, attempt: 1) { probe, _ in [probe.tcp(rst, acknowledging: 0)] },
        Answer(.open, .splitHandshakeSyn, attempt: 1) { probe, _ in [probe.tcp(syn, acknowledging: 0)] },
        // A challenge, and an answer from another port.
        Answer(.open, .synAck, attempt: 1) { probe, isFirst in
            [isFirst ? probe.tcp(ack, acknowledging: 9) : probe.tcp(synAck, acknowledging: probe.sequence &+ 1)]
        },
        // What could be forged never stands against an answer.
        Answer(.open, .synAck, attempt: 1) { probe, isFirst in
            [probe.tcp(rst, acknowledging: 0)] + (isFirst ? [] : [probe.tcp(synAck, acknowledging: probe.sequence &+ 1)])
        },
        // From here on nothing may be believed.
        Answer(.filtered, .noResponse) { _, _ in [] },
        // One sign alone, and two that differ.
        Answer(.filtered, .noResponse) { probe, isFirst in isFirst ? [probe.tcp(rst, acknowledging: 0)] : [] },
        Answer(.filtered, .noResponse) { probe, isFirst in [probe.tcp(isFirst ? rst : syn, acknowledging: 0)] },
        Answer(.filtered, .noResponse) { probe, _ in [probe.tcp(ack, acknowledging: 9)] },
        Answer(.filtered, .noResponse) { probe, _ in [probe.tcp(synAck, acknowledging: probe.sequence)] },
        Answer(.filtered, .noResponse) { probe, _ in [probe.tcp(synAck, acknowledging: probe.sequence &+ 1, from: 9)] },
        Answer(.filtered, .noResponse) { probe, _ in [probe.tcp(synAck, acknowledging: 12_345)] },
        Answer(.filtered, .noResponse) { probe, _ in [probe.icmp(type: 3, code: 4)] },
        Answer(.filtered, .noResponse) { probe, _ in
            [probe.icmp(type: 3, code: 1, quoting: probe.packet.replacing(at: 24, with: [0, 0, 0, 9]))]
        },
        Answer(.filtered, .noResponse) { probe, _ in
            // Its port belongs to the job's sixteen, but no attempt has it.
            let port = (probe.sourcePort + 8).bytes
            return [probe.tcp(synAck, acknowledging: probe.sequence &+ 1).replacing(at: 22, with: port)]
        },
    ]

    @Test("resets, ICMP errors, repeats, late answers and forgeries on real sockets come out as they should")
    func everyKindOfAnswer() async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7200)
            let seen = Mutex<Set<UInt32>>([])
            let farSide = try FarSide(at: 7200) { probe in
                let isFirst = seen.withLock { $0.insert(probe.target).inserted }
                return Self.answers[Int(probe.target & 0xFF)].packets(probe, isFirst)
            }
            let scan = try LoopbackScan(
                hosts: ["127.2.0.0-127.2.0.\(Self.answers.count - 1)"], ports: "7200", retries: 1, recorded: [.open, .closed, .filtered])
            let sink = RecordingSink()
            let result = try scan.run(into: sink)
            _ = farSide.stop()
            // As the store does: an ICMP error that came again, to the second question, is no second finding.
            var told: Set<IPAddress> = []
            let findings = sink.all.filter { $0.conflict == nil && told.insert($0.address).inserted }
            let conflicts = sink.all.filter { $0.conflict != nil }
            #expect(findings.count == Self.answers.count && conflicts.count == 1)
            #expect(conflicts.first?.state == .closed && conflicts.first?.conflict == .init(reason: .synAck, ttl: 44))
            for observation in findings {
                let number = Int(try #require(observation.address.v4) & 0xFF)
                let answer = Self.answers[number]
                #expect(observation.state == answer.state && observation.reason == answer.reason, "answer \(number)")
                #expect(observation.attempt == answer.attempt && (answer.attempt == nil || observation.ttl == 44), "answer \(number)")
            }
            #expect(result.counters.isBalanced)
            // Four repeats and the SYN-ACK after a reset; more where this thread was so late that a target was asked again.
            #expect(result.counters.duplicates >= 5)
            #expect(result.counters.replies - result.counters.duplicates == 11)
            let unverified = findings.filter { !$0.isVerified }.compactMap(\.address.v4).map { $0 & 0xFF }
            #expect(unverified.sorted() == [9, 10, 11])
            #expect(result.counters.rejectedReplies >= 12)
            withExtendedLifetime(silent) {}
        }
    }

    // MARK: Stopping and going on

    @Test("a scan that is stopped again and again finds every target, each once")
    func stopAndResume() async throws {
        try await PrivateNetwork.run {
            let listeners = [try Listener(at: 7300), try Listener(at: 7301, of: 0x7F00_0305)]
            let silent = try Listener(silentAt: 7302)
            let expected = try Self.endpoints((0..<256).map { "127.0.3.\($0):7300" } + ["127.0.3.5:7301"])
            let scan = try LoopbackScan(
                hosts: ["127.0.3.0/24"], ports: "7290-7309", rate: 5000, retries: 1, recorded: [.open, .closed, .filtered])
            let sink = RecordingSink()
            var checkpoint: ScanCheckpoint?
            var counters = ScanCounters()
            var stops = 0
            while true {
                let before = sink.count
                let result = try scan.run(into: sink, resuming: checkpoint) { run in
                    guard stops < 4 else { return }
                    LoopbackScan.wait { sink.count >= before + 900 }
                    run.stop()
                }
                counters = result.counters
                guard let stopped = result.checkpoint else { break }
                stops += 1
                // As the store keeps it.
                let pages = try stopped.pages.map { try #require(ProbePage(number: $0.number, bytes: $0.bytes)) }
                let stored = try #require(ScanCheckpoint(header: stopped.header, pages: pages))
                #expect(stored == stopped)
                checkpoint = stored
            }
            #expect(stops >= 3)
            #expect(sink.targets(.open) == expected)
            #expect(sink.targets(.filtered).count == 256)
            #expect(Set(sink.all.map { Endpoint(address: $0.address, port: $0.port) }).count == 5120 && sink.count == 5120)
            #expect(counters.isBalanced && counters.targets == 5120 && counters.open == 257 && counters.filtered == 256)
            withExtendedLifetime((listeners, silent)) {}
        }
    }

    @Test("probes whose answers were on their way when a scan was stopped are sent again when it goes on")
    func stopWithAnswersUnderWay() async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7310)
            let farSide = try FarSide(at: 7310, delay: 60) { [$0.tcp(Self.synAck, acknowledging: $0.sequence &+ 1)] }
            let scan = try LoopbackScan(hosts: ["127.3.0.0/22"], ports: "7310", rate: 4000, recorded: [.open])
            let sink = RecordingSink()
            let first = try scan.run(into: sink) { run in
                LoopbackScan.wait { sink.count >= 300 }
                run.stop()
            }
            let checkpoint = try #require(first.checkpoint)
            // Nobody is there to take them.
            usleep(200_000)
            let second = try scan.run(into: sink, resuming: checkpoint)
            #expect(LoopbackScan.isFinished(second.end))
            #expect(sink.count == 1024 && Set(sink.targets(.open)).count == 1024)
            #expect(second.counters.isBalanced && second.counters.open == 1024)
            // Only those of the last moments, not all.
            #expect(second.counters.probesSent > 1024 && second.counters.probesSent < 2048)
            #expect(farSide.stop().count == Int(second.counters.probesSent))
            withExtendedLifetime(silent) {}
        }
    }

    @Test("what was excluded in every round is untested, though it is allowed again; one probe makes it filtered", arguments: [0, 1])
    func excludedForAWhile(retries: Int) async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7320)
            let scan = try LoopbackScan(hosts: ["127.0.4.0/28"], ports: "7320", retries: retries)
            let excluded = AddressSet([try #require(AddressRange("127.0.4.4/30"))])
            let all = scan.scope.current
            scan.scope.replace(allowed: all.subtracting(excluded))
            let result = try scan.run(into: RecordingSink()) { run in
                LoopbackScan.wait { run.counters.probesSent == 12 }
                scan.scope.replace(allowed: all)
            }
            #expect(result.counters.isBalanced)
            #expect(result.counters.untested == (retries == 0 ? 4 : 0))
            #expect(result.counters.filtered == (retries == 0 ? 12 : 16))
            withExtendedLifetime(silent) {}
        }
    }

    @Test("what was excluded before a stop and is allowed after it is asked in the end")
    func excludedBeforeAStop() async throws {
        try await PrivateNetwork.run {
            let scan = try LoopbackScan(hosts: ["127.0.5.0/24"], ports: "7330-7333", rate: 1000)
            let silent = try Listener(silentAt: 7333)
            let all = scan.scope.current
            scan.scope.replace(allowed: all.subtracting(AddressSet([try #require(AddressRange("127.0.5.0/25"))])))
            let sink = RecordingSink()
            let first = try scan.run(into: sink) { run in
                LoopbackScan.wait { run.counters.probesSent >= 300 }
                run.stop()
            }
            scan.scope.replace(allowed: all)
            let checkpoint = try #require(first.checkpoint)
            let second = try scan.run(into: sink, resuming: checkpoint)
            #expect(LoopbackScan.isFinished(second.end) && second.counters.isBalanced)
            #expect(second.counters.untested == 0)
            #expect(second.counters.closed == 768 && second.counters.filtered == 256)
            withExtendedLifetime(silent) {}
        }
    }

    @Test("a scan that is stopped before its first probe does everything when it goes on")
    func stopBeforeStart() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7000)
            let scan = try LoopbackScan(hosts: ["127.0.0.0/26"], ports: "7000-7003", rate: 1000)
            let sink = RecordingSink()
            let first = try scan.run(into: sink) { $0.stop() }
            let checkpoint = try #require(first.checkpoint)
            let second = try scan.run(into: sink, resuming: checkpoint)
            #expect(LoopbackScan.isFinished(second.end))
            #expect(sink.targets(.open).count == 64 && sink.count == 256 && second.counters.isBalanced)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("a scan that is stopped while it records a long silence goes on where that was, and each target is recorded once")
    func stopWhileRecordingSilence() async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7400)
            let scan = try LoopbackScan(hosts: ["127.4.0.0/15"], ports: "7400", rate: 1_000_000, recorded: [.filtered])
            let running = Mutex<ScanRun?>(nil)
            let sink = RecordingSink { _ in running.withLock { $0 }?.stop() }
            let first = try scan.run(into: sink) { run in running.withLock { $0 = run } }
            let recorded = sink.count
            #expect((1..<131_072).contains(recorded))
            running.withLock { $0 = nil }
            let checkpoint = try #require(first.checkpoint)
            let second = try scan.run(into: sink, resuming: checkpoint)
            #expect(LoopbackScan.isFinished(second.end))
            #expect(sink.count == 131_072 && Set(sink.targets(.filtered)).count == 131_072)
            #expect(second.counters.isBalanced && second.counters.filtered == 131_072)
            withExtendedLifetime(silent) {}
        }
    }

    @Test("what is known of how complete a chunk is counts once, also when the run is stopped while it records the chunk's silence")
    func estimateCountsOnce() async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7402)
            let open = try Listener(at: 7403)
            var scan = try LoopbackScan(
                hosts: ["127.8.0.0/16"], ports: "7402-7403", rate: 1_000_000, retries: 1, recorded: [.filtered])
            scan.specification.recall = 0.99
            let running = Mutex<ScanRun?>(nil)
            let sink = RecordingSink { _ in running.withLock { $0 }?.stop() }
            let first = try scan.run(into: sink) { run in running.withLock { $0 = run } }
            running.withLock { $0 = nil }
            let checkpoint = try #require(first.checkpoint)
            #expect(first.counters.estimatedChunks == 0 && first.counters.canariesSent > 0)
            let second = try scan.run(into: sink, resuming: checkpoint)
            #expect(LoopbackScan.isFinished(second.end))
            #expect(second.counters.estimatedChunks == 1 && second.counters.canariesSent == first.counters.canariesSent)
            #expect(second.counters.isBalanced && second.counters.filtered == 65_536)
            withExtendedLifetime((silent, open)) {}
        }
    }

    @Test("a scan that is killed goes on from its last checkpoint and what was recorded after it, and the account adds up")
    func killAndResume() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7320)
            var scan = try LoopbackScan(hosts: ["127.5.0.0/20"], ports: "7320-7321", rate: 3000, recorded: [.open, .closed])
            let sink = RecordingSink()
            let first = try scan.run(into: sink) { run in
                LoopbackScan.wait { sink.count >= 6000 }
                run.stop()
            }
            // The last checkpoint of a run that was stopped is the one that a killed daemon would not have.
            let killed = try #require(sink.checkpointBeforeLast)
            #expect(killed != first.checkpoint)
            scan.answered = sink.all.map { (Endpoint(address: $0.address, port: $0.port), $0.state) }
            let second = try scan.run(into: sink, resuming: killed)
            #expect(LoopbackScan.isFinished(second.end))
            #expect(sink.targets(.open).count == 4096 && Set(sink.targets(.open)).count == 4096)
            #expect(second.counters.isBalanced && second.counters.open == 4096 && second.counters.closed == 4096)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("nothing leaves while the brake is on, and then everything does")
    func brake() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7330)
            let scan = try LoopbackScan(hosts: ["127.6.0.0/22"], ports: "7330", rate: 2000)
            let sink = RecordingSink()
            let result = try scan.run(into: sink) { run in
                LoopbackScan.wait { sink.count >= 100 }
                scan.brake.set(true)
                usleep(50_000)
                let before = run.counters.probesSent
                usleep(300_000)
                #expect(run.counters.probesSent == before && before < 1024)
                scan.brake.set(false)
            }
            #expect(LoopbackScan.isFinished(result.end) && result.counters.open == 1024)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("a rate that is changed while the scan runs holds from then on")
    func changedRate() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7340)
            let scan = try LoopbackScan(hosts: ["127.7.0.0/21"], ports: "7340", rate: 10)
            let sink = RecordingSink()
            let start = SteadyClock.nanoseconds()
            let result = try scan.run(into: sink) { run in
                LoopbackScan.wait { sink.count >= 2 }
                run.rate = 4000
            }
            #expect(LoopbackScan.isFinished(result.end) && result.counters.open == 2048)
            #expect(Double(SteadyClock.nanoseconds() - start) / 1e9 < 20)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("a checkpoint of another job is refused in words, not with a crash")
    func foreignCheckpoint() async throws {
        try await PrivateNetwork.run {
            let large = try LoopbackScan(hosts: ["127.0.0.0/24"], ports: "7000-7003")
            let checkpoint = try #require(try large.run(into: RecordingSink()) { $0.stop() }.checkpoint)
            let small = try LoopbackScan(hosts: ["127.0.0.1"], ports: "7000")
            let error = #expect(throws: EngineError.self) { try small.run(into: RecordingSink(), resuming: checkpoint) }
            #expect(error?.kind == .internalFault && error?.message.contains("checkpoint") == true)
        }
    }

    // MARK: Scope and backlog

    @Test("addresses that are excluded in mid-scan get no further probe and are reported untested")
    func scopeReplaced() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7500)
            let scan = try LoopbackScan(hosts: ["127.0.6.0/24"], ports: "7500-7503", rate: 1000, retries: 1)
            let sink = RecordingSink()
            let kept = AddressSet([try #require(AddressRange("127.0.6.0/25"))])
            var changed: Int64 = .max
            let result = try scan.run(into: sink) { _ in
                LoopbackScan.wait { sink.count >= 100 }
                scan.scope.replace(allowed: kept)
                changed = WallClock.microseconds()
            }
            let outside = sink.all.filter { !kept.contains($0.address) }
            // At this rate one probe at a time is on its way.
            #expect(outside.count { $0.time > changed } <= 1)
            #expect(LoopbackScan.isFinished(result.end) && result.counters.isBalanced)
            #expect(result.counters.untested == 512 - Int64(outside.count) && result.counters.untested > 0)
            #expect(sink.count - outside.count == 512 && result.counters.filtered == 0)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("an empty scope sends nothing at all")
    func emptyScope() async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7600)
            let watcher = try FarSide(at: 7600) { _ in [] }
            let scan = try LoopbackScan(hosts: ["127.0.7.0/24"], ports: "7600", retries: 1, recorded: [.open, .filtered])
            scan.scope.replace(allowed: AddressSet())
            let sink = RecordingSink()
            let result = try scan.run(into: sink)
            #expect(watcher.stop().isEmpty)
            #expect(result.counters.untested == 256 && result.counters.probesSent == 0 && sink.count == 0)
            withExtendedLifetime(silent) {}
        }
    }

    @Test("while the recorder has no room nothing is sent, and nothing is lost")
    func backlog() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7700)
            let scan = try LoopbackScan(hosts: ["127.0.8.0/23"], ports: "7700", rate: 10_000, recorded: [.open])
            let sink = RecordingSink { if $0.count < 200 { $0.isFull = true } }
            let result = try scan.run(into: sink) { run in
                LoopbackScan.wait { sink.isFull }
                usleep(200_000)
                let sent = run.counters.probesSent
                usleep(200_000)
                #expect(run.counters.probesSent == sent && sent < 512)
                LoopbackScan.wait {
                    sink.isFull = false
                    return sink.count >= 200
                }
                sink.isFull = false
            }
            #expect(LoopbackScan.isFinished(result.end))
            #expect(sink.targets(.open).count == 512 && result.counters.isBalanced)
            withExtendedLifetime(listener) {}
        }
    }

    @Test(
        "answers that the capture thread gets round to late are found all the same, and counted once",
        arguments: [[.open], [.open, .filtered]] as [Set<TargetState>])
    func lateCapture(recorded: Set<TargetState>) async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 7800)
            let scan = try LoopbackScan(hosts: ["127.0.9.0/24"], ports: "7800", rate: 5000, recorded: recorded)
            // As on a machine that is too busy to let the capture thread run.
            let sink = RecordingSink { if $0.count < 50 { usleep(700_000) } }
            let result = try scan.run(into: sink)
            #expect(LoopbackScan.isFinished(result.end))
            #expect(sink.targets(.open).count == 256 && sink.targets(.filtered).isEmpty)
            #expect(result.counters.open == 256 && result.counters.filtered == 0 && result.counters.isBalanced)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("the account can be asked for at any time and its progress stays within bounds")
    func progress() async throws {
        try await PrivateNetwork.run {
            let silent = try Listener(silentAt: 7900)
            let scan = try LoopbackScan(hosts: ["127.0.10.0/24"], ports: "7900-7903", rate: 2000, retries: 1, recorded: [.open])
            let result = try scan.run(into: RecordingSink()) { run in
                for _ in 0..<200 {
                    let progress = run.progress
                    #expect((0...1).contains(progress.fraction) && (0...1).contains(progress.round) && progress.rate >= 0)
                    #expect((progress.eta ?? 0) >= 0 && (progress.eta ?? 0) < 60)
                    #expect(run.counters.probesSent <= 1024 + 256)
                    usleep(5000)
                }
            }
            #expect(result.counters.isBalanced && result.counters.filtered == 256)
            withExtendedLifetime(silent) {}
        }
    }
}
