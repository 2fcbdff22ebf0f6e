"""States and reasons, beside nmap."""

from harness import LabTest, addresses
from test_lab import KINDS, nmap


class States(LabTest):
    open_ports = [22, 80, "1000-1009"]
    sections = {"results": {"states": ["open", "closed", "filtered"]}}

    @classmethod
    def prepare(cls):
        cls.lab("silent", "198.18.64.8/29", "198.18.64.20-198.18.64.29:80", "198.18.64.30:1000-1005")
        cls.lab("closed", "198.18.64.40-198.18.64.49:22", "198.18.64.50:1000-1009")
        for address, kind in zip(addresses("198.18.64.64", len(KINDS)), KINDS):
            cls.lab("reject", kind, address)
        for address, kind in zip(addresses("198.18.64.80", len(KINDS)), KINDS):
            cls.lab("reject", kind, f"{address}:22", f"{address}:1001-1009", f"{address}:2000")

    def test_every_state_and_reason_is_what_nmap_says(self):
        ports = "22,80,1000-1009,2000-2007"
        theirs = nmap(self.lab, ports, "198.18.64.0/24")
        self.assertEqual(len(theirs), 256 * 20)
        _, job = self.scan("198.18.64.0/24", "-p", ports, "--rate", "5000")
        ours = {target: (found["state"], found["reason"]) for target, found in self.daemon.findings(job).items()}
        self.assertEqual({target: (theirs.get(target), ours.get(target)) for target in theirs if theirs.get(target) != ours.get(target)}, {})
        self.assertEqual(ours.keys(), theirs.keys())
        self.assert_logged_once(job, theirs)
        states = [state for state, _ in theirs.values()]
        self.assert_account(job, **{state: states.count(state) for state in ("open", "closed", "filtered")})

    def test_only_the_states_that_were_asked_for_are_recorded(self):
        _, job = self.scan("198.18.64.8", "198.18.64.50", "-p", "80,1000", "--states", "closed")
        self.assert_logged_once(job, [("198.18.64.50", 1000)])
        self.assert_account(job, targets=4, open=1, closed=1, filtered=2)

    def test_silence_is_probed_once_more_and_where_nothing_answers_no_further(self):
        for retries, probes in ((0, 10), (1, 20), (3, 20)):
            self.lab("reset")
            _, job = self.scan("198.18.64.8", "-p", "80-89", "--retries", retries)
            self.assert_account(job, filtered=10, probes_sent=probes)
            self.assertEqual(self.lab.counters()["syn"], probes)
