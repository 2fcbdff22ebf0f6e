"""Answers that are legal and odd, or contradict each other, beside nmap."""

import struct

from responder import ACK, FIN, PSH, RST, SYN, URG, Answer, RespondedTest, icmp, ipv4, rst, segment, syn_ack
from test_lab import nmap

STATES = {"results": {"states": ["open", "closed", "filtered"]}}


def last(address):
    return int(address.rsplit(".", 1)[1])


class AnswersAfterErrors(RespondedTest):
    """A SYN-ACK or a RST of the target wins over ICMP errors, whichever comes first."""

    # By the last number of the address: what is answered, then what must come of it.
    KINDS = {
        1: ("an error, then the SYN-ACK of the same probe", lambda p: [Answer(icmp(p, 3, 1)), Answer(syn_ack(p), 0.002)], "open", "host-unreach ttl 60"),
        2: ("the SYN-ACK, then an error", lambda p: [Answer(syn_ack(p)), Answer(icmp(p, 3, 1), 0.002)], "open", None),
        3: ("an error, then the RST", lambda p: [Answer(icmp(p, 3, 13)), Answer(rst(p), 0.002)], "closed", "admin-prohibited ttl 60"),
        4: ("the RST, then an error", lambda p: [Answer(rst(p)), Answer(icmp(p, 3, 13), 0.002)], "closed", None),
        5: ("a loop at the first probe", lambda p: [Answer(icmp(p, 11, 0) if p.attempt == 0 else syn_ack(p))], "open", "time-exceeded ttl 60"),
        6: ("one way of two has no route", lambda p: [Answer(icmp(p, 3, 0) if p.source_port % 2 == 0 else syn_ack(p))], "open", None),
        7: ("two errors, then the SYN-ACK", lambda p: [Answer(icmp(p, 3, 1)), Answer(icmp(p, 11, 0), 0.001), Answer(syn_ack(p), 0.002)], "open",
            "host-unreach ttl 60"),
        8: ("an error at every probe", lambda p: [Answer(icmp(p, 3, 1))], "filtered", None),
        9: ("an error, then the SYN-ACK twice from two distances",
            lambda p: [Answer(icmp(p, 3, 1)), Answer(syn_ack(p), 0.002), Answer(syn_ack(p, ttl=9), 0.004)], "open", "host-unreach ttl 60"),
    }

    def behave(self, probe):
        if probe.flags & (SYN | ACK | RST) != SYN:
            return ()
        kind = self.KINDS.get(last(probe.target))
        return kind[1](probe) if kind else [Answer(syn_ack(probe) if probe.port < 30 else rst(probe), 0.0003)]

    def scan_all(self, *options, states=("open", "closed", "filtered")):
        self.respond(self.behave)
        self.start_daemon(results={"states": list(states)})
        return self.scan("198.18.64.1-198.18.64.40", "-p", "22-25", "--rate", "2000", *options)[1]

    def test_the_answer_of_the_target_wins_and_the_contradiction_is_told(self):
        job = self.scan_all()
        found = self.daemon.findings(job)
        for number, (words, _, state, conflict) in self.KINDS.items():
            for port in range(22, 26):
                finding = found[f"198.18.64.{number}", port]
                self.assertEqual(finding["state"], state, words)
                if conflict:
                    self.assertEqual(finding["conflict"], conflict, words)
                if number in (2, 4):
                    self.assertNotIn("conflict", finding, words)
        self.assert_each_superseded_once(job)
        account = self.assert_account(job, open=148, closed=8, filtered=4, targets=160)
        # The account balances for replies, too: each that is no state is a duplicate or a canary's.
        self.assertGreaterEqual(account["replies"], 160 + account["duplicates"])

    def assert_each_superseded_once(self, job):
        """Each target has a line for each state that was told of it, filtered first, and none twice."""
        states = {}
        lines = self.daemon.lines(job, "port")
        for line in lines:
            states.setdefault((line["address"], line["port"]), []).append(line["state"])
        for target, told in states.items():
            self.assertIn(told, (["open"], ["closed"], ["filtered"], ["filtered", "open"], ["filtered", "closed"]), target)
        seqs = [line["seq"] for line in self.daemon.lines()]
        self.assertEqual(seqs, list(range(1, len(seqs) + 1)))

    def test_where_only_open_ports_are_recorded_only_they_are_logged(self):
        job = self.scan_all(states=["open"])
        lines = self.daemon.lines(job, "port")
        self.assertEqual({line["state"] for line in lines}, {"open"})
        open_hosts = [number for number in range(1, 41) if self.KINDS.get(number, ("", None, "open"))[2] == "open"]
        self.assert_logged_once(job, [(f"198.18.64.{number}", port) for number in open_hosts for port in range(22, 26)])
        conflicts = {line.get("conflict") for line in lines if last(line["address"]) == 1}
        self.assertEqual(conflicts, {"host-unreach ttl 60"})

    def test_one_pass_asks_nobody_again(self):
        job = self.scan_all("--recall", "none")
        self.assert_account(job, probes_sent=160)


