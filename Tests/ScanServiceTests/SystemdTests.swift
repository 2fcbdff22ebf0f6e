import Glibc
import Logging
import ScanService
import Testing

@Suite("What systemd gets to see")
struct SystemdTests {
    @Test("Readiness, status and stopping arrive as datagrams")
    func notifications() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("notify")
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        #expect(bound == 0)
        let notifier = ServiceNotifier(path: path)
        notifier.ready("listening")
        notifier.status("busy")
        notifier.stopping()
        let texts = (0..<3).map { _ in
            var bytes = [UInt8](repeating: 0, count: 200)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
        #expect(texts == ["READY=1\nSTATUS=listening", "STATUS=busy", "STOPPING=1\nSTATUS=stopping"])
    }

    @Test(
        "Without systemd, or with a strange address, nothing happens",
        arguments: [nil, "", "relative", String(repeating: "/a", count: 100), "/nonexistent/s"])
    func noSystemd(path: String?) {
        ServiceNotifier(path: path).ready("x")
    }

    @Test("The journal gets priorities, a terminal does not, and nobody gets a second line")
    func logLines() {
        let journal = JournalLogHandler(isJournal: true)
        #expect(journal.line(.error, "disk full") == "<3>disk full\n")
        #expect(journal.line(.critical, "x") == "<2>x\n")
        #expect(journal.line(.warning, "x") == "<4>x\n")
        #expect(journal.line(.notice, "x") == "<5>x\n")
        #expect(journal.line(.info, "x") == "<6>x\n")
        #expect(journal.line(.debug, "x") == "<7>x\n")
        #expect(journal.line(.info, "a\n<0>b\u{1b}[2J") == "<6>a <0>b [2J\n")
        #expect(JournalLogHandler(isJournal: false).line(.error, "disk full") == "synscand: disk full\n")
    }
}
