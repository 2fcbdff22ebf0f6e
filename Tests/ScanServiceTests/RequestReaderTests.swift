import Glibc
import ScanAPI
import ScanService
import ScanTargets
import Testing

@Suite("Job requests: what is accepted as what, and what is said about the others")
struct RequestReaderTests {
    private static let names: [String: [String]] = ["web.example": ["198.18.0.9", "198.18.0.8"], "one.example": ["198.18.0.1"]]

    private func reader(_ toml: String = "[limits]\nmax_job_targets = 100000\n") throws -> RequestReader {
        let catalog = PortCatalog(
            services: ServiceNames(servicesText: "ssh 22/tcp\nhttp 80/tcp\n"),
            ranking: try #require(PortRanking(nmapServicesText: "http 80/tcp 0.5\nssh 22/tcp 0.4\nx 7/tcp 0.1\n", source: "a ranking")))
        let resolver = NameResolver { name in
            return Self.names[name].map { .addresses($0.compactMap { IPAddress($0) }.sorted()) } ?? .nothing("nobody knows it")
        }
        return RequestReader(settings: Settings(try Configuration(toml: toml, file: "c.toml")), catalog: catalog, resolver: resolver)
    }

    @Test("Refused:", arguments: RefusedRequest.all)
    func refused(_ refused: RefusedRequest) async throws {
        let reader = try reader()
        let refusal = try #require(await #expect(throws: Refusal.self) { try await reader.draft(refused.request, for: 1000) })
        #expect(refusal.kind == .usage)
        for word in refused.words { #expect(refusal.message.contains(word), "\(refusal.message)") }
        #expect(refusal.message.hasSuffix("."))
    }

    @Test("Names become all their addresses, once")
    func names() async throws {
        let draft = try await reader().draft(JobRequest.sample("WEB.example", "198.18.0.8", "one.example:443"), for: 1000)
        #expect(draft.selection.hosts.ranges.map(\.description) == ["198.18.0.8/31"])
        #expect(Array(draft.selection.endpoints) == [Endpoint(address: try #require(IPAddress("198.18.0.1")), port: 443)])
        #expect(draft.names.map(\.name) == ["one.example", "web.example"])
        #expect(draft.names.last?.addresses == ["198.18.0.8", "198.18.0.9"])
    }

    @Test("An excluded name leaves out all its addresses, also those that are not worth asking")
    func namesApart() async throws {
        let addresses = ["198.18.0.9", "2001:2::9"].compactMap { IPAddress($0) }
        let resolver = NameResolver { _ in .addresses(addresses, apart: [addresses[1]]) }
        let settings = Settings(try Configuration(toml: "", file: "c.toml"))
        let catalog = PortCatalog(
            services: ServiceNames(servicesText: ""),
            ranking: try #require(PortRanking(nmapServicesText: "http 80/tcp 0.5\n", source: "a ranking")))
        let reader = RequestReader(settings: settings, catalog: catalog, resolver: resolver)
        var request = JobRequest(targets: ["twin.example"])
        #expect(try await reader.draft(request, for: 1000).selection.hosts.ranges.map(\.description) == ["198.18.0.9"])
        request.targets = ["198.18.0.8/31", "2001:2::8/127"]
        request.exclude = ["twin.example"]
        let draft = try await reader.draft(request, for: 1000)
        #expect(draft.selection.addresses.ranges.map(\.description) == ["198.18.0.8", "2001:2::8"])
        #expect(draft.exclusions.map(\.addresses) == [2])
        #expect(draft.names.map(\.addresses) == [["198.18.0.9", "2001:2::9"]])
    }

    @Test("An exclusion with a zone holds on its own link, and takes nothing from a job on another")
    func zones() async throws {
        for (targets, interface, taken) in [
            (["fe80::1%eth0", "fe80::2%eth0"], nil, 1), (["fe80::1", "fe80::2"], "eth0", 1), (["fe80::1", "fe80::2"], "eth1", 0),
            (["198.18.0.1"], nil, 0),
        ] as [([String], String?, Int64)] {
            var request = JobRequest(targets: targets)
            request.interface = interface
            request.exclude = ["fe80::2%eth0"]
            #expect(try await reader().draft(request, for: 1000).exclusions.map(\.addresses) == [taken], "\(targets) \(interface ?? "")")
        }
    }

    @Test("What is not said has its default")
    func defaults() async throws {
        let draft = try await reader("").draft(JobRequest(targets: ["198.18.0.1"]), for: 1000)
        #expect(draft.rate == 10_000 && draft.isRateFound && draft.retries == 8 && draft.recall == 0.999)
        #expect(draft.tcpOptions == .mss && draft.states == [.open] && draft.name == nil)
        #expect(draft.selection.ports == PortSet([7...7, 22...22, 80...80]))
        #expect(draft.portsSource == "all 3 ports of a ranking")
    }

    @Test("A recall of none is one pass without an estimate; a rate is kept, the most that it may be bounds what is found")
    func recallAndRate() async throws {
        var request = JobRequest(targets: ["198.18.0.1"])
        request.recall = .some(.none)
        request.rate = 500
        let onePass = try await reader().draft(request, for: 1000)
        #expect(onePass.retries == 0 && onePass.recall == nil && onePass.rate == 500 && !onePass.isRateFound)
        request.recall = .share(0.99)
        request.retries = 3
        request.rate = nil
        request.maxRate = 700
        let found = try await reader().draft(request, for: 1000)
        #expect(found.retries == 3 && found.recall == 0.99 && found.rate == 700 && found.isRateFound)
    }

    @Test("Hosts are reported for as many addresses as there is memory for")
    func reportedHosts() async throws {
        var request = JobRequest(targets: ["198.18.0.0/15"])
        (request.reportHosts, request.reportAll) = (true, true)
        let draft = try await reader("").draft(request, for: 1000)
        #expect(draft.reportsHosts && draft.reportsAll)
        request.targets = ["16.0.0.0/7"]
        let refusal = await #expect(throws: Refusal.self) { _ = try await reader("").draft(request, for: 1000) }
        #expect(refusal?.message.contains("at most 16777216") == true)
        request.reportHosts = nil
        #expect(try await reader("").draft(request, for: 1000).reportsHosts == false)
    }

    @Test("What contradicts itself is refused in words")
    func contradictions() async throws {
        for (change, words) in [
            ({ ($0.rate, $0.maxRate) = (5, 6) }, "give one of them"), ({ $0.maxRate = 0 }, "give 1 to"),
            ({ ($0.recall, $0.retries) = (.some(.none), 2) }, "exactly one pass"), ({ $0.recall = .share(1) }, "above 0 and below 1"),
        ] as [((inout JobRequest) -> Void, String)] {
            var request = JobRequest(targets: ["198.18.0.1"])
            change(&request)
            let refusal = await #expect(throws: Refusal.self) { _ = try await reader().draft(request, for: 1000) }
            #expect(refusal?.kind == .usage && refusal?.message.contains(words) == true)
        }
    }

    @Test("What is said counts")
    func options() async throws {
        var request = JobRequest.sample("198.18.0.0/30", "198.18.0.2-3") {
            $0.ports = "22,http,1000-1002"
            $0.exclude = ["198.18.0.1", "198.18.0.2:80"]
            $0.excludePorts = "1001"
        }
        request.rate = 7
        request.retries = 0
        request.tcpOptions = TCPOptions.none
        request.states = [.open, .filtered]
        request.name = "n"
        let draft = try await reader().draft(request, for: 1000)
        #expect(draft.rate == 7 && draft.retries == 0 && draft.tcpOptions == TCPOptions.none && draft.states == [.open, .filtered])
        #expect(draft.selection.targetCount == 3 * 4 - 1)
        #expect(!draft.selection.contains(Endpoint(address: try #require(IPAddress("198.18.0.2")), port: 80)))
        #expect(draft.targets == ["198.18.0.0/30", "198.18.0.2-3"])
    }

    @Test("What each exclusion leaves out is told, also where it is nothing; a list is told of as one")
    func exclusions() async throws {
        var request = JobRequest.sample("198.18.0.0/24", "198.18.1.1:22") {
            $0.ports = "22,80"
            $0.exclude = ["198.18.0.0/28", "10.0.0.1", "198.18.0.9-20,198.18.1.1", "198.18.0.200:80", "one.example"]
            $0.excludePorts = "80"
        }
        let alone = try await reader().draft(request, for: 1000).exclusions
        #expect(
            alone == [
                Exclusion(name: "198.18.0.0/28", entries: nil, addresses: 16, targets: 32),
                Exclusion(name: "10.0.0.1", entries: nil, addresses: 0, targets: 0),
                Exclusion(name: "198.18.0.9-20,198.18.1.1", entries: nil, addresses: 13, targets: 25),
                Exclusion(name: "198.18.0.200:80", entries: nil, addresses: 0, targets: 1),
                Exclusion(name: "one.example", entries: nil, addresses: 1, targets: 2),
                Exclusion(name: "ports 80", entries: nil, addresses: 0, targets: 256),
            ])
        request.excludePorts = nil
        request.excludeSources = [.init(name: "a.txt", count: 2), .init(name: "empty.txt", count: 0), .init(name: "b.txt", count: 3)]
        let lists = try await reader().draft(request, for: 1000).exclusions
        #expect(
            lists == [
                Exclusion(name: "a.txt", entries: 2, addresses: 16, targets: 32),
                Exclusion(name: "empty.txt", entries: 0, addresses: 0, targets: 0),
                Exclusion(name: "b.txt", entries: 4, addresses: 14, targets: 28),
            ])
        for wrong in [[6], [4], [-1, 6], [5, 0, 1]] {
            request.excludeSources = wrong.map { .init(name: "x", count: $0) }
            let refusal = await #expect(throws: Refusal.self) { _ = try await reader().draft(request, for: 1000) }
            #expect(refusal?.kind == .usage)
        }
        request.excludeSources = nil
        request.exclude = (0..<200).map { "198.18.0.\($0)" }
        let many = try await reader().draft(request, for: 1000).exclusions
        #expect(many.count == 65 && many.last == Exclusion(name: "all others", entries: 136, addresses: 136, targets: 272))
    }

    @Test("The daemon reads what the command line reads, and a few bytes cannot stand for more blocks than there is memory for")
    func sameForms() async throws {
        let request = JobRequest.sample(
            "198.18.0-1.1,3", "198.18.2.1,198.18.2.9", "::ffff:198.18.3.1", "198.18.4.0/255.255.255.252", "198.18.5.1 - 198.18.5.3",
            "https://198.18.6.1:8443/x")
        let selection = try await reader().draft(request, for: 1000).selection
        #expect(
            selection.hosts.ranges.map(\.description) == [
                "198.18.0.1", "198.18.0.3", "198.18.1.1", "198.18.1.3", "198.18.2.1", "198.18.2.9", "198.18.3.1", "198.18.4.0/30",
                "198.18.5.1-198.18.5.3",
            ])
        #expect(Array(selection.endpoints).map(\.description) == ["198.18.6.1:8443"])
        var large = JobRequest.sample("198.18.0.1")
        large.targets = (1...20).map { "10.*.*.\($0 * 2)" }
        let tooMany = await #expect(throws: Refusal.self) { _ = try await reader().draft(large, for: 1000) }
        #expect(tooMany?.message.contains("separate blocks") == true)
        large.targets = ["198.18.0.0/24"]
        large.exclude = (1...20).map { "10.*.*.\($0 * 2)" }
        #expect(
            await #expect(throws: Refusal.self) { _ = try await reader().draft(large, for: 1000) }?.message.contains("separate blocks")
                == true)
        let doubtful = await #expect(throws: Refusal.self) {
            _ = try await reader().draft(.sample("2001:db8::1:22", "198.18.0.1:22"), for: 1000)
        }
        #expect(doubtful?.kind == .usage && doubtful?.message.contains("[2001:db8::1]:22") == true)
    }

    @Test("Only the first expressions are kept for showing, shortened")
    func shown() async throws {
        var request = JobRequest.sample("198.18.0.1")
        request.targets = [String(repeating: "a.", count: 60) + "example"] + (0..<100).map { "198.18.1.\($0)" }
        let long = request.targets[0]
        let reader = RequestReader(
            settings: Settings(Configuration()), catalog: PortCatalog(services: ServiceNames(), ranking: .builtIn),
            resolver: NameResolver { _ in .addresses([IPAddress(v4: 1)]) })
        let draft = try await reader.draft(request, for: 1000)
        #expect(draft.targets.count == 16)
        #expect(draft.targets[0] == long.prefix(100) + "…")
    }

    @Test("A name server that does not answer keeps nobody waiting")
    func slowNames() async throws {
        let gate = Gate()
        let resolver = NameResolver(limit: .milliseconds(30)) { name in
            if name == "slow.example" { gate.wait() }
            return .addresses([IPAddress(v4: 1)])
        }
        let answers = try await resolver.resolve(["fast.example", "slow.example"], for: 1000)
        gate.open()
        #expect(answers["fast.example"] == .addresses([IPAddress(v4: 1)]))
        #expect(answers["slow.example"] == .nothing("no answer within 0 seconds"))
    }

    @Test("Names that do not resolve leave the others alone and are told; all of them at once where nothing is scanned")
    func deadNames() async throws {
        let request = JobRequest.sample("web.example", "gone2.example", "gone1.example:80")
        let draft = try await reader().draft(request, for: 1000)
        #expect(draft.selection.hosts.ranges.map(\.description) == ["198.18.0.8/31"])
        #expect(draft.unresolved.map(\.name) == ["gone1.example", "gone2.example"])
        let record = draft.record(Submitter(uid: 0, pid: 1, groups: []), at: Timestamp(microseconds: 0))
        #expect(record.unresolved == ["gone1.example", "gone2.example"] && record.account.unresolvedNames == 2)
        for (change, words) in [
            ({ $0.strict = true }, "strict"), ({ $0.targets.removeFirst() }, "nothing is left to scan"),
            ({ ($0.targets, $0.exclude) = (["198.18.0.1"], ["gone1.example", "gone2.example:80"]) }, "left out"),
        ] as [((inout JobRequest) -> Void, String)] {
            var request = request
            change(&request)
            let refusal = try #require(await #expect(throws: Refusal.self) { _ = try await reader().draft(request, for: 1000) })
            #expect(refusal.kind == .usage)
            for word in ["2 names do not resolve", "gone1.example (nobody knows it)", "gone2.example", words] {
                #expect(refusal.message.contains(word), "\(refusal)")
            }
        }
        var strict = JobRequest.sample("web.example")
        strict.strict = true
        #expect(try await reader().draft(strict, for: 1000).isStrict)
    }

    @Test("Of thousands of names that do not resolve, a job keeps a hundred and their number")
    func manyDeadNames() async throws {
        let draft = try await reader().draft(
            JobRequest.sample {
                $0.targets = ["198.18.0.1"] + (0..<3000).map { "n\($0).example" }
            }, for: 1000)
        let record = draft.record(Submitter(uid: 0, pid: 1, groups: []), at: Timestamp(microseconds: 0))
        #expect(draft.unresolved.count == 3000 && record.unresolved.count == 100 && record.account.unresolvedNames == 3000)
    }

    @Test("More names than one job may have are refused at once, with a way on")
    func manyNames() async throws {
        let resolver = NameResolver { _ in .addresses([]) }
        let refusal = try #require(
            await #expect(throws: Refusal.self) { try await resolver.resolve((0...NameResolver.nameLimit).map { "n\($0)" }, for: 1000) })
        #expect(refusal.message.contains("20001 host names") && refusal.message.contains("several jobs"))
    }

    @Test("localhost resolves on every machine")
    func localhost() {
        #expect(NameResolver.ask("localhost") == .addresses([IPAddress(v4: 0x7f00_0001)]))
    }
}
