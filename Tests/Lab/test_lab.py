"""The lab itself keeps its promises: without synscan, with nmap and plain senders."""

import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml

from harness import HERE, Lab, addresses

KINDS = {
    "net-unreachable": "net-unreach", "host-unreachable": "host-unreach", "prot-unreachable": "proto-unreach",
    "port-unreachable": "port-unreach", "net-prohibited": "net-prohibited", "host-prohibited": "host-prohibited",
    "admin-prohibited": "admin-prohibited",
}

KINDS6 = {"no-route": "no-route", "addr-unreachable": "host-unreach", "port-unreachable": "port-unreach", "admin-prohibited": "admin-prohibited"}


def nmap(lab, ports, *targets):
    """What nmap tells of each target: (address, port) → (state, reason)."""
    family = ["-6"] if any(":" in target for target in targets) else []
    command = lab.near("nmap", *family, "-sS", "-Pn", "-n", "-T4", "--max-retries", 2, "--reason", "-oX", "-", "-p", ports, *targets)
    report = xml.fromstring(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    found = {}
    for host in report.iter("host"):
        address = host.find("address").get("addr")
        for group in host.iter("extraports"):
            for reason in group.iter("extrareasons"):
                for part in reason.get("ports").split(","):
                    low, _, high = part.partition("-")
                    for port in range(int(low), int(high or low) + 1):
                        found[address, port] = group.get("state"), reason.get("reason")
        for port in host.iter("port"):
            state = port.find("state")
            found[address, int(port.get("portid"))] = state.get("state"), state.get("reason")
    return found


def burst(lab, rate, count, port, targets="198.18.64.0-198.18.79.255"):
    subprocess.run(lab.near(sys.executable, HERE / "burst.py", rate, count, port, targets), check=True)
    time.sleep(0.2)


class LabItself(unittest.TestCase):
    alone = True

    def setUp(self):
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.lab("open", 80)

    def test_nmap_sees_every_declared_state_and_reason(self):
        expected = {(address, port): ("open", "syn-ack") if port == 80 else ("closed", "reset")
                    for address in addresses("198.18.64.0", 32) for port in (79, 80)}
        self.lab("silent", "198.18.64.1", "198.18.64.2:80")
        self.lab("closed", "198.18.64.3-198.18.64.4:80")
        expected["198.18.64.1", 79] = expected["198.18.64.1", 80] = expected["198.18.64.2", 80] = "filtered", "no-response"
        expected["198.18.64.3", 80] = expected["198.18.64.4", 80] = "closed", "reset"
        for address, (kind, reason) in zip(addresses("198.18.64.16", len(KINDS)), KINDS.items()):
            self.lab("reject", kind, f"{address}:80")
            expected[address, 80] = "filtered", reason
        self.assertEqual(nmap(self.lab, "79-80", "198.18.64.0/27"), expected)

    def test_nmap_sees_every_declared_state_and_reason_over_ipv6_too(self):
        lab = Lab("2001:2:0:40::/116")
        self.addCleanup(lab.close)
        lab("open", 80)
        expected = {(address, port): ("open", "syn-ack") if port == 80 else ("closed", "reset")
                    for address in addresses("2001:2:0:40::", 32) for port in (79, 80)}
        lab("silent", "2001:2:0:40::1", "[2001:2:0:40::2]:80")
        lab("closed", "[2001:2:0:40::3-2001:2:0:40::4]:80")
        expected["2001:2:0:40::1", 79] = expected["2001:2:0:40::1", 80] = expected["2001:2:0:40::2", 80] = "filtered", "no-response"
        expected["2001:2:0:40::3", 80] = expected["2001:2:0:40::4", 80] = "closed", "reset"
        for address, (kind, reason) in zip(addresses("2001:2:0:40::10", len(KINDS6)), KINDS6.items()):
            lab("reject", kind, f"[{address}]:80")
            expected[address, 80] = "filtered", reason
        self.assertEqual(nmap(lab, "79-80", "2001:2:0:40::/123"), expected)
        self.assertEqual(lab.counters()["stray"], 0)
        for strays, target in enumerate(("2001:2:0:41::", "2001:2::3", "fe80::7%near0"), start=1):
            subprocess.run(lab.near("nmap", "-6", "-sS", "-Pn", "-n", "--max-retries", 0, "-p", 80, target), capture_output=True)
            self.assertGreaterEqual(lab.counters()["stray"], strays, target)

    def test_no_syn_and_no_answer_is_lost_at_20000_a_second(self):
        burst(self.lab, 20_000, 60_000, 80)
        counted = self.lab.counters()
        # Each answer that reaches the near side makes its kernel send a reset.
        self.assertEqual((counted["syn"], counted["rst"]), (60_000, 60_000))

    def test_loss_hits_so_many_packets_each_way(self):
        self.lab("loss", 5)
        burst(self.lab, 20_000, 40_000, 80)
        answered = self.lab.counters()["rst"]
        expected, deviation = 40_000 * 0.95**2, math.sqrt(40_000 * 0.95**2 * (1 - 0.95**2))
        self.assertLess(abs(answered - expected), 5 * deviation, f"{answered} of 40000 answered")

    def test_the_policer_lets_its_rate_through(self):
        self.lab("limit", 5000, 50)
        with self.lab.arrivals() as times:
            burst(self.lab, 20_000, 40_000, 80)
        counted = self.lab.counters()
        ideal = 5000 * (times[-1] - times[0]) + 50
        self.assertEqual(counted["syn"], 40_000)
        self.assertLess(counted["rst"], 1.01 * ideal)
        self.assertGreater(counted["rst"], 0.9 * ideal)  # what a stalling sender left unused

    def test_a_delay_is_uniform_and_loses_nothing(self):
        self.lab("delay", 300, 100)
        burst(self.lab, 1000, 1, 80)  # resolves the gateway, which takes its time, too
        time.sleep(0.5)
        self.lab("reset")
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "both.pcap")
            capture = subprocess.Popen(
                self.lab.near("tcpdump", "-i", "near0", "-n", "-U", "-B", "65536", "-s", "60", "-Z", "root", "-w", path, "tcp[13] & 2 != 0"),
                stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(0.5)
            burst(self.lab, 20_000, 20_000, 80)
            time.sleep(1.5)  # the delay, and up to a second until tcpdump sees the last packets
            capture.terminate()
            capture.wait()
            trips = round_trips(path.read_bytes())
        self.assertEqual(self.lab.counters()["rst"], 20_000)
        self.assertEqual(len(trips), 20_000)
        trips.sort()
        self.assertGreater(trips[0], 0.199)
        for share in (0.01, 0.25, 0.5, 0.75, 0.99):
            self.assertAlmostEqual(trips[round(share * 19_999)], 0.2 + 0.2 * share, delta=0.02, msg=f"quantile {share}")

    def test_a_policer_counts_only_syns_or_all_packets(self):
        command = self.lab.near("nmap", "-sA", "-Pn", "-n", "--max-retries", 0, "--min-rate", 1000, "-oG", "-", "-p", "1000-1199", "198.18.64.1")
        for burst_and_kind, least, most in ((5,), 200, 200), ((5, "all"), 4, 20):
            self.lab("limit", 1, *burst_and_kind)
            report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            answered = report.count("/unfiltered/") + sum(map(int, re.findall(r" unfiltered \((\d+)\)", report)))
            self.assertTrue(least <= answered <= most, (answered, report))

    def test_a_full_queue_drops_what_comes_last(self):
        self.lab("queue", 2000, 500)
        burst(self.lab, 10_000, 10_000, 79)
        time.sleep(1)
        # A second of it passes while they are sent, and half a second of it has room to wait.
        answered = int(re.search(r"back: (\d+) frames", self.removed_relay())[1])
        self.assertTrue(2700 < answered < 3500, answered)

    def removed_relay(self):
        return subprocess.run([HERE / "lab", "queue", "0", "0"], env=self.lab.environment, check=True, capture_output=True, text=True).stderr

    def test_one_address_answers_no_faster_than_it_may(self):
        self.lab("answers", 100, "198.18.64.5")
        for target in "198.18.64.5", "198.18.64.6":
            burst(self.lab, 1000, 2000, 80, target)
        answered = self.lab.counters()["rst"]
        self.assertTrue(2150 < answered < 2400, answered)

    def test_only_what_is_named_answers(self):
        self.lab("only", "198.18.64.2:80", "198.18.64.3:79")
        expected = {(address, port): ("filtered", "no-response") for address in addresses("198.18.64.0", 8) for port in (79, 80)}
        expected["198.18.64.2", 80], expected["198.18.64.3", 79] = ("open", "syn-ack"), ("closed", "reset")
        self.assertEqual(nmap(self.lab, "79-80", "198.18.64.0/29"), expected)
        self.lab("clear")
        self.assertEqual(nmap(self.lab, "80", "198.18.64.1"), {("198.18.64.1", 80): ("open", "syn-ack")})

    def test_only_some_hosts_lose_packets(self):
        self.lab("loss", 50, "198.18.64.0/24")
        answered = []
        for network in "198.18.64.0-198.18.64.255", "198.18.65.0-198.18.65.255":
            self.lab("reset")
            burst(self.lab, 5000, 5000, 80, network)
            answered.append(self.lab.counters()["rst"])
        self.assertTrue(1000 < answered[0] < 1500, answered)  # half of the SYNs, and half of the answers to those
        self.assertEqual(answered[1], 5000)

    def test_a_packet_beside_the_scope_moves_the_stray_counter(self):
        self.lab("scope", "198.18.64.0/24", "except", "198.18.64.9", "198.18.64.16/28")
        burst(self.lab, 1000, 1, 79, "198.18.64.8")
        self.assertEqual(self.lab.counters()["stray"], 0)
        # Outside the scope, inside the exclusions, beside the prefix, and on the near side's own link (an ARP request).
        for strays, address in enumerate(("198.18.65.1", "198.18.64.9", "198.18.64.31", "198.19.200.1", "198.18.0.77"), start=1):
            burst(self.lab, 1000, 1, 79, address)
            self.assertEqual(self.lab.counters()["stray"], strays, address)

    def test_nothing_remains_of_a_lab_that_is_down(self):
        sleeper = subprocess.Popen(self.lab.near("sleep", "600"))
        self.addCleanup(sleeper.wait)
        self.lab("delay", 10)
        self.lab.close()
        for _ in range(2):
            self.lab("down")
        self.assertNotIn(self.lab.suffix, subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout)
        self.assertEqual(list(pathlib.Path(tempfile.gettempdir()).glob(f"*{self.lab.suffix}*")), [])
        processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
        self.assertIsNone(re.search(rf"synscan-lab-{self.lab.suffix}", processes))

    def test_labs_run_side_by_side(self):
        other = Lab()
        self.addCleanup(other.close)
        burst(self.lab, 1000, 10, 80)
        self.assertEqual((self.lab.counters()["syn"], other.counters()["syn"]), (10, 0))


def round_trips(capture):
    """Seconds between each SYN and its first answer in a capture file."""
    sent, trips, offset = {}, [], 24
    while offset < len(capture):
        seconds, microseconds, length = (int.from_bytes(capture[offset + i:offset + i + 4], "little") for i in (0, 4, 8))
        frame, when = capture[offset + 16:offset + 16 + length], seconds + microseconds / 1e6
        offset += 16 + length
        if frame[47] == 0x02:
            sent[frame[30:34], frame[34:36]] = when
        elif (key := (frame[26:30], frame[36:38])) in sent:
            trips.append(when - sent.pop(key))
    return trips


if __name__ == "__main__":
    unittest.main()