class FirewalledPorts(RespondedTest):
    """Ports that a firewall rejects are no reason to go on and on."""

    def test_a_host_that_rejects_nearly_everything_is_asked_once(self):
        def behave(probe):
            if probe.flags & (SYN | ACK | RST) == SYN:
                return [Answer(syn_ack(probe) if probe.port < 10 else icmp(probe, 3, 13))]

        self.respond(behave)
        self.start_daemon(**STATES)
        _, job = self.scan("198.18.64.9", "-p", "1-1000", "--rate", "2000")
        account = self.assert_account(job, open=9, filtered=991, rounds=1)
        self.assertLess(account["probes_sent"], 1100)


def fragments(probe, size):
    """A SYN-ACK in two fragments, the first with so many bytes of TCP."""
    body = syn_ack(probe, options=b"\x02\x04\x05\xb4" + b"\1" * 12)[20:]
    return [Answer(ipv4(probe.target, probe.source, 6, body[:size], identification=77, fragment=0x2000)),
            Answer(ipv4(probe.target, probe.source, 6, body[size:], identification=77, fragment=size // 8))]


def with_ip_options(probe):
    packet = syn_ack(probe)
    return bytes([0x46]) + packet[1:2] + struct.pack("!H", len(packet) + 4) + packet[4:10] + b"\0\0" + packet[12:20] + b"\1\1\1\0" + packet[20:]


def unacknowledged(probe, flags, sequence=0):
    return segment(probe, flags, sequence, acknowledged=0, options=b"")


class OddAnswers(RespondedTest):
    """Legal but odd answers come out as nmap has them; what could be forged as easily is marked, and counts when it comes twice."""

    # By the last number of the address: what is answered, and state, reason and mark that must come of it.
    KINDS = {
        1: ("a SYN-ACK with data", lambda p: [Answer(syn_ack(p, data=b"0123456789"))], "open", "syn-ack", False),
        2: ("a SYN-ACK with ECE and CWR", lambda p: [Answer(segment(p, SYN | ACK | 0xC0))], "open", "syn-ack", False),
        3: ("a SYN-ACK in two fragments", lambda p: fragments(p, 24), "open", "syn-ack", False),
        4: ("a RST with a reason in it", lambda p: [Answer(rst(p, data=b"go away"))], "closed", "reset", False),
        5: ("a RST that acknowledges the SYN's own number", lambda p: [Answer(rst(p, acknowledged=p.sequence))], "closed", "reset", False),
        6: ("a RST without ACK", lambda p: [Answer(unacknowledged(p, RST))], "closed", "reset", True),
        7: ("a RST without ACK and with our number", lambda p: [Answer(unacknowledged(p, RST, p.sequence + 1))], "closed", "reset", True),
        8: ("a SYN in return", lambda p: [Answer(segment(p, SYN, acknowledged=0))], "open", "split-handshake-syn", True),
        9: ("challenges, then the SYN-ACK", lambda p: [Answer(segment(p, ACK, acknowledged=12345, options=b"") if p.attempt < 2 else syn_ack(p))],
            "open", "syn-ack", False),
        10: ("challenges, then the RST", lambda p: [Answer(segment(p, ACK, acknowledged=12345, options=b"") if p.attempt < 4 else rst(p))],
             "closed", "reset", False),
        11: ("an ICMP error that quotes eight bytes", lambda p: [Answer(icmp(p, 3, 13))], "filtered", "admin-prohibited", False),
        12: ("fragmentation needed, then the SYN-ACK", lambda p: [Answer(icmp(p, 3, 4)), Answer(syn_ack(p), 0.001)], "open", "syn-ack", False),
        13: ("a forged ICMP error, then the SYN-ACK", lambda p: [Answer(icmp(p, 3, 13, quoted=p.packet[:24] + b"\1\2\3\4")), Answer(syn_ack(p), 0.001)],
             "open", "syn-ack", False),
        14: ("a forged RST, then the SYN-ACK", lambda p: [Answer(rst(p, acknowledged=p.sequence + 100)), Answer(syn_ack(p), 0.001)], "open", "syn-ack",
             False),
        15: ("a RST without ACK, then the SYN-ACK", lambda p: [Answer(unacknowledged(p, RST)), Answer(syn_ack(p), 0.001)], "open", "syn-ack", False),
        16: ("a RST without ACK twice, then the SYN-ACK", lambda p: [Answer(unacknowledged(p, RST) if p.attempt < 2 else syn_ack(p))], None, None, None),
        17: ("a SYN-ACK with IP options", lambda p: [Answer(with_ip_options(p))], "open", "syn-ack", False),
        18: ("a SYN-ACK with forty bytes of options", lambda p: [Answer(syn_ack(p, options=b"\x02\x04\x05\xb4" + b"\1" * 36))], "open", "syn-ack", False),
        19: ("a SYN-ACK with FIN", lambda p: [Answer(segment(p, SYN | ACK | FIN))], "open", "syn-ack", False),
        20: ("a SYN-ACK with URG and PSH", lambda p: [Answer(segment(p, SYN | ACK | URG | PSH))], "open", "syn-ack", False),
        21: ("a RST without ACK from another port", lambda p: [Answer(segment(p, RST, 0, acknowledged=0, options=b"", port=p.port + 1))], "filtered",
             "no-response", False),
        22: ("one RST without ACK and nothing more", lambda p: [Answer(unacknowledged(p, RST))] if p.attempt == 0 else [], "filtered", "no-response",
             False),
        23: ("a RST without ACK, then a SYN, then silence", lambda p: [Answer(unacknowledged(p, (RST, SYN)[p.attempt]))] if p.attempt < 2 else [],
             "filtered", "no-response", False),
        24: ("challenges for ever", lambda p: [Answer(segment(p, ACK, acknowledged=1, options=b""))], "filtered", "no-response", False),
        25: ("a FIN-ACK", lambda p: [Answer(segment(p, FIN | ACK, options=b""))], "filtered", "no-response", False),
    }

    def behave(self, probe):
        kind = self.KINDS.get(last(probe.target) % 100)
        return kind[1](probe) if kind and probe.flags & (SYN | ACK | RST) == SYN else ()

    def test_they_come_out_right_and_as_nmap_has_them(self):
        self.respond(self.behave)
        self.start_daemon(**STATES)
        _, job = self.scan("198.18.64.1-198.18.64.25", "-p", "80", "--rate", "500")
        found = self.daemon.findings(job)
        for number, (words, _, state, reason, mark) in self.KINDS.items():
            row = found[f"198.18.64.{number}", 80]
            if state:
                self.assertEqual((row["state"], row["reason"], row.get("unverified", False)), (state, reason, mark), words)
        # nmap believes the forged RST, gives the challenged up, and one bare RST is enough for it.
        same = [number for number in self.KINDS if number not in (10, 14, 15, 16, 21, 22, 23, 24, 25)]
        theirs = nmap(self.network, "80", *(f"198.18.64.{number + 100}" for number in same))
        ours = {(f"198.18.64.{number + 100}", 80): (row["state"], row["reason"]) for number in same for row in [found[f"198.18.64.{number}", 80]]}
        print("       other than nmap:", {self.KINDS[int(a.rsplit('.', 1)[1]) - 100][0]: (theirs.get((a, p)), mine) for (a, p), mine in ours.items()
                                           if theirs.get((a, p)) != mine} or "nothing", flush=True)
        self.assert_logged_once(job, found)

    def test_one_attempt_alone_proves_nothing(self):
        self.respond(self.behave)
        self.start_daemon(**STATES)
        _, job = self.scan("198.18.64.6-198.18.64.9", "-p", "80", "--recall", "none")
        self.assertEqual({row["state"] for row in self.daemon.findings(job).values()}, {"filtered"})
        self.assert_account(job, probes_sent=4)

    def test_only_what_is_recorded_is_logged(self):
        self.respond(self.behave)
        self.start_daemon(results={"states": ["open"]})
        _, job = self.scan("198.18.64.6-198.18.64.8", "-p", "80")
        self.assert_logged_once(job, [("198.18.64.8", 80)])
        self.assert_account(job, open=1, closed=2, filtered=0)
