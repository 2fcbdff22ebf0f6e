"""`synscan halt`: nothing leaves any more, whatever happens, until `unhalt`."""

import time

from harness import LabTest


class Halt(LabTest):
    sections = {"limits": {"max_rate": 100_000}}
    shares_daemon = False

    def sent(self):
        return self.lab.counters()["syn"]

    def assert_silence(self, seconds):
        """No SYN arrives from 100 ms after this moment on."""
        time.sleep(0.1)
        before = self.sent()
        time.sleep(seconds)
        self.assertEqual(self.sent() - before, 0, "packets after the halt")

    def test_100000_packets_a_second_stop_within_100_ms_and_stay_so_over_restarts(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/20", ports="1-100", rate=100_000, retries=2)
        while self.sent() < 100_000:
            time.sleep(0.01)
        self.assertEqual(daemon.run("halt").code, 0)
        self.assert_silence(0.5)
        halted = daemon.ask("GET", "/v1/status")["halted"]
        self.assertEqual(halted["uid"], 0)
        self.assertEqual(daemon.terminate()[0], 0)
        daemon.start()
        self.assert_silence(0.5)
        daemon.kill()
        daemon.start()
        self.assert_silence(0.5)
        self.assertEqual(daemon.ask("GET", "/v1/status")["halted"], halted)
        self.assertLess(self.sent(), 409_600)
        self.assertEqual(daemon.run("unhalt").code, 0)
        self.assertNotIn("halted", daemon.ask("GET", "/v1/status"))
        daemon.reach(job, "finished", seconds=60)
        self.assert_account(job, targets=409_600, closed=409_600, open=0, filtered=0, untested=0)

    def test_what_is_submitted_meanwhile_waits_and_says_why(self):
        daemon = self.own_daemon().start()
        daemon.ask("POST", "/v1/halt")
        job = daemon.post_job("198.18.64.0/28", ports="80")
        time.sleep(0.5)
        self.assertEqual(self.sent(), 0)
        self.assertIn(daemon.state(job), ("queued", "waiting"))
        self.assertIn("halt", (daemon.run("status").out + daemon.run("show", job).out).lower())
        daemon.ask("POST", "/v1/halt")  # once more changes nothing
        daemon.ask("POST", "/v1/unhalt")
        daemon.reach(job, "finished")
        self.assert_account(job, targets=16, closed=16)

    def test_a_halt_right_after_a_start_or_a_submission_is_in_time_too(self):
        daemon = self.own_daemon().start()
        for _ in range(5):
            job = daemon.post_job("198.18.64.0/20", ports="1-20", rate=100_000)
            daemon.ask("POST", "/v1/halt")
            self.assert_silence(0.2)
            daemon.ask("POST", "/v1/unhalt")
            daemon.reach(job, "finished", seconds=60)
            self.assert_account(job, targets=81_920, closed=81_920)
