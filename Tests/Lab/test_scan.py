"""Scans at full speed on a path that loses nothing."""

from harness import LabTest, addresses


class FullSpeed(LabTest):
    alone = True
    open_ports = ["1000-1004"]
    sections = {"limits": {"max_rate": 100_000}}

    def test_81920_targets_give_exactly_the_20480_open_ones_in_the_time_their_rate_takes_and_a_second(self):
        result, job = self.scan("198.18.64.0/20", "-p", "1000-1019", "--rate", "20000")
        expected = {(address, port) for address in addresses("198.18.64.0", 4096) for port in range(1000, 1005)}
        self.assertEqual(self.daemon.findings(job).keys(), expected)
        self.assert_logged_once(job, expected)
        self.assert_account(job, targets=81_920, open=20_480, closed=61_440, filtered=0, untested=0)
        self.assertLessEqual(result.seconds, 81_920 / 20_000 + 1.0)

    def test_5120_targets_that_all_answer_take_less_than_a_second_without_a_rate(self):
        for _ in range(3):
            result, job = self.scan("198.18.64.0/24", "-p", "1000-1019")
            self.assertLess(result.seconds, 1.0)
            self.assert_account(job, targets=5120, open=1280, closed=3840)
        self.assertEqual(len(self.daemon.findings(job)), 1280)

    def test_overlapping_targets_are_scanned_once(self):
        _, job = self.scan("198.18.64.0/30", "198.18.64.1-3", "198.18.64.2", "198.18.64.1:1000", "-p", "1000,1000-1001")
        expected = {(address, port) for address in addresses("198.18.64.0", 4) for port in (1000, 1001)}
        self.assert_logged_once(job, expected)
        self.assert_account(job, targets=8, probes_sent=8)
        self.assertEqual(self.lab.counters()["syn"], 8)
