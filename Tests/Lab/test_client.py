"""The client's commands, and what the results log says."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import time

from harness import LabTest, wait_until


class Client(LabTest):
    open_ports = [22, 80]

    def test_scan_shows_a_table_and_a_summary(self):
        result, _ = self.scan("198.18.64.0/30", "-p", "22,80,81", "--name", "table")
        rows = [line.split() for line in result.out.splitlines()]
        self.assertEqual(rows[0][:4], ["ADDRESS", "PORT", "STATE", "REASON"])
        self.assertEqual(rows[1][:4], ["198.18.64.0", "22/tcp", "open", "syn-ack"])
        self.assertEqual(len(rows), 1 + 8)
        self.assertRegex(result.err, r"8 open, 4 closed of 12 targets")
        self.assertNotIn("\x1b", result.out + result.err)

    def test_every_command_speaks_json(self):
        scan = self.daemon.run("scan", "198.18.64.1", "-p", "22,23", "--json")
        *findings, job = map(json.loads, scan.out.splitlines())
        self.assertEqual([(row["address"], row["port"], row["state"]) for row in findings], [("198.18.64.1", 22, "open")])
        self.assertEqual((job["state"], job["account"]["targets"]), ("finished", 2))
        self.assertEqual(json.loads(self.daemon.run("show", job["id"], "--json").out)["id"], job["id"])
        self.assertIn(job["id"], [each["id"] for each in self.daemon.jobs()])
        self.assertEqual(json.loads(self.daemon.run("follow", job["id"], "--json").out.splitlines()[-1])["state"], "finished")
        self.assertEqual(json.loads(self.daemon.run("status", "--json").out)["pid"], self.daemon.process.pid)
        plan = json.loads(self.daemon.run("plan", "198.18.64.1", "-p", "22,23", "--json").out)
        self.assertEqual((plan["targets"], plan["paths"][0]["interface"], plan["paths"][0]["next_hop"]), (2, "near0", "198.18.0.2"))

    def test_a_detached_job_goes_on_and_is_found_by_its_name(self):
        result = self.daemon.run("scan", "198.18.64.0/28", "-p", "80", "--detach", "--name", "by-itself")
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(self.daemon.run("follow", "by-itself").code, 0)
        self.assertEqual(len(self.daemon.findings("by-itself")), 16)

    def test_a_cancelled_job_ends_at_once_and_says_so(self):
        follower = subprocess.Popen(self.daemon.synscan("scan", "198.18.64.0/24", "-p", "22", "--rate", "10", "--name", "slow"),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: self.lab.counters()["syn"] > 3, 5, "the scan runs")
        self.assertEqual(self.daemon.run("cancel", "slow").code, 0)
        _, errors = follower.communicate(timeout=5)
        self.assertEqual(follower.returncode, 1, errors)
        sent = self.lab.counters()["syn"]
        time.sleep(0.5)
        self.assertEqual(self.lab.counters()["syn"], sent)
        self.assertEqual(self.daemon.job("slow")["state"], "cancelled")
        self.assertEqual([line["event"] for line in self.daemon.lines(self.daemon.last_job())][-1], "job.cancelled")

    def test_an_interrupt_without_a_terminal_detaches(self):
        follower = subprocess.Popen(self.daemon.synscan("scan", "198.18.64.0/26", "-p", "22", "--rate", "40"),
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        wait_until(lambda: self.lab.counters()["syn"] > 3, 5, "the scan runs")
        follower.send_signal(signal.SIGINT)
        _, errors = follower.communicate(timeout=5)
        self.assertEqual(follower.returncode, 0)
        self.assertIn(b"Detached", errors)
        self.assertEqual(self.daemon.finish(self.daemon.last_job())["state"], "finished")

    def test_an_interrupt_on_a_terminal_asks_and_can_cancel_or_detach(self):
        # The scan to be cancelled is long enough not to end before that on a busy machine.
        cases = ((b"c\n", 1, "cancelled", "198.18.64.0/22"), (b"d\n", 0, "finished", "198.18.64.0/26"), (b"\x03", 0, "finished", "198.18.64.0/26"))
        for answer, code, state, targets in cases:
            with self.subTest(answer=answer):
                self.lab("reset")
                process, terminal = pty.fork()
                if process == 0:
                    command = self.daemon.synscan("scan", targets, "-p", "22", "--rate", "40")
                    os.execvp(command[0], list(map(str, command)))
                wait_until(lambda: self.lab.counters()["syn"] > 3, 5, "the scan runs")
                os.write(terminal, b"\x03")
                read_until(terminal, rb"\[d\]etach")
                os.write(terminal, answer)
                read_until(terminal, None)
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), code)
                os.close(terminal)
                self.assertEqual(self.daemon.finish(self.daemon.last_job())["state"], state)

    def test_the_results_log_has_the_documented_lines_in_order(self):
        result = self.daemon.run("scan", "198.18.64.9", "-p", "22,23", "--name", "logged")
        self.assertEqual(result.code, 0, result.err)
        job = self.daemon.last_job()
        lines = self.daemon.lines(job)
        self.assertEqual([line["event"] for line in lines], ["job.queued", "job.started", "port", "job.finished"])
        for line in lines:
            self.assertEqual((line["v"], line["hostname"], line["job"], line["name"]), (1, socket.gethostname(), job, "logged"))
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        found = lines[2]
        self.assertEqual(
            {key: found[key] for key in ("address", "port", "protocol", "state", "reason", "ttl", "attempt", "service", "port_class", "interface")},
            {"address": "198.18.64.9", "port": 22, "protocol": "tcp", "state": "open", "reason": "syn-ack", "ttl": 64, "attempt": 0,
             "service": "ssh", "port_class": "well-known", "interface": "near0"})
        self.assertGreater(found["rtt_ms"], 0)
        self.assertLess(found["rtt_ms"], 1000)
        numbers = [line["seq"] for line in self.daemon.lines()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_the_socket_may_be_named_by_the_environment(self):
        command = self.lab.near("env", f"SYNSCAN_SOCKET={self.daemon.socket}", *self.daemon.synscan("status")[4:-2])
        self.assertEqual(subprocess.run(command, capture_output=True).returncode, 0)


class Silence(LabTest):
    """A daemon that is there and does not answer."""

    lasts = 64
    shares_daemon = False

    def test_every_command_says_so_after_ten_seconds_and_ends_with_4_after_sixty(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/24", ports="80", rate=1)
        daemon.reach(job, "running")
        commands = ["status"], ["halt"], ["reopen"], ["reload"], ["jobs"], ["scan", "198.18.64.1", "-p", "80"], ["wait", job], \
            ["show", job], ["results", job], ["cancel", job], ["plan", "198.18.64.1"], ["scan", "198.18.64.1", "--detach"]
        # One that has heard of the job before.
        follower = subprocess.Popen(daemon.synscan("follow", job), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(2)
        daemon.process.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        try:
            clients = [subprocess.Popen(daemon.synscan(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                       for command in commands] + [follower]
            for command, client in zip([*commands, ["follow"]], clients):
                with self.subTest(command=command):
                    _, errors = client.communicate(timeout=90)
                    self.assertEqual(client.returncode, 4, errors)
                    self.assertIn("has not answered for 10 s", errors)
                    self.assertIn("has not answered for 60 s", errors)
                    self.assertGreater(time.monotonic() - started, 50)
                    # Sixty, and what a busy machine takes besides.
                    self.assertLess(time.monotonic() - started, 90)
        finally:
            daemon.process.send_signal(signal.SIGCONT)
        wait_until(daemon.answers, 10, "the daemon answers again")

    def test_a_quiet_job_is_followed_without_a_word(self):
        daemon = self.own_daemon().start()
        daemon.ask("POST", "/v1/halt")
        job = daemon.post_job("198.18.64.0/24", ports="80")
        follower = subprocess.Popen(daemon.synscan("follow", job), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(14)
        daemon.ask("POST", "/v1/unhalt")
        _, errors = follower.communicate(timeout=30)
        self.assertEqual(follower.returncode, 0, errors)
        self.assertNotIn("answered for", errors)


def read_until(terminal, pattern):
    """Reads what a terminal shows until the pattern matches, or until its end."""
    seen, deadline = b"", time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            piece = b""
        seen += piece
        if (pattern and re.search(pattern, seen)) or not piece:
            return
    raise AssertionError(f"not seen: {pattern} in {seen[-300:]}")
