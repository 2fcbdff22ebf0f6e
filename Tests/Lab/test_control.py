"""The control socket takes what comes, and scans go on."""

import json
import os
import socket
import subprocess
import sys
import time

from harness import HERE, LabTest, addresses

CASES = int(os.environ.get("FUZZ_CASES", 200_000))
SEED = 20261123


class Control(LabTest):
    lasts = 120
    open_ports = [80]
    sections = {"limits": {"max_rate": 20_000, "max_request_bytes": 1 << 20}}

    def connect(self, timeout=10):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(str(self.daemon.socket))
        self.addCleanup(connection.close)
        return connection

    def exchange(self, data, timeout=10):
        """Sends bytes and reads until the daemon closes, or says nothing more."""
        connection, answer = self.connect(timeout), b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass  # the daemon need not read to its end what it refuses
        finally:
            connection.close()
        return answer

    def running_scan(self):
        """A scan of about three seconds, and the check that it came out whole."""
        job = self.daemon.submit("198.18.64.0/22", "-p", "80,100-112", "--rate", "5000")

        def check():
            self.assertEqual(self.daemon.finish(job)["state"], "finished")
            self.assert_logged_once(job, [(address, 80) for address in addresses("198.18.64.0", 1024)])
            self.assert_account(job, targets=14_336, open=1024, closed=13_312, filtered=0)

        return check

    def test_curl_works_as_well_as_the_client(self):
        def curl(path, *arguments):
            done = subprocess.run(["curl", "-s", "--unix-socket", self.daemon.socket, f"http://localhost{path}", *arguments],
                                  check=True, capture_output=True, text=True)
            return done.stdout

        self.assertEqual(json.loads(curl("/v1/status"))["pid"], self.daemon.process.pid)
        job = json.loads(curl("/v1/jobs", "-d", json.dumps({"targets": ["198.18.64.1"], "ports": "79-80"})))["id"]
        events = [json.loads(line) for line in curl(f"/v1/jobs/{job}/events").splitlines()]
        self.assertEqual(events[-1]["state"], "finished")
        self.assertEqual([json.loads(line)["port"] for line in curl(f"/v1/jobs/{job}/findings").splitlines()], [80])
        self.assertTrue(json.loads(curl("/v1/openapi.json"))["openapi"].startswith("3."))

    def test_malformed_requests_are_answered_and_disturb_no_scan(self):
        check = self.running_scan()
        body = b'{"targets":["198.18.64.1"],"ports":"80"}'

        def post(body, length=None, path=b"/v1/jobs"):
            return b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (
                path, len(body) if length is None else length, body)

        before = self.daemon.last_job()
        for request, status in (
            (b"\x00\x01\x02\x03\r\n\r\n", b"400"), (b"GET\r\n\r\n", b"400"), (b"GET / HTTP/9.9\r\n\r\n", None),
            (post(b"{"), b"400"), (post(b"[]"), b"400"), (post(b"null"), b"400"), (post(b"\xff\xfe"), b"400"),
            (post(b'{"targets":[]}'), b"400"), (post(b'{"targets":["198.18.64.1"],"rate":-1}'), b"400"),
            (post(b'{"targets":["198.18.64.1"],"rate":1e99}'), b"400"), (post(b'{"targets":["198.18.64.1"],"retries":9223372036854775808}'), b"400"),
            (post(b'{"targets":["198.18.64.1"],"no_such_key":1}'), None), (post(b"[" * 100_000), b"400"), (post(body, 10), b"400"),
            (post(b'{"targets":["198.19.64.1"]}'), b"403"), (post(b'{"name":"../x","targets":["198.18.64.1"]}'), b"400"),
            (post(body, -5), b"400"), (post(body, 1 << 62), b"413"),
            (b"GET /v1/jobs/99999999999999999999999 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
            (b"GET /v1/jobs/-1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
            (b"GET /v1/jobs/%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", None),
            (b"DELETE /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", None),
            (b"GET /no/such/path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
        ):
            with self.subTest(request=request[:60]):
                answer = self.exchange(request)
                if status:
                    self.assertIn(status, answer.split(b"\r\n")[0], answer[:300])
                self.assertNotIn(b" 500 ", answer.split(b"\r\n")[0])
        jobs = self.daemon.jobs()
        check()
        self.assertLessEqual(len([job for job in jobs if job["id"] > before]), 1, "only an unknown key may be overlooked")

    def test_a_huge_request_is_refused_and_disturbs_no_scan(self):
        check = self.running_scan()
        body = b'{"targets":["198.18.64.1"],"name":"' + b"x" * (8 << 20) + b'"}'
        answer = self.exchange(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        if answer:  # the daemon may close before it has all of it
            self.assertIn(b"413", answer.split(b"\r\n")[0])
        before = self.daemon.memory()
        endless = self.connect()
        try:
            endless.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(1000):
                endless.sendall(b"40000\r\n" + b"y" * 0x40000 + b"\r\n")
            endless.sendall(b"0\r\n\r\n")
            self.assertIn(b"413", endless.recv(65536).split(b"\r\n")[0])
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertLess(self.daemon.memory() - before, 64 << 10, "KiB that 250 MiB of a request have taken")
        headers = b"".join(b"X-%d: %s\r\n" % (i, b"z" * 1000) for i in range(5000))
        self.exchange(b"GET /v1/status HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n", 2)
        check()

    def test_slow_and_silent_clients_keep_nobody_waiting(self):
        check = self.running_scan()
        silent = [self.connect() for _ in range(50)]
        slow = [self.connect() for _ in range(20)]
        for byte in b"POST /v1/jobs HTTP/1.1\r\nContent-Le":
            for connection in slow:
                try:
                    connection.send(bytes([byte]))
                except (BrokenPipeError, ConnectionResetError):
                    pass
            time.sleep(0.01)
        started = time.monotonic()
        self.assertEqual(self.daemon.run("status").code, 0)
        self.assertLess(time.monotonic() - started, 2)
        unread = self.connect()
        unread.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200)  # and never reads the answers
        self.assertEqual(self.daemon.run("status").code, 0)
        check()
        for connection in silent + slow:
            connection.close()

    def test_random_requests_never_end_the_daemon_nor_spoil_a_scan(self):
        fuzzers = []
        for seed in (SEED, SEED + 1):
            fuzzers.append(subprocess.Popen([sys.executable, HERE / "fuzz.py", self.daemon.socket, str(seed), str(CASES // 2)],
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            self.addCleanup(fuzzers[-1].communicate)
            self.addCleanup(fuzzers[-1].terminate)
        while any(fuzzer.poll() is None for fuzzer in fuzzers):
            self.running_scan()()
            # Scans take the requests' time, and there are many of these.
            time.sleep(3)
        told = [fuzzer.communicate() for fuzzer in fuzzers]
        self.assertEqual([fuzzer.returncode for fuzzer in fuzzers], [0, 0], told)
        sent, framed, answers = (sum(column) for column in zip(*(map(int, output.split()) for output, _ in told)))
        self.assertGreaterEqual(sent, CASES)
        self.assertGreater(answers, 0.9 * framed, "requests were framed in a way that the daemon did not read")
        self.assertIsNone(self.daemon.process.poll(), self.daemon.output()[-2000:])
        self.assertEqual(self.daemon.run("status").code, 0)
