"""What is said of whole hosts, and of answers that contradict each other."""

import collections
import json
import subprocess
import sys

from harness import HERE, LabTest, end_quietly, wait_until

FLOODED = "198.18.64.77"


class Hosts(LabTest):
    open_ports = ["1000-1004"]
    shares_daemon = False
    sections = {"limits": {"max_rate": 50_000}}

    def tearDown(self):
        super().tearDown()
        self.lab("clear")

    def hosts(self, job, state):
        return [line for line in self.daemon.lines(job, "host") if line["state"] == state]

    def assert_flood(self, job):
        """One event for the host that answers everything, a bounded number of its ports, and all ports of the others."""
        events = self.hosts(job, "answers-everything")
        self.assertEqual([line["address"] for line in events], [FLOODED])
        self.assertGreaterEqual(events[0]["open_ports"], 256)
        self.assertGreaterEqual(events[0]["sampled_open"], 0.9 * events[0]["sampled"])
        found = collections.Counter(line["address"] for line in self.daemon.lines(job, "port"))
        self.assertLess(found.pop(FLOODED), 1000)
        self.assertEqual(set(found.values()), {5})
        return len(found)

    def test_a_host_that_answers_everything_is_one_event_and_the_others_are_complete(self):
        self.lab("everything", 1000, FLOODED)
        self.own_daemon().start()
        result, job = self.scan("198.18.64.0-198.18.64.200", "-p", "900-2399", "--rate", 50_000)
        self.assertEqual(self.assert_flood(job), 200)
        account = self.assert_account(job, closed=200 * 1495, filtered=0, hosts_answering_everything=1)
        self.assertGreater(account["untested"], 500)
        self.assertIn("1 host answers everything", result.err)
        self.assertRegex(result.out, rf"{FLOODED} +host +answers-everything +syn-ack from [0-9,]+ ports, the rest untested")

    def test_it_is_one_event_across_a_kill_too(self):
        self.lab("everything", 1000, FLOODED)
        self.own_daemon().start()
        job = self.daemon.submit("198.18.64.0-198.18.64.99", "-p", "900-1899", "--rate", 20_000)
        wait_until(lambda: self.hosts(job, "answers-everything"), 20, "the event")
        self.daemon.kill()
        self.daemon.start()
        self.daemon.finish(job)
        self.assertEqual(self.assert_flood(job), 99)
        self.assert_account(job, hosts_answering_everything=1)

    def test_all_of_it_is_reported_when_that_is_asked_for(self):
        self.lab("everything", 1000, FLOODED)
        self.own_daemon().start()
        _, job = self.scan(FLOODED, "-p", "900-2899", "--report-all")
        self.assert_account(job, open=2000, untested=0, hosts_answering_everything=None)
        self.assertEqual(len(self.daemon.lines(job, "port")), 2000)
        self.assertEqual(self.daemon.lines(job, "host"), [])

    def test_hundreds_of_open_ports_among_closed_ones_are_what_they_are(self):
        self.lab("listen", "far", "198.18.66.5", "2000-2599")
        self.own_daemon().start()
        _, job = self.scan("198.18.66.5", "-p", "1-6000")
        self.assert_account(job, open=605, closed=5395, untested=0, hosts_answering_everything=None)

    def test_each_host_is_up_or_down_when_that_is_asked_for(self):
        self.lab("silent", "198.18.64.3", "198.18.64.4")
        self.lab("reject", "host-unreachable", "198.18.64.9")
        self.own_daemon().start()
        _, job = self.scan("198.18.64.0/28", "-p", "1000-1009", "--report-hosts")
        up = {line["address"]: line["reason"] for line in self.hosts(job, "up")}
        down = {line["address"]: line["reason"] for line in self.hosts(job, "down")}
        self.assertEqual(down, {"198.18.64.3": "no-response", "198.18.64.4": "no-response"})
        self.assertEqual(len(up), 14)
        self.assertLessEqual(set(up.values()), {"syn-ack", "reset", "host-unreach"})
        self.assertEqual(up["198.18.64.9"], "host-unreach", "it says so itself")
        listed = [json.loads(line) for line in self.daemon.run("results", job, "--json").out.splitlines()]
        self.assertEqual(sum("port" not in line for line in listed), 16)
        _, job = self.scan("198.18.64.0/28", "-p", "1000-1009")
        self.assertEqual(self.daemon.lines(job, "host"), [])

    def test_answers_that_contradict_each_other_are_kept_on_the_finding(self):
        self.own_daemon().start()
        targets = ["198.18.64.20:1000", "198.18.64.20:1009"]
        command = self.lab.far(sys.executable, "-B", HERE / "contradict.py", "far0", 20, *targets)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.addCleanup(end_quietly, process)
        self.assertEqual(process.stdout.readline(), "ready\n")
        # A silent target makes the scan wait for late answers.
        self.lab("silent", "198.18.64.21:1005")
        _, job = self.scan("198.18.64.20-21", "-p", "1000-1009")
        found = {(line["address"], line["port"]): line for line in self.daemon.lines(job, "port")}
        # An open port that answered from two distances: the finding was logged, the contradiction follows.
        [conflict] = self.daemon.lines(job, "conflict")
        self.assertEqual((conflict["port"], conflict["state"], conflict["conflict"]), (1000, "open", "syn-ack ttl 33"))
        self.assertNotIn("conflict", found["198.18.64.20", 1000])
        # A closed port, of no interest by itself, that claims to be open afterwards.
        closed = found["198.18.64.20", 1009]
        self.assertEqual((closed["state"], closed["reason"], closed["conflict"]), ("closed", "reset", "syn-ack ttl 33"))
        self.assertIn("reset, then syn-ack ttl 33", self.daemon.run("results", job).out)
