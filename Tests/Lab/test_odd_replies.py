"""Answers that are legal and odd, or contradict each other, beside nmap."""

from responder import ACK, RST, SYN, Answer, RespondedTest, icmp, rst, segment, syn_ack

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
