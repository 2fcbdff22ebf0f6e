"""A daemon that is stopped in the middle."""

import time

from harness import LabTest, addresses, wait_until


class Restart(LabTest):
    open_ports = ["1000-1004"]
    sections = {"limits": {"max_rate": 20_000}}
    expected = {(address, port) for address in addresses("198.18.64.0", 4096) for port in range(1000, 1005)}

    def submit(self):
        """A job of four seconds, under way for more than one of them."""
        job = self.daemon.submit("198.18.64.0/20", "-p", "1000-1019", "--rate", "20000")
        wait_until(lambda: self.lab.counters()["syn"] > 25_000, 10, "the scan is in its middle")
        return job

    def test_a_terminated_scan_goes_on_at_the_next_start_and_logs_each_finding_once(self):
        job = self.submit()
        code, seconds = self.daemon.terminate()
        self.assertEqual(code, 0, self.daemon.output())
        self.assertLess(seconds, 5)
        sent = self.lab.counters()["syn"]
        self.assertLess(sent, 75_000)
        time.sleep(0.3)
        self.assertEqual(self.lab.counters()["syn"], sent, "packets after the end")
        self.daemon.start()
        self.assertEqual(self.daemon.finish(job)["state"], "finished")
        self.assert_logged_once(job, self.expected)
        self.assertEqual(self.daemon.findings(job).keys(), self.expected)
        self.assert_account(job, targets=81_920, open=20_480, closed=61_440, filtered=0, untested=0)
        self.assertEqual([line["seq"] for line in self.daemon.lines()], list(range(1, len(self.daemon.lines()) + 1)))
        # What had been sent is not sent all over again.
        self.assertLess(self.lab.counters()["syn"], 81_920 + 25_000)

    def test_a_killed_daemon_loses_no_finding_and_logs_none_twice(self):
        job = self.submit()
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.daemon.finish(job)["state"], "finished")
        self.assert_logged_once(job, self.expected)
        self.assert_account(job, targets=81_920, open=20_480, closed=61_440)
