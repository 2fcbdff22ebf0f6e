import Foundation
import GRDB
import Glibc
import PacketIO
import ScanAPI
import ScanCore
import ScanService
import TestSupport
import Testing

@Suite("The control interface", .serialized)
struct ControlServerTests {
    /// Runs `body` against a service of its own. Its sockets block, so it runs on a thread of its own: the service needs Swift's.
    private func withService(_ body: @escaping @Sendable (RunningService) throws -> Void) async throws {
        let service = try await RunningService()
        let result = await onThread { try body(service) }
        await service.stop()
        try result.get()
    }

    private func onThread(_ body: @escaping @Sendable () throws -> Void) async -> Result<Void, any Error> {
        await withCheckedContinuation { continuation in
            do {
                _ = try WorkerThread("test-client") { continuation.resume(returning: Result { try body() }) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }

    private static func refusal(_ answer: ControlClient.Answer) throws -> Refusal {
        try APICoding.decode(Refusal.self, from: Data(answer.body.utf8))
    }

    @Test("It answers with JSON, ended by a line feed")
    func status() async throws {
        try await withService { service in
            let answer = try ControlClient.ask(service.socket, "GET", Routes.status)
            #expect(answer.status == 200 && answer.head.contains("application/json") && answer.body.hasSuffix("}\n"))
            let status = try APICoding.decode(DaemonStatus.self, from: Data(answer.body.utf8))
            #expect(
                status.version == Version.current && status.scopeAllow == Scope.words
                    && status.configuration == service.directory.file("c.toml"))
            #expect(try ControlClient.ask(service.socket, "GET", Routes.jobs).body == "[]\n")
        }
    }

    @Test("The description of the interface is JSON and describes every path")
    func openAPI() async throws {
        let document = try #require(try JSONSerialization.jsonObject(with: OpenAPIDocument.bytes) as? [String: Any])
        #expect((document["openapi"] as? String)?.hasPrefix("3.1") == true)
        let paths = try #require(document["paths"] as? [String: Any])
        let job = "{job}"
        #expect(
            Set(paths.keys) == [
                Routes.status, Routes.openAPI, Routes.plans, Routes.jobs, Routes.reload, Routes.reopen, Routes.backup, Routes.halt,
                Routes.unhalt,
                Routes.job(job), Routes.pause(job), Routes.resume(job), Routes.cancel(job), Routes.retry(job),
                Routes.events(job), Routes.findings(job),
            ])
        let text = String(decoding: OpenAPIDocument.bytes, as: UTF8.self)
        let schemas = try #require((document["components"] as? [String: Any])?["schemas"] as? [String: Any])
        for reference in text.matches(of: /#\/components\/schemas\/(\w+)/) {
            #expect(schemas[String(reference.1)] != nil, "\(reference.1)")
        }
        try await withService { service in
            let answer = try ControlClient.ask(service.socket, "GET", Routes.openAPI)
            #expect(answer.body == text + "\n")
        }
    }

    @Test("What cannot be is refused in words, with the right status and as JSON")
    func refusals() async throws {
        try await withService { service in
            let cases: [(String, String, String?, Int, Refusal.Kind, String)] = [
                ("GET", "/", nil, 404, .notFound, "There is no /"),
                ("GET", "/v1/jobs/1", nil, 404, .notFound, "There is no job 1."),
                ("GET", "/v1/jobs/web", nil, 404, .notFound, "There is no job called web."),
                ("GET", "/v1/jobs/99999999999999999999", nil, 404, .notFound, "There is no"),
                ("GET", "/v1/jobs/-1", nil, 404, .notFound, "-1"),
                ("GET", "/v1/jobs/1/", nil, 404, .notFound, "There is no"),
                ("GET", "/v1/jobs//events", nil, 404, .notFound, "There is no"),
                ("GET", "/v1/jobs/../status", nil, 404, .notFound, "There is no"),
                ("GET", "/v1/jobs/1/events", nil, 404, .notFound, "There is no job 1."),
                ("GET", "/v1/jobs/1/findings", nil, 404, .notFound, "There is no job 1."),
                ("POST", "/v1/jobs/1/cancel", nil, 404, .notFound, "There is no job 1."),
                ("GET", "/v1/jobs?limit=-1", nil, 400, .usage, "limit must be"),
                ("GET", "/v1/jobs?limit=99999999999999999999", nil, 400, .usage, "limit must be"),
                ("DELETE", "/v1/status", nil, 405, .usage, "use GET"),
                ("PUT", "/v1/jobs", "{}", 405, .usage, "use GET, POST"),
                ("POST", "/v1/jobs", nil, 400, .usage, "no body"),
                ("POST", "/v1/jobs", "{", 400, .usage, "not JSON"),
                ("POST", "/v1/jobs", "{\"targets\":[]}", 400, .usage, "No targets"),
                ("POST", "/v1/plans", "{\"targets\":[\"300.1.1.1\"]}", 400, .usage, "300.1.1.1"),
                ("POST", "/v1/jobs", "{\"targets\":[\"8.8.8.8\"]}", 403, .refused, "8.8.8.8 is outside the scope"),
            ]
            for (method, target, body, status, kind, words) in cases {
                let answer = try ControlClient.ask(service.socket, method, target, body: body)
                #expect(answer.status == status, "\(method) \(target)")
                let refusal = try Self.refusal(answer)
                #expect(refusal.kind == kind && refusal.message.contains(words), "\(method) \(target): \(refusal)")
                #expect((status == 405) == answer.head.contains("Allow: "))
            }
            #expect(try ControlClient.ask(service.socket, "HEAD", "/v1/status").body == "")
            let line = "\"event\":\"job.refused\",\"reason\":\"8.8.8.8 is outside"
            // Nobody waits for this line but this test.
            for _ in 0..<500 where service.directory.text("log")?.contains(line) != true { usleep(10_000) }
            #expect(service.directory.text("log")?.contains(line) == true)
        }
    }

    @Test("A plan is told without anything being kept")
    func plan() async throws {
        try await withService { service in
            let body = #"{"targets":["127.0.0.1-127.0.0.4"],"ports":"80,81","rate":100,"retries":1}"#
            let answer = try ControlClient.ask(service.socket, "POST", Routes.plans, body: body)
            #expect(answer.status == 200)
            let plan = try APICoding.decode(Plan.self, from: Data(answer.body.utf8))
            #expect(plan.targets == 8 && plan.addresses == 4 && plan.ports == 2 && plan.probesAtMost == 16 && plan.secondsAtMost == 0.16)
            #expect(plan.scope == "allowed" && plan.paths.map(\.interface) == ["lo"])
            #expect(try ControlClient.ask(service.socket, "GET", Routes.jobs).body == "[]\n")
        }
    }

    @Test("A request that is too large is refused before it is read, and the connection is given up")
    func tooLarge() async throws {
        try await withService { service in
            let declared = try ControlClient(service.socket)
            declared.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n".utf8)
            let answer = ControlClient.answer(declared.receive())
            #expect(answer.status == 413)
            #expect(try Self.refusal(answer).message.contains("65536 bytes"))
            let endless = try ControlClient(service.socket)
            endless.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
            let chunk = Array("4000\r\n\(String(repeating: "x", count: 0x4000))\r\n".utf8)
            #expect((0..<1000).contains { _ in !endless.send(chunk) }, "sixteen MiB were taken")
        }
    }

    @Test("Clients that say nothing, stop in the middle or never read keep nobody waiting")
    func slowClients() async throws {
        try await withService { service in
            let silent = try (0..<40).map { _ in try ControlClient(service.socket) }
            let slow = try (0..<20).map { number in
                let client = try ControlClient(service.socket)
                client.send("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n{\"targ".utf8.prefix(20 + number * 4))
                return client
            }
            let unread = try ControlClient(service.socket)
            unread.send(String(repeating: "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", count: 100).utf8)
            let clock = ContinuousClock()
            let start = clock.now
            for _ in 0..<20 {
                let answer = try ControlClient.ask(service.socket, "GET", Routes.status)
                #expect(answer.status == 200, "\(answer.head) \(answer.body)")
            }
            #expect(clock.now - start < .seconds(5))
            withExtendedLifetime((silent, slow, unread)) {}
        }
    }

    @Test("Noise on the socket does not end it")
    func noise() async throws {
        try await withService { service in
            var random = SeededGenerator(seed: 5)
            for _ in 0..<500 {
                let client = try ControlClient(service.socket)
                let start = Bool.random(using: &random) ? "POST /v1/jobs HTTP/1.1\r\nContent-Length: 30\r\n\r\n" : ""
                client.send(
                    start.utf8 + (0..<Int.random(in: 1...200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
                client.endSending()
            }
            #expect(try ControlClient.ask(service.socket, "GET", Routes.status).status == 200)
        }
    }

    @Test("A second daemon on the same socket is told whose it is, and takes nothing from the first")
    func secondDaemon() async throws {
        try await withService { service in
            let error = try #require(throws: ServiceError.self) { try service.another() }
            #expect(error.message.contains("process \(ProcessInfo.processInfo.processIdentifier)"), "\(error)")
            #expect(try ControlClient.ask(service.socket, "GET", Routes.status).status == 200)
        }
    }

    @Test("The jobs of the store are shown, by id and by name, with their findings")
    func storedJobs() async throws {
        try await withService { service in
            let id = try Samples.insertJob(service.store, name: "web")
            try service.store.pool.write { try $0.execute(sql: "UPDATE jobs SET state = 'finished', finished = 1") }
            for reference in [String(id), "web"] {
                let answer = try ControlClient.ask(service.socket, "GET", Routes.job(reference))
                #expect(answer.status == 200)
                let job = try APICoding.decode(Job.self, from: Data(answer.body.utf8))
                #expect(job.id == id && job.state == .finished && job.submittedBy.uid == 1000)
                let events = try ControlClient.ask(service.socket, "GET", Routes.events(reference))
                #expect(
                    events.status == 200 && events.head.contains("application/x-ndjson") && events.body.contains("\"state\":\"finished\""))
                #expect(try ControlClient.ask(service.socket, "GET", Routes.findings(reference)).status == 200)
                #expect(try ControlClient.ask(service.socket, "POST", Routes.cancel(reference)).status == 409)
            }
        }
    }

    /// Polls until a file of the service's holds so many of these words.
    private static func comes(_ words: String, _ count: Int = 1, in file: String, of service: RunningService) -> Bool {
        let isThere = { (service.directory.text(file) ?? "").components(separatedBy: words).count > count }
        for _ in 0..<1000 where !isThere() { usleep(10_000) }
        return isThere()
    }

    @Test("Root has a socket of its own, and sockets that were deleted or replaced are made again")
    func sockets() async throws {
        try await withService { service in
            let sockets = [service.socket, ControlSocket.rootsPath(beside: service.socket)]
            var status = stat()
            #expect(stat(sockets[1], &status) == 0 && status.st_mode & 0o777 == 0o600)
            let kept = try ControlClient(service.socket)
            for path in sockets {
                #expect(try ControlClient.ask(path, "GET", Routes.status).status == 200)
                for replace in [{ unlink(path) }, { rename(path, "\(path).away") }] {
                    _ = replace()
                    service.look()
                    for _ in 0..<1000 where (try? ControlClient.ask(path, "GET", Routes.status)) == nil { usleep(10_000) }
                    #expect(try ControlClient.ask(path, "GET", Routes.status).status == 200)
                }
            }
            // Who was connected before still is.
            kept.send("GET /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
            #expect(ControlClient.answer(kept.receive()).status == 200)
        }
    }

    @Test("What is no HTTP, and a reload by a signal, are audited like any request")
    func auditedToo() async throws {
        try await withService { service in
            let noise = ["\u{16}\u{3}\u{1}\u{0}", "GET / HTTP/9.9\r\n\r\n", "GET /v1/status HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
            for bytes in noise {
                let client = try ControlClient(service.socket)
                client.send(bytes.utf8)
                client.endSending()
                _ = client.receive()
            }
            #expect(Self.comes("malformed request", noise.count, in: "audit", of: service))
            #expect(service.directory.text("audit")?.contains("\"status\":400") == true)
        }
        let service = try await RunningService()
        await service.reloadForSignal()
        #expect(Self.comes("SIGHUP", in: "audit", of: service))
        await service.stop()
    }

    @Test("A halt acts when its head has been read, whatever follows")
    func haltAtOnce() async throws {
        try await withService { service in
            let client = try ControlClient(service.socket)
            client.send("POST /v1/halt HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n".utf8)
            for _ in 0..<1000 where access(service.directory.file("store/halted"), F_OK) != 0 { usleep(10_000) }
            #expect(try ControlClient.ask(service.socket, "GET", Routes.status).body.contains("\"halted\""))
            #expect(try ControlClient.ask(service.socket, "POST", Routes.unhalt).status == 200)
            #expect(try !ControlClient.ask(service.socket, "GET", Routes.status).body.contains("\"halted\""))
        }
    }
}
