"""Paths that lose, ration and delay."""

from harness import LabTest, addresses


class Paths(LabTest):
    open_ports = ["1000-1004"]
    sections = {"limits": {"max_rate": 100_000}}

    def test_5_percent_loss_each_way_costs_at_most_one_open_target_in_2000(self):
        self.lab("loss", 5)
        self.addCleanup(self.lab, "loss", 0)
        _, job = self.scan("198.18.64.0/20", "-p", "1000-1004", "--rate", "20000", "--retries", "4", "--recall", "0.9995")
        found = len(self.daemon.findings(job))
        self.assertGreaterEqual(found, 0.9995 * 20_480)
        self.assert_account(job, targets=20_480, open=found, filtered=20_480 - found)
        self.assertEqual(len(self.daemon.lines(job, "port")), found)

    def test_300_ms_of_delay_with_100_of_jitter_cost_nothing_also_without_retries(self):
        self.lab("delay", 300, 100)
        self.addCleanup(self.lab, "delay", 0)
        expected = {(address, port) for address in addresses("198.18.64.0", 1024) for port in range(1000, 1005)}
        for retries in (0, 2):
            _, job = self.scan("198.18.64.0/22", "-p", "1000-1009", "--rate", "10000", "--retries", retries)
            self.assert_logged_once(job, expected)
            self.assert_account(job, targets=10_240, open=5120, closed=5120, filtered=0)
