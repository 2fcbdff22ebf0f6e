"""Nobody uses up the machine or starves another: names of jobs, look-ups, request bodies, the store, memory and the logs' disk."""

import json
import pathlib
import pwd
import shutil
import socket
import subprocess
import threading
import time

from harness import LabTest, end_quietly, wait_until
from test_roles import NOBODY, SOCKET_GROUP, VIEWER, VIEWER_ID, Caller, gid

OPERATOR_ID = 61001
# One who has a name, as USER/NAME wants it.
OPERATOR = "daemon"

# A name server that is never heard of, in a namespace whose resolver asks it.
DEAF = """
import socket, time
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
time.sleep(3600)
"""

# Six chunked bodies of which a byte comes now and then, as whoever runs it: SOCKET LENGTH ("" for chunked)
DRIP = """
import socket, sys, time
held = []
for _ in range(6):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    head = "Content-Length: " + sys.argv[2] if sys.argv[2] else "Transfer-Encoding: chunked"
    connection.sendall(f"POST /v1/plans HTTP/1.1\\r\\nHost: x\\r\\n{head}\\r\\n\\r\\n".encode())
    held.append(connection)
print("ready", flush=True)
while True:
    for connection in held:
        try:
            connection.sendall(b"{" if sys.argv[2] else b"1\\r\\n{\\r\\n")
        except OSError:
            pass
    time.sleep(1)
"""

# Asks for a job's findings on many connections and reads nothing: SOCKET JOB COUNT; prints how many were refused.
DEAF_READERS = """
import socket, sys, time
held, refused = [], 0
for _ in range(int(sys.argv[3])):
    connection = socket.socket(socket.AF_UNIX)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(sys.argv[1])
    connection.sendall(f"GET /v1/jobs/{sys.argv[2]}/findings HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
    refused += b" 429 " in connection.recv(16)
    held.append(connection)
print(refused, flush=True)
sys.stdin.read()
"""


