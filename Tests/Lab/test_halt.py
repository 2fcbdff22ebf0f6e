"""`synscan halt`: nothing leaves any more, whatever happens, until `unhalt`."""

import json
import pwd
import shutil
import subprocess
import time

import harness
from harness import HERE, FreezingDisk, LabTest, UnixConnection, end_quietly, wait_until

VIEWER, STRANGER = "games", "proxy"


class HaltTest(LabTest):
    alone = True
    sections = {"limits": {"max_rate": 100_000}}
    shares_daemon = False

    def sent(self):
        return self.lab.counters()["syn"]

    def assert_silence(self, seconds):
        """No SYN arrives from 100 ms after this moment on."""
        time.sleep(0.1)
        before = self.sent()
        time.sleep(seconds)
        self.assertEqual(self.sent() - before, 0, "packets after the halt")


class Halt(HaltTest):
    def test_100000_packets_a_second_stop_within_100_ms_and_stay_so_over_restarts(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/20", ports="1-100", rate=100_000, retries=2)
        while self.sent() < 100_000:
            time.sleep(0.01)
        self.assertEqual(daemon.run("halt").code, 0)
        self.assert_silence(0.5)
        halted = daemon.ask("GET", "/v1/status")["halted"]
        self.assertEqual(halted["uid"], 0)
        self.assertEqual(daemon.terminate()[0], 0)
        daemon.start()
        self.assert_silence(0.5)
        daemon.kill()
        daemon.start()
        self.assert_silence(0.5)
        self.assertEqual(daemon.ask("GET", "/v1/status")["halted"], halted)
        self.assertLess(self.sent(), 409_600)
        self.assertEqual(daemon.run("unhalt").code, 0)
        self.assertNotIn("halted", daemon.ask("GET", "/v1/status"))
        daemon.reach(job, "finished", seconds=60)
        self.assert_account(job, targets=409_600, closed=409_600, open=0, filtered=0, untested=0)

    def test_what_is_submitted_meanwhile_waits_and_says_why(self):
        daemon = self.own_daemon().start()
        daemon.ask("POST", "/v1/halt")
        job = daemon.post_job("198.18.64.0/28", ports="80")
        time.sleep(0.5)
        self.assertEqual(self.sent(), 0)
        self.assertIn(daemon.state(job), ("queued", "waiting"))
        self.assertIn("halt", (daemon.run("status").out + daemon.run("show", job).out).lower())
        daemon.ask("POST", "/v1/halt")  # once more changes nothing
        daemon.ask("POST", "/v1/unhalt")
        daemon.reach(job, "finished")
        self.assert_account(job, targets=16, closed=16)

    def test_a_halt_right_after_a_start_or_a_submission_is_in_time_too(self):
        daemon = self.own_daemon().start()
        for _ in range(5):
            job = daemon.post_job("198.18.64.0/20", ports="1-20", rate=100_000)
            daemon.ask("POST", "/v1/halt")
            self.assert_silence(0.2)
            daemon.ask("POST", "/v1/unhalt")
            daemon.reach(job, "finished", seconds=60)
            self.assert_account(job, targets=81_920, closed=81_920)

    def test_the_file_stops_a_running_daemon_and_its_removal_lets_nothing_leave(self):
        daemon = self.own_daemon().start()
        mark = daemon.data / "store" / "halted"
        for make in (lambda: mark.touch(), lambda: mark.mkdir(), lambda: mark.symlink_to("nowhere"),
                     lambda: (mark.with_name("new").touch(), mark.with_name("new").rename(mark))):
            self.lab("reset")
            job = daemon.post_job("198.18.64.0/20", ports="1-100", rate=100_000)
            wait_until(lambda: self.sent() > 10_000, 20, "the job sends")
            make()
            self.assert_silence(0.3)
            halted = daemon.ask("GET", "/v1/status")["halted"]
            self.assertEqual(halted["uid"], 0)
            self.assertLess(abs(time.time() - mark.lstat().st_mtime), 60)
            mark.rmdir() if mark.is_dir() and not mark.is_symlink() else mark.unlink()
            self.assert_silence(0.3)
            wait_until(mark.is_file, 5, "the file is made again")
            self.assertIn("halted", daemon.ask("GET", "/v1/status"))
            self.assertEqual(daemon.run("unhalt").code, 0)
            self.assertFalse(mark.exists())
            before = self.sent()
            wait_until(lambda: self.sent() > before, 10, "it goes on")
            daemon.ask("POST", f"/v1/jobs/{job}/cancel")
        self.assertIn("Halted by hand", daemon.output())


class HaltUnderAttack(HaltTest):
    """Nobody but an administrator has a say in whether a halt comes through."""

    sections = {**HaltTest.sections, "control": {"group": "adm"}, "control.roles": {"viewer": [VIEWER]}}

    def start(self):
        daemon = self.own_daemon()
        self.disk = FreezingDisk(self, daemon)
        daemon.start()
        found = daemon.post_job("198.18.64.0/20", ports="1-10", rate=100_000, states=["open", "closed"])
        daemon.reach(found, "finished", seconds=60)
        self.scan()
        return daemon

    def scan(self):
        self.daemon.clear()
        self.lab("reset")
        self.daemon.post_job("198.18.64.0/20", ports="1-1000", rate=100_000)
        wait_until(lambda: self.sent() > 20_000, 20, "100,000 packets a second")

    def attack(self, who, kind, count, processes=1):
        program = (HERE / "attacker.py").read_text()
        attackers = [
            subprocess.Popen(["/usr/bin/python3", "-I", "-S", "-c", program, str(self.daemon.socket), kind, str(count // processes)],
                             user=pwd.getpwnam(who).pw_uid, group=65534, extra_groups=[], cwd="/", stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        for attacker in attackers:
            self.addCleanup(end_quietly, attacker)
        for attacker in attackers:
            self.assertEqual(attacker.stdout.readline(), "tried\n")
        return attackers

    def assert_halts(self, *words):
        """By root's socket, and by the command; `words` are what is said beside the halt."""
        before = self.sent()
        time.sleep(0.2)
        self.assertGreater(self.sent(), before, "the scan goes on beside the attack")
        connection = UnixConnection(f"{self.daemon.socket}.root")
        connection.connect()
        connection.sock.sendall(b"POST /v1/halt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assert_silence(0.5)
        answer = connection.sock.recv(1 << 16)
        connection.close()
        self.assertIn(b" 500 " if words else b" 200 ", answer.split(b"\r\n")[0])
        done = self.daemon.run("halt", timeout=30)
        print(f"       synscan halt took {done.seconds:.2f} s", flush=True)
        self.assertEqual(done.code, 1 if words else 0, done.err)
        for word in words:
            self.assertIn(word, done.err)

    def assert_goes_on(self):
        self.assertEqual(self.daemon.run("unhalt", timeout=30).code, 0)
        before = self.sent()
        wait_until(lambda: self.sent() > before, 20, "it goes on")

    def test_8192_connections_of_a_user_without_a_role(self):
        self.start()
        self.attack(STRANGER, "connections", 9000, processes=3)
        self.assert_halts()
        self.assert_goes_on()
        # And by the socket for everybody, where others have to wait for a place.
        program = shutil.copy(harness.binaries / "synscan", self.daemon.directory)
        for _ in range(3):
            done = subprocess.run([program, "status", "--socket", self.daemon.socket], user=pwd.getpwnam(VIEWER).pw_uid, group=65534,
                                  extra_groups=[], cwd="/", capture_output=True, text=True, timeout=90)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_40_heavy_plans_of_a_viewer(self):
        self.start()
        self.attack(VIEWER, "plans", 40)
        self.assert_halts()
        self.assert_goes_on()

    def test_200_streams_of_a_viewer_that_are_not_read(self):
        self.start()
        self.attack(VIEWER, "streams", 200)
        self.assert_halts()
        self.assert_goes_on()

    def test_a_disk_that_answers_nothing(self):
        daemon = self.start()
        self.disk.freeze()
        # What waits for the disk, by several users.
        waiting = [subprocess.Popen(daemon.synscan("status"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(8)]
        for client in waiting:
            self.addCleanup(end_quietly, client)
        time.sleep(1)
        self.assert_halts("would not outlast a restart yet")
        self.disk.thaw()
        wait_until((self.disk.directory / "store" / "halted").exists, 5, "the mark is made when the disk answers")
        self.assertIn("halted", daemon.ask("GET", "/v1/status"))
        for client in waiting:
            self.assertEqual(client.wait(10), 0)
        self.assert_goes_on()
        # Everything that was asked stands in the audit log.
        lines = [json.loads(line) for line in daemon.audit.read_text().splitlines()]
        self.assertGreaterEqual(sum(line["command"] == "status" for line in lines), 8)
        self.assertEqual(sum(line["command"] == "halt" for line in lines), 2)
