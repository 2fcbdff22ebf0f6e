"""Who may do what, and that each request is audited."""

import grp
import json
import pwd
import signal
import stat
import subprocess
import threading
import time

from harness import HERE, LabTest, end_quietly, wait_until

NOBODY = 65534
ROLES = ("stranger", "viewer", "operator", "admin")

# Debian's own users and groups; the uids of `Caller`s that need no name belong to nobody.
SOCKET_GROUP, VIEWER, OPERATORS, ADMINS = "adm", "games", "staff", "audio"
VIEWER_ID = pwd.getpwnam(VIEWER).pw_uid


def gid(name):
    return grp.getgrnam(name).gr_gid


class Caller:
    """A process with these ids, and what it gets."""

    def __init__(self, test, role, uid, group, *extra):
        self.role, self.uid = role, uid
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-I", "-S", "-c", (HERE / "caller.py").read_text(), str(test.daemon.socket)],
            user=uid, group=group, extra_groups=extra, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        test.addCleanup(end_quietly, self.process)

    def __call__(self, method, route, body=None, stays=False):
        """Status and body of one request."""
        self.process.stdin.write(json.dumps({"method": method, "route": route, "body": body, "stays": stays}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["status"], answer["body"]


class Roles(LabTest):
    shares_daemon = False
    sections = {
        "control": {"group": SOCKET_GROUP},
        "control.roles": {"viewer": [VIEWER], "operator": ["@" + OPERATORS], "admin": ["@" + ADMINS]},
        "limits": {"max_rate": 1000, "max_running_jobs": 64, "per_user_running": 64, "per_user_queued": 1000},
    }
    request = {"targets": ["198.18.64.0/28"], "ports": "80-89", "rate": 1}

    def callers(self):
        """Everybody who is told from another by uid, primary group or supplementary groups."""
        return {
            "root": Caller(self, "admin", 0, 0),
            "root without groups": Caller(self, "admin", 0, NOBODY),
            "the socket's group, primary": Caller(self, "operator", 61001, gid(SOCKET_GROUP)),
            "the socket's group, supplementary": Caller(self, "operator", 61002, NOBODY, gid("tty"), gid(SOCKET_GROUP)),
            "a user who is a viewer": Caller(self, "viewer", VIEWER_ID, NOBODY),
            "a viewer in the socket's group": Caller(self, "operator", VIEWER_ID, NOBODY, gid(SOCKET_GROUP)),
            "operators, primary": Caller(self, "operator", 61003, gid(OPERATORS)),
            "operators, supplementary": Caller(self, "operator", 61004, NOBODY, gid(OPERATORS)),
            "admins, primary": Caller(self, "admin", 61005, gid(ADMINS)),
            "admins, supplementary and among others": Caller(self, "admin", 61006, gid(OPERATORS), gid(SOCKET_GROUP), gid(ADMINS)),
            "a stranger": Caller(self, "stranger", 61007, NOBODY),
            "a stranger in other groups": Caller(self, "stranger", 61008, gid("tty"), gid("disk"), gid("video")),
        }

    def audit_lines(self):
        return [json.loads(line) for line in self.daemon.audit.read_text().splitlines()] if self.daemon.audit.exists() else []

    def test_each_may_do_what_its_role_allows_and_each_request_is_audited(self):
        daemon = self.own_daemon().start()
        self.over = daemon.post_job("198.18.64.0/30", ports="80", rate=1000)
        daemon.reach(self.over, "finished")
        for name, caller in self.callers().items():
            with self.subTest(who=name):
                # Another's job, which belongs to root, and to somebody else where root itself asks.
                self.check(caller, self.others_job(caller))
                daemon.clear()

    def others_job(self, caller):
        if caller.uid != 0:
            return self.daemon.ask("POST", "/v1/jobs", self.request, 201)["id"]
        other = Caller(self, "operator", 61009, gid(SOCKET_GROUP))
        status, body = other("POST", "/v1/jobs", self.request)
        self.assertEqual(status, 201, body)
        end_quietly(other.process)
        return json.loads(body)["id"]

    def check(self, caller, others):
        """All requests of one caller, in an order in which each fits the job's state."""
        before = len(self.audit_lines())
        self.made = []

        def expect(least, method, route, body=None, command=None, targets=None, status=200):
            """Whoever has less than this role is refused."""
            got, text = caller(method, route, body)
            allowed = ROLES.index(caller.role) >= ROLES.index(least)
            self.assertEqual(got, status if allowed else 403, f"{method} {route} {body}: {text[:300]}")
            if not allowed:
                self.assertEqual(json.loads(text)["kind"], "refused")
            self.made.append((allowed, got, command, targets, f"{method} {route}"))
            return json.loads(text)["id"] if allowed and least == "operator" and route == "/v1/jobs" else None

        for route in ("/v1/status", "/v1/openapi.json", "/v1/jobs", f"/v1/jobs/{others}", f"/v1/jobs/{self.over}/events",
                      f"/v1/jobs/{others}/findings"):
            expect("viewer", "GET", route)
        expect("viewer", "POST", "/v1/plans", self.request)
        own = expect("operator", "POST", "/v1/jobs", self.request, command="submit", targets=self.request["targets"], status=201)
        expect("admin", "POST", "/v1/jobs", {**self.request, "priority": "high"}, command="submit", targets=self.request["targets"],
               status=201)
        # Nobody gets around that by steering a job of their own, where they can have one.
        for job, least in ((own, "operator"), (others, "admin")):
            if job is None:
                continue
            expect(least, "POST", f"/v1/jobs/{job}/pause", command="pause")
            expect(least, "POST", f"/v1/jobs/{job}/resume", command="resume")
            expect(least, "PATCH", f"/v1/jobs/{job}", {"rate": 2})
            expect(least, "PATCH", f"/v1/jobs/{job}", {"priority": "low"})
            expect(least, "PATCH", f"/v1/jobs/{job}", {"priority": "normal"})
            expect("admin", "PATCH", f"/v1/jobs/{job}", {"priority": "high"})
            expect("admin", "PATCH", f"/v1/jobs/{job}", {"priority": "high", "rate": 1})
            expect(least, "POST", f"/v1/jobs/{job}/cancel", command="cancel")
            expect(least, "DELETE", f"/v1/jobs/{job}", command="delete")
        expect("admin", "POST", "/v1/reload", command="reload")
        expect("admin", "POST", "/v1/reopen", command="reopen")
        expect("admin", "POST", "/v1/halt", command="halt")
        expect("admin", "POST", "/v1/unhalt", command="unhalt")
        self.assert_audited(caller, before)

    def assert_audited(self, caller, before):
        """Exactly one line for each request, in order, that says who asked for what and whether it was allowed."""
        mine = lambda: [line for line in self.audit_lines()[before:] if line["pid"] == caller.process.pid]
        wait_until(lambda: len(mine()) >= len(self.made), 5, f"{len(self.made)} audit lines, not {len(mine())}")
        time.sleep(0.05)
        lines = mine()
        self.assertEqual(len(lines), len(self.made))
        for line, (allowed, status, command, targets, request) in zip(lines, self.made):
            self.assertEqual((line["v"], line["uid"], line["verdict"], line["status"]),
                             (1, caller.uid, "allowed" if allowed else "refused", status), f"{request}: {line}")
            self.assertTrue(line["command"])
            if command:
                self.assertEqual(line["command"], command, request)
            if targets and caller.role in ("operator", "admin"):  # of others the body is not even read
                self.assertEqual(line["targets"], targets)
            if caller.role != "stranger":
                self.assertEqual(line["role"], caller.role)
            if not allowed:
                self.assertTrue(line["reason"], line)
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")

    def test_the_audit_log_is_roots_alone_and_is_rotated(self):
        daemon = self.own_daemon().start()
        status = daemon.audit.stat()
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_uid), (0o600, 0))
        daemon.ask("GET", "/v1/jobs")
        rotated = daemon.audit.rename(f"{daemon.audit}.1")
        daemon.ask("POST", "/v1/reopen")
        before = rotated.read_text()
        daemon.ask("GET", "/v1/jobs")
        wait_until(lambda: daemon.audit.exists() and daemon.audit.read_text(), 5, "lines in the new file")
        self.assertEqual(rotated.read_text(), before)
        self.assertEqual(stat.S_IMODE(daemon.audit.stat().st_mode), 0o600)

    def test_a_submission_outside_the_scope_is_audited_with_its_targets(self):
        daemon = self.own_daemon().start()
        daemon.run("scan", "203.0.113.0/24", "-p", "80", "--detach")
        line = wait_until(lambda: [line for line in self.audit_lines() if line["command"] == "submit"], 5, "an audit line")[0]
        self.assertEqual((line["targets"], line["verdict"], line["status"]), (["203.0.113.0/24"], "refused", 403))
        self.assertIn("203.0.113", line["reason"])