class Fairness(LabTest):
    lasts = 43
    open_ports = (80,)
    shares_daemon = False
    sections = {
        "control": {"group": SOCKET_GROUP},
        "control.roles": {"viewer": [VIEWER], "operator": [OPERATOR]},
        "limits": {"max_rate": 100_000, "max_running_jobs": 8},
    }

    @classmethod
    def prepare(cls):
        # ip-netns(8) puts these files in the place of those of /etc.
        folder = pathlib.Path("/etc/netns", f"synscan-{cls.lab.suffix}-near")
        folder.mkdir(parents=True)
        cls.addClassCleanup(shutil.rmtree, folder)
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:5 attempts:3\n")
        cls.lab("exec", "near", "ip", "link", "set", "lo", "up")
        server = subprocess.Popen(cls.lab.near("python3", "-c", DEAF), stdout=subprocess.PIPE, text=True, start_new_session=True)
        cls.addClassCleanup(end_quietly, server)
        assert server.stdout.readline() == "ready\n"

    def setUp(self):
        super().setUp()
        self.operator = lambda: Caller(self, "operator", OPERATOR_ID, gid(SOCKET_GROUP))
        self.viewer = lambda: Caller(self, "viewer", VIEWER_ID, NOBODY)

    def start_as(self, uid, group, script, *arguments):
        """A script that goes on until the test's end, once it has said something."""
        process = subprocess.Popen(["/usr/bin/python3", "-I", "-S", "-c", script, *map(str, arguments)], user=uid, group=group,
                                   extra_groups=[], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(end_quietly, process)
        return process, process.stdout.readline().strip()

    # --- names of jobs ---

    def test_a_job_of_another_user_stands_in_nobodys_way(self):
        daemon = self.own_daemon().start()
        named = Caller(self, "operator", pwd.getpwnam(OPERATOR).pw_uid, NOBODY)
        request = {"targets": ["198.18.64.0/24"], "ports": "80", "rate": 1, "name": "office"}
        status, body = named("POST", "/v1/jobs", request)
        theirs = json.loads(body)["id"]
        self.assertEqual(status, 201, body)
        self.assertEqual(named("POST", f"/v1/jobs/{theirs}/pause")[0], 200)
        self.assertEqual(named("POST", "/v1/jobs", request)[0], 409, "one's own name is taken")
        # The timer's command.
        path = pathlib.Path(daemon.directory, "office.toml")
        path.write_text('targets = ["198.18.64.0/28"]\nports = "80"\n')
        path.chmod(0o644)
        done = daemon.run("scan", "--job", path)
        self.assertEqual((done.code, daemon.last_job() > theirs), (0, True), done)
        own = daemon.last_job()
        self.assertEqual(len(daemon.findings(own)), 16)

        def shown(reference, command="show"):
            result = daemon.run(command, reference, "--json")
            self.assertEqual(result.code, 0, result)
            return json.loads(result.out)["id"]

        for reference, job in (("office", own), (f"{OPERATOR}/office", theirs), (f"{named.uid}/office", theirs), ("root/office", own),
                               ("0/office", own)):
            self.assertEqual(shown(reference), job, reference)
        self.assertEqual(len(daemon.run("results", "office", "--json").out.splitlines()), 16)
        self.assertEqual(daemon.run("results", f"{OPERATOR}/office", "--json").out, "")
        self.assertEqual(json.loads(named("GET", "/v1/jobs/office")[1])["id"], theirs)
        self.assertEqual(json.loads(named("GET", "/v1/jobs/0%2Foffice")[1])["id"], own)
        # To a third one neither is the one that is meant.
        status, body = self.operator()("GET", "/v1/jobs/office")
        self.assertEqual(status, 409)
        self.assert_sentence(json.loads(body)["message"], "Users 0 and", "office", "say whose")
        self.assertEqual(named("POST", "/v1/jobs/0%2Foffice/cancel")[0], 403)
        # Root's own predecessor is waited for.
        slow = daemon.post_job("198.18.65.0/24", ports="80", rate=1, name="office")
        done = daemon.run("scan", "--job", path)
        self.assertEqual((done.code, daemon.last_job()), (0, slow), done)
        self.assertIn("is not over", done.err)
        for command in "pause", "resume", "cancel":
            self.assertEqual(shown(f"{OPERATOR}/office", command), theirs, command)
        self.assertEqual(daemon.run("wait", f"{OPERATOR}/office").code, 1)
        for reference, words in (("nosuchuser/office", "no user nosuchuser"), ("root/7", "stands alone"),
                                 (f"{NOBODY}/office", f"User {NOBODY}")):
            done = daemon.run("show", reference)
            self.assertEqual(done.code, 2, done)
            self.assertIn(words, done.err)
        self.assertEqual(shown("office", "cancel"), slow)
        self.assertEqual(shown(f"{named.uid}/office", "delete"), theirs)
        # A name server that is deaf is no business of these.
        self.assertEqual(shown("root/office"), slow)

    # --- names of hosts ---

    def test_names_that_nobody_answers_for_keep_no_other_user_waiting(self):
        daemon = self.own_daemon().start()
        body = {"targets": [f"n{number}.example" for number in range(1000)], "ports": "80"}
        hanging = threading.Thread(target=self.viewer(), args=("POST", "/v1/plans", body))
        hanging.start()
        self.addCleanup(hanging.join)
        command = ["ps", "-L", "-o", "comm=", "-p", str(daemon.process.pid)]
        threads = lambda: subprocess.run(command, capture_output=True, text=True).stdout.split().count("names")
        wait_until(lambda: threads() >= 8, 10, "names are looked up")
        times = []
        for caller in self.operator(), Caller(self, "admin", 0, 0), Caller(self, "operator", OPERATOR_ID + 1, gid(SOCKET_GROUP)):
            started = time.monotonic()
            status, text = caller("POST", "/v1/plans", {"targets": ["localhost"], "ports": "80"})
            times.append(time.monotonic() - started)
            # It is resolved, whatever else is to be said of the loopback.
            self.assertNotIn("did not resolve", text)
        print(f"       localhost beside 1,000 deaf names: {1000 * max(times):.0f} ms at most", flush=True)
        self.assertLess(max(times), 2)

    # --- memory ---

    def test_plans_that_leave_out_single_ports_take_no_memory(self):
        daemon = self.own_daemon().start()
        daemon.ask("POST", "/v1/plans", {"targets": ["198.18.64.0/24"], "ports": "80"})
        before = daemon.memory("VmRSS")
        request = {"targets": ["198.18.64.0/26"], "ports": "-", "exclude": [f"198.18.64.{i}:{i + 1}" for i in range(64)]}
        callers, answers = [self.viewer() for _ in range(16)], []
        ask = lambda caller: answers.append(caller("POST", "/v1/plans", request))
        threads = [threading.Thread(target=ask, args=(caller,)) for caller in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # Whether so many at once are all served is another limit's matter.
        served = [json.loads(body) for status, body in answers if status == 200]
        self.assertEqual({plan["targets"] for plan in served}, {64 * 65_535 - 64}, answers[:1])
        grown = daemon.memory("VmHWM") - before
        print(f"       {len(served)} plans of 4.2 million targets each: {grown} KiB more memory", flush=True)
        self.assertLess(grown, 64 << 10, "KiB of memory")
        # It is scanned, too, exactly without these.
        job = daemon.post_job("198.18.64.0/30", ports="79-81", exclude=["198.18.64.1:80", "198.18.64.2:81"])
        daemon.reach(job, "finished")
        self.assert_account(job, targets=10, open=3, closed=7)

    def test_findings_that_are_not_read_hold_little_and_give_it_back(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/20", ports="80-83", states=["open", "closed"])
        daemon.reach(job, "finished")
        before = daemon.memory("VmRSS")
        _, refused = self.start_as(VIEWER_ID, NOBODY, DEAF_READERS, daemon.socket, job, 20)
        self.assertEqual(refused, "12", "a user reads eight at a time")
        root, refused = self.start_as(0, 0, DEAF_READERS, daemon.socket, job, 40)
        self.assertEqual(refused, "0")
        held = daemon.memory("VmRSS") - before
        end_quietly(root)
        print(f"       48 streams that nobody reads: {held} KiB", flush=True)
        self.assertLess(held, 48 * 768, "KiB of memory")
        wait_until(lambda: daemon.memory("VmRSS") - before < 16 << 10, 10, "memory is given back")
        self.assertEqual(len(daemon.run("results", job, "--json").out.splitlines()), 16_384)

    # --- request bodies ---

    def test_bodies_that_drip_keep_no_other_user_waiting(self):
        daemon = self.own_daemon().start()
        for length in "", str(64 << 20):
            _, said = self.start_as(VIEWER_ID, NOBODY, DRIP, daemon.socket, length)
            self.assertEqual(said, "ready")
        time.sleep(1)
        request = {"targets": ["198.18.64.%d" % (i % 256) for i in range(6000)], "ports": "80"}
        self.assertGreater(len(json.dumps(request)), 75_000)
        for caller in self.operator(), Caller(self, "admin", 0, 0):
            started = time.monotonic()
            status, body = caller("POST", "/v1/plans", request)
            self.assertEqual(status, 200, body)
            self.assertLess(time.monotonic() - started, 5)

    # --- the store ---

    def test_jobs_that_are_cancelled_push_nobodys_results_out(self):
        for places in 1, 8:
            with self.subTest(places=places):
                self.submit_and_cancel(places)
                self.daemon.terminate()

    def submit_and_cancel(self, places):
        """Cancels large jobs before they run, or while they do."""
        daemon = self.own_daemon(store={"max_size": 16 << 20}, limits={"max_rate": 100_000, "max_running_jobs": places}).start()
        job = daemon.post_job("198.18.64.0/24", ports="80")
        daemon.reach(job, "finished")
        blocker = daemon.post_job("198.18.65.0/24", ports="80", rate=1)
        daemon.reach(blocker, "running")
        operator = self.operator()
        # Single ports in disorder, none of them next to another: about 4 MB.
        targets = [f"198.18.{64 + i % 16}.{i // 16 % 256}:{1 + 2 * (i * 7919 % 30_000)}" for i in range(200_000)]
        for number in range(8):
            status, body = operator("POST", "/v1/jobs", {"targets": targets, "rate": 1})
            self.assertEqual(status, 201, body)
            route = f"/v1/jobs/{json.loads(body)['id']}"
            steps = ("DELETE", route) if number % 2 else ("POST", route + "/cancel")
            self.assertEqual(operator(*steps)[0], 200)
        if places == 1:
            # The one before the last is there, without its targets.
            cancelled = json.loads(body)["id"] - 1
            self.assertEqual(daemon.state(cancelled), "cancelled")
            done = daemon.run("retry", cancelled)
            self.assertEqual(done.code, 2, done)
            self.assert_sentence(done.err, "cancelled before it began", "submit it again")
        time.sleep(1)
        self.assertEqual(len(daemon.findings(job)), 256)
        self.assertEqual(daemon.state(job), "finished")

    # --- the disk ---

    def test_what_somebody_writes_reaches_no_log_in_full(self):
        daemon = self.own_daemon().start()
        viewer = self.viewer()
        marks = "e" + "\u0301" * 300_000
        request = {"targets": ["198.18.64.1"], "ports": "80"}
        for change in ({"interface": "x" * 300_000}, {"interface": marks}, {"name": marks}, {"targets": [marks]}, {"exclude": [marks]},
                       {"ports": marks}, {"targets": ["fe80::1%" + "z" * 300_000]}, {"x" * 300_000: 1}, {"priority": marks},
                       {"source_address": marks}, {"states": [marks]}, {"targets": [marks] * 20}):
            before = daemon.audit.stat().st_size
            status, body = viewer("POST", "/v1/plans", {**request, **change})
            self.assertEqual(status // 100, 4, list(change))
            wait_until(lambda: daemon.audit.stat().st_size > before, 5, "an audit line")
            time.sleep(0.05)
            self.assertLess(daemon.audit.stat().st_size - before, 8192, list(change))
        operator, before = self.operator(), daemon.log.stat().st_size
        self.assertEqual(operator("POST", "/v1/jobs", {**request, "priority": "high", "name": marks})[0], 403)
        time.sleep(0.2)
        self.assertLess(daemon.log.stat().st_size - before, 4096)

    def test_refusals_without_end_fill_no_log_and_are_counted(self):
        daemon = self.own_daemon().start()
        before = daemon.log.stat().st_size if daemon.log.exists() else 0
        stranger, operator = Caller(self, "stranger", 61_777, NOBODY), self.operator()
        for _ in range(400):
            self.assertEqual(stranger("GET", "/v1/status")[0], 403)
            self.assertEqual(operator("POST", "/v1/jobs", {"targets": ["203.0.113.1"], "ports": "80"})[0], 403)

        def told(uid):
            lines = [json.loads(line) for line in daemon.audit.read_text().splitlines()]
            mine = [line for line in lines if line["uid"] == uid]
            counted = sum(int(line["reason"].split("(and ")[1].split(" ")[0]) for line in mine if "(and " in line["reason"])
            return len(mine), len(mine) + counted

        for uid in 61_777, OPERATOR_ID:
            wait_until(lambda: told(uid)[1] == 400, 20, "the rest is summed up")
            self.assertLess(told(uid)[0], 200)
        refused = wait_until(lambda: daemon.lines(event="job.refused"), 5, "lines of refused jobs")
        self.assertLess(len(refused), 100)
        self.assertLess(daemon.log.stat().st_size - before, 64 << 10)
        # A change has a line of its own, however many there are.
        job = json.loads(operator("POST", "/v1/jobs", {"targets": ["198.18.64.0/24"], "ports": "80", "rate": 1})[1])["id"]
        for _ in range(120):
            self.assertEqual(operator("PATCH", f"/v1/jobs/{job}", {"rate": 1})[0], 200)
        wait_until(lambda: daemon.audit.read_text().count('"command":"change"') == 120, 5, "a line for each change")
