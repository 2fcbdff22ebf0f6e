"""Hosts and networks whose answers take longer than those of the others: silence is believed only when they would have answered."""

import time
import zlib

from responder import ACK, RST, SYN, Answer, RespondedTest, rst, syn_ack
from test_lab import nmap

OPEN = (22, 80, 443)
PORTS = "22,80,443,1000,1001"
NUMBERS = [int(port) for port in PORTS.split(",")]


class SlowHosts(RespondedTest):
    """`delays` says how long a host takes, by its address and port; everybody else takes 0.3 ms."""

    lasts = 46

    def answer(self, slow):
        """`slow(address, port)` gives seconds, or nothing for a usual host; minus one for silence."""
        def behave(probe):
            if probe.flags & (SYN | ACK | RST) != SYN:
                return ()
            delay = slow(probe.target, probe.port) or 0.0003
            return () if delay < 0 else [Answer(syn_ack(probe) if probe.port in OPEN else rst(probe), delay)]

        self.respond(behave)
        self.start_daemon(results={"states": ["open", "closed", "filtered"]})

    def assert_found(self, targets, *options, silent=(), compare=()):
        started = time.monotonic()
        _, job = self.scan(*targets, "-p", PORTS, *options)
        seconds = time.monotonic() - started
        found = self.daemon.findings(job)
        wrong = {target: row["state"] for target, row in found.items()
                 if row["state"] != ("filtered" if target[0] in silent else "open" if target[1] in OPEN else "closed")}
        self.assertEqual(wrong, {})
        if compare:
            theirs = nmap(self.network, PORTS, *compare)
            self.assertEqual({target: state for target, (state, _) in theirs.items()},
                             {(address, port): found[address, port]["state"] for address in compare for port in NUMBERS})
        return job, seconds

    def test_one_host_of_many(self):
        far = {"198.18.64.7": 0.5, "198.18.66.7": 0.8, "198.18.68.7": 1.2, "198.18.70.7": 1.7}
        self.answer(lambda address, port: far.get(address))
        for address in far:
            with self.subTest(delay=far[address]):
                network = address.rsplit(".", 1)[0]
                job, _ = self.assert_found([f"{network}.1-{network}.32"], compare=[address])
                self.assert_account(job, targets=160, open=96, closed=64, filtered=0)

    def test_a_host_alone(self):
        for delay, options in ((1.2, []), (2.3, []), (1.2, ["--recall", "none"]), (2.3, ["--recall", "none"])):
            with self.subTest(delay=delay, options=options):
                self.answer(lambda address, port: delay)
                self.assert_found(["198.18.64.9"], *options, compare=["198.18.64.9"])
                self.daemon.close()
                self.daemon = None

    def test_a_silent_port_is_waited_for_by_what_its_host_takes(self):
        # The same silent port of a host that answers, of one beside it that does not, and of one that answers after a second.
        self.answer(lambda address, port: -1 if address.endswith(".10") or port == NUMBERS[0] else 1.0 if address.endswith(".11") else None)
        times = {}
        for last in 9, 10, 11:
            started = time.monotonic()
            _, job = self.scan(f"198.18.64.{last}", "-p", PORTS)
            times[last] = time.monotonic() - started
            filtered = sum(row["state"] == "filtered" for row in self.daemon.findings(job).values())
            self.assertEqual(filtered, {9: 1, 10: len(NUMBERS), 11: 1}[last])
        self.assertLess(times[9] + 0.5, times[10], times)
        self.assertLess(times[9] + 0.5, times[11], times)

    def test_a_network_behind_a_satellite(self):
        self.answer(lambda address, port: 0.65 if address.startswith("198.18.65.") else None)
        job, _ = self.assert_found(["198.18.64.0/23"], "--rate", "5000")
        self.assert_account(job, targets=2560, filtered=0, untested=0)

    def test_a_network_behind_a_satellite_that_loses_a_third(self):
        lost = {}

        def slow(address, port):
            if not address.startswith("198.18.65."):
                return None
            # Which probes are lost the numbers decide.
            attempt = lost[address, port] = lost.get((address, port), -1) + 1
            return -1 if zlib.crc32(f"{address} {port} {attempt}".encode()) % 3 == 0 else 0.65

        self.answer(slow)
        job, _ = self.assert_found(["198.18.64.0/25", "198.18.65.0/25"], "--rate", "5000")
        self.assert_account(job, targets=1280, filtered=0)

    def test_only_closed_ports_are_slow(self):
        self.answer(lambda address, port: 1.0 if port not in OPEN else None)
        self.assert_found(["198.18.64.1-198.18.64.8"])

    def test_a_port_that_is_found_late_among_silent_hosts(self):
        self.answer(lambda address, port: 0.9 if address == "198.18.64.5" else -1)
        silent = {f"198.18.64.{number}" for number in range(1, 17)} - {"198.18.64.5"}
        self.assert_found(["198.18.64.1-198.18.64.16"], silent=silent)

    def test_where_nothing_answers_nobody_says_that_the_goal_is_reached(self):
        self.answer(lambda address, port: 9)
        for options in ([], ["--recall", "0.9"]):
            _, job = self.scan("198.18.64.9", "-p", PORTS, *options)
            account = self.assert_account(job, targets=5, filtered=5)
            self.assertNotEqual(account.get("goal_reached"), True)

    def test_who_has_answered_is_not_waited_for(self):
        self.answer(lambda address, port: None)
        _, seconds = self.assert_found(["198.18.64.1-198.18.64.32"])
        account = self.daemon.lines(event="job.finished")[-1]
        self.assertLess(account["seconds"], 0.9, f"the whole took {seconds} s")

    def test_a_pause_while_slow_answers_are_waited_for(self):
        self.answer(lambda address, port: 0.7 if address == "198.18.64.7" else None)
        job = self.daemon.submit("198.18.64.1-198.18.64.32", "-p", PORTS)
        time.sleep(0.4)
        self.daemon.ask("POST", f"/v1/jobs/{job}/pause")
        self.daemon.reach(job, "paused")
        time.sleep(0.6)
        self.daemon.ask("POST", f"/v1/jobs/{job}/resume")
        self.daemon.finish(job)
        self.assert_account(job, targets=160, open=96, closed=64, filtered=0)