class Strangers(LabTest):
    """Without [control.roles]."""

    shares_daemon = False
    sections = {"control": {"group": SOCKET_GROUP}}

    def test_only_root_and_the_sockets_group_get_to_the_socket(self):
        self.own_daemon().start()
        mode = stat.S_IMODE(self.daemon.socket.stat().st_mode)
        self.assertEqual((mode, self.daemon.socket.stat().st_gid), (0o660, gid(SOCKET_GROUP)))
        self.assertEqual(Caller(self, "stranger", 61007, NOBODY, gid("tty"))("GET", "/v1/status"), (0, "PermissionError"))
        for caller in Caller(self, "operator", 61001, gid(SOCKET_GROUP)), Caller(self, "operator", 61002, NOBODY, gid(SOCKET_GROUP)):
            status, body = caller("GET", "/v1/status")
            self.assertEqual((status, json.loads(body)["role"]), (200, "operator"))


    def test_a_role_that_is_given_by_a_reload_opens_the_socket(self):
        daemon = self.own_daemon().start()
        daemon.sections["control.roles"] = {"viewer": [VIEWER]}
        daemon.configure()
        self.assertIn("control.roles.viewer", daemon.run("reload").out)
        self.assertEqual(Caller(self, "viewer", VIEWER_ID, NOBODY)("GET", "/v1/status")[0], 200)
        del daemon.sections["control.roles"]
        daemon.configure()
        daemon.run("reload")
        self.assertEqual(Caller(self, "stranger", VIEWER_ID, NOBODY)("GET", "/v1/status"), (0, "PermissionError"))


    def test_a_stream_ends_when_its_readers_role_does(self):
        daemon = self.own_daemon(**{"control.roles": {"viewer": [VIEWER]}}).start()
        job = daemon.post_job("198.18.64.0/24", ports="80", rate=1)
        read = "import socket,sys; c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1]); c.sendall(sys.argv[2].encode())\n" \
            "while piece := c.recv(65536): print(len(piece), flush=True)\nprint('over', flush=True)"
        request = f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: x\r\n\r\n"
        readers = {who: subprocess.Popen(["/usr/bin/python3", "-I", "-S", "-c", read, str(daemon.socket), request],
                                         user=who, group=NOBODY, extra_groups=[], cwd="/", stdout=subprocess.PIPE, text=True)
                   for who in (VIEWER_ID, 0)}
        for reader in readers.values():
            self.addCleanup(end_quietly, reader)
            self.assertGreater(int(reader.stdout.readline()), 0)
        del daemon.sections["control.roles"]
        daemon.configure()
        daemon.process.send_signal(signal.SIGHUP)
        self.assertEqual(readers[VIEWER_ID].stdout.read().splitlines()[-1], "over")
        self.assertIsNone(readers[0].poll())
        line = wait_until(lambda: [line for line in map(json.loads, daemon.audit.read_text().splitlines()) if line["command"] == "reload"],
                          5, "the reload is audited")[0]
        self.assertEqual((line["verdict"], line["reason"]), ("allowed", "SIGHUP"))
        daemon.clear()


class Limits(LabTest):
    """What one user may have at a time."""

    shares_daemon = False
    sections = {
        "control": {"group": SOCKET_GROUP},
        "limits": {"max_rate": 1000, "max_running_jobs": 8, "per_user_queued": 3, "per_user_running": 1, "per_user_followers": 2},
    }
    request = Roles.request

    def setUp(self):
        super().setUp()
        self.own_daemon().start()
        self.addCleanup(self.daemon.clear)
        self.user = Caller(self, "operator", 61001, gid(SOCKET_GROUP))
        self.same = Caller(self, "operator", 61001, NOBODY, gid(SOCKET_GROUP))
        self.other = Caller(self, "operator", 61002, gid(SOCKET_GROUP))
        self.root = Caller(self, "admin", 0, 0)

    def submit(self, caller, status=201):
        got, body = caller("POST", "/v1/jobs", self.request)
        self.assertEqual(got, status, body)
        return json.loads(body).get("id", json.loads(body).get("kind"))

    def test_a_user_has_one_job_running_and_three_waiting_and_the_next_is_refused(self):
        jobs = [self.submit(self.user)]
        self.daemon.reach(jobs[0], "running")
        jobs += [self.submit(self.user) for _ in range(3)]
        self.assertEqual(self.submit(self.same, 429), "limit")
        self.assertEqual([self.daemon.state(job) for job in jobs], ["running", "queued", "queued", "queued"])
        # What others and admins do is none of this user's business.
        self.daemon.reach(self.submit(self.other), "running")
        for _ in range(5):
            self.daemon.reach(self.submit(self.root), "running")
        lines = [json.loads(line) for line in self.daemon.audit.read_text().splitlines()]
        refused = [line for line in lines if line["verdict"] == "refused"]
        self.assertEqual([(line["uid"], line["status"], line["targets"]) for line in refused], [(61001, 429, self.request["targets"])])
        # A place that gets free can be taken.
        self.assertEqual(self.user("POST", f"/v1/jobs/{jobs[3]}/cancel")[0], 200)
        self.submit(self.user)
        self.assertEqual(self.user("DELETE", f"/v1/jobs/{jobs[0]}")[0], 200)
        self.daemon.reach(jobs[1], "running")

    def test_submissions_at_the_same_time_do_not_slip_through(self):
        callers = [Caller(self, "operator", 61001, gid(SOCKET_GROUP)) for _ in range(12)]
        results = []
        threads = [threading.Thread(target=lambda caller=caller: results.append(caller("POST", "/v1/jobs", self.request)[0])) for caller in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One that runs and three that wait.
        self.assertIn(results.count(201), (3, 4), results)
        self.assertEqual(results.count(201) + results.count(429), 12, results)

    def test_a_user_follows_two_jobs_at_a_time_and_the_next_is_refused(self):
        job = self.submit(self.root)
        self.daemon.reach(job, "running")
        events = f"/v1/jobs/{job}/events"
        for caller in self.user, self.same:
            self.assertEqual(caller("GET", events, stays=True)[0], 200)
        status, body = self.same("GET", events)
        self.assertEqual((status, json.loads(body)["kind"]), (429, "limit"))
        for caller in self.other, self.root, self.root, self.root:
            self.assertEqual(caller("GET", events, stays=True)[0], 200)
        end_quietly(self.same.process)
        wait_until(lambda: self.user("GET", events)[0] == 200, 5, "a place is free again")
