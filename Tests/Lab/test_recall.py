"""How complete a scan is, what it says about that, and how few packets that takes."""

import datetime
import random
import time

from harness import LabTest, wait_until


def when(line):
    return datetime.datetime.fromisoformat(line["time"])


class Recall(LabTest):
    open_ports = ["1000-1004"]
    sections = {"limits": {"max_rate": 50_000}}

    def tearDown(self):
        super().tearDown()
        self.lab("loss", 0)
        self.lab("clear")

    def scanned(self, *arguments, code=0):
        result, job = self.scan(*arguments, code=code)
        return result, self.assert_account(job)

    def test_5_percent_of_loss_each_way_cost_15_percent_of_the_probes_and_no_more_than_the_goal(self):
        self.lab("loss", 5)
        _, account = self.scanned("198.18.64.0/20", "-p", "1000-1019", "--rate", 40_000, "--recall", 0.9995)
        self.assertGreaterEqual(account["open"] / 20_480, 0.9995)
        self.assertLessEqual(account["probes_sent"] / account["targets"], 1.15)
        self.assertTrue(account["goal_reached"])
        self.assertTrue(0.07 < account["loss"] < 0.13, account)
        self.assertTrue(account["recall_low"] <= account["estimated_recall"] <= account["recall_high"], account)

    def test_one_pass_is_one_probe_for_each_target_and_tells_no_estimate(self):
        _, account = self.scanned("198.18.64.0/24", "-p", "1000-1019", "--recall", "none")
        self.assertEqual(account["probes_sent"], account["targets"])
        self.assertEqual((account["rounds"], account.get("estimated_recall")), (1, None))

    def test_what_answers_at_once_is_not_asked_again(self):
        _, account = self.scanned("198.18.64.0/20", "-p", "1000-1009", "--rate", 30_000)
        self.assertLessEqual(account["probes_sent"] / account["targets"], 1.021)
        self.assertEqual((account["estimated_recall"], account["rounds"]), (1, 1))

    def test_a_sparse_network_is_asked_again_only_where_something_may_be(self):
        # One address in fifty exists, and what is not open there is silent.
        draw = random.Random(5)
        closed = ["198.18.64.0/20:1005-1099"]
        shares = {1000: 0.8, 1001: 0.6, 1002: 0.4, 1003: 0.25, 1004: 0.1}
        hosts = [f"198.18.{64 + i // 256}.{i % 256}" for i in range(4096)]
        exists = {host for host in hosts if draw.random() < 0.02}
        truth = {(host, port) for host in exists for port, share in shares.items() if draw.random() < share}
        closed += [f"{host}:{port}" for host in hosts for port in shares if (host, port) not in truth]
        self.lab("silent", "-", lines=closed)
        self.lab("loss", 3)
        result, account = self.scanned("198.18.64.0/20", "-p", "1000-1099", "--rate", 40_000, "--recall", 0.99)
        self.assertLessEqual(account["probes_sent"] / account["targets"], 1.5)
        self.assertGreaterEqual(account["open"] / len(truth), 0.99, (account, len(truth)))
        self.assertEqual(account["closed"], 0)

    def test_a_goal_that_is_not_sure_to_be_reached_is_said_in_words(self):
        self.lab("loss", 40)
        result, account = self.scanned("198.18.64.0/22", "-p", "1000-1009", "--rate", 20_000, "--retries", 1, code=5)
        self.assertFalse(account["goal_reached"])
        self.assertIn("0.9990 as asked for", result.err)
        self.assertLess(account["recall_low"], 0.95)
        truth = account["open"] / 5120
        # The interval holds the truth in 95 of 100 cases; twice as wide a one does nearly always.
        slack = (account["recall_high"] - account["recall_low"]) / 2
        self.assertTrue(account["recall_low"] - slack <= truth <= account["recall_high"] + slack, (truth, account))


class Rate(LabTest):
    alone = True
    open_ports = ["1000-1004"]
    shares_daemon = False
    sections = {"limits": {"max_rate": 100_000}}

    def tearDown(self):
        super().tearDown()
        self.lab("limit", 0)
        self.lab("answers", 0)
        self.lab("clear")

    def test_a_policed_path_is_found_out_and_costs_no_more_than_the_goal(self):
        self.lab("silent", "198.18.64.0/20:1018-1019")
        self.lab("limit", 20_000, 400)
        self.own_daemon().start()
        _, job = self.scan("198.18.64.0/20", "-p", "1000-1019")
        account = self.assert_account(job, untested=0)
        # The policer may drop a few probes at a rate it mostly carries; the goal of 0.999 allows for them.
        self.assertGreaterEqual((account["open"] + account["closed"]) / (81_920 - 8192), 0.999)
        self.assertGreaterEqual(account["open"] / 20_480, 0.999)
        # 81,920 SYNs and a second one for the silent take 4.5 s at best; a busy machine needs longer.
        self.assertLess(account["seconds"], 15)
        self.assertTrue(account["rate_verified"])
        self.assertLess(account["found_rate"], 25_000)

    def test_a_host_that_answers_little_is_found_completely_and_holds_up_nobody(self):
        slow, answers, ports = "198.18.64.9", 200, 1000
        self.start_beside_slow_host(slow, answers)
        _, job = self.scan("198.18.64.0/27", "-p", "500-1499")
        account = self.assert_account(job, open=32 * 5, untested=0, goal_reached=True)
        # The slow host's own time, and that again for what is found out about it.
        self.assertLess(account["seconds"], 3 * ports / answers)
        times = [when(line) for line in self.daemon.lines(job, "port") if line["address"] != slow]
        self.assertEqual(len(times), 31 * 5)
        [started] = self.daemon.lines(job, "job.started")
        self.assertLess((max(times) - when(started)).total_seconds(), 0.6 * account["seconds"], "the others were through before")

    def test_a_slow_host_is_found_completely_across_kills_too(self):
        self.start_beside_slow_host("198.18.64.9", 200)
        job = self.daemon.submit("198.18.64.0/27", "-p", "500-1499")
        for _ in range(4):
            time.sleep(1.5)
            self.daemon.kill()
            self.daemon.start()
        self.daemon.finish(job)
        self.assert_account(job, open=32 * 5, untested=0, goal_reached=True)
        self.assertEqual(len(self.daemon.lines(job, "port")), 32 * 5)

    def start_beside_slow_host(self, slow, answers):
        """A daemon, and a host that gives so many answers a second. Many others have silent targets, too: those must not hide it."""
        self.lab("silent", "198.18.64.16/28:1300-1499")
        self.lab("answers", answers, slow)
        self.own_daemon(limits={"max_rate": 20_000, "max_rate_per_host": 1000}).start()

    def test_the_most_that_it_may_be_is_kept(self):
        self.own_daemon().start()
        _, job = self.scan("198.18.64.0/22", "-p", "1000-1009", "--max-rate", 5000)
        account = self.assert_account(job, open=5120)
        self.assertEqual((account["rate"], account["found_rate"]), (5000, 5000))
        self.assertGreater(account["seconds"], 2)

    def test_one_host_and_one_network_get_no_more_than_their_caps(self):
        daemon = self.own_daemon(limits={"max_rate": 100_000, "max_rate_per_host": 1000, "max_rate_per_network": 5000})
        daemon.start()
        for targets, ports, probes, least, most in (("198.18.64.1", "1-3000", 3000, 2.8, 5), ("198.18.64.0/24", "1-100", 25_600, 4, 7)):
            for rate in ((), ("--rate", 50_000)):
                with self.subTest(targets=targets, rate=rate):
                    _, job = self.scan(targets, "-p", ports, *rate)
                    account = self.assert_account(job, targets=probes, filtered=0)
                    self.assertTrue(least < account["seconds"] < most, account)

    def test_where_nothing_answers_the_rate_says_that_it_is_not_verified(self):
        self.lab("silent", "198.18.64.0/24:1-20")
        self.own_daemon().start()
        result, job = self.scan("198.18.64.0/24", "-p", "1-20")
        account = self.assert_account(job, filtered=5120, probes_sent=10_240)
        self.assertFalse(account["rate_verified"])
        self.assertIn("not verified", self.daemon.run("show", job).out)


class Outage(LabTest):
    """Interruptions on the way, and of the daemon."""

    open_ports = ["1000-1004"]
    shares_daemon = False
    sections = {"limits": {"max_rate": 20_000}}

    def tearDown(self):
        super().tearDown()
        self.lab("loss", 0)

    def run_through(self, cut, mend, seconds, **request):
        """A scan whose path is cut for a while; how the job stood meanwhile."""
        self.lab("reset")
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/21", ports="1000-1019", **request)
        wait_until(lambda: self.lab.counters()["syn"] > 5000, 10, "the scan runs")
        cut()
        seen = daemon.reach(job, "waiting", seconds=10)
        self.lab("exec", "near", "sleep", seconds)
        mend()
        daemon.reach(job, "finished", seconds=60)
        self.assert_account(job, open=10_240, closed=30_720, filtered=0, untested=0)
        return seen

    def test_a_silent_path_is_waited_for_and_nothing_is_filtered(self):
        for request in ({}, {"rate": 10_000, "recall": "none"}):
            with self.subTest(request=request):
                seen = self.run_through(lambda: self.lab("loss", 99.99), lambda: self.lab("loss", 0), 2, **request)
                self.assertIn("nothing answers", seen["reason"])

    def test_a_daemon_that_comes_back_while_the_path_is_silent_takes_nothing_for_filtered(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/21", ports="1000-1009", rate=5000)
        wait_until(lambda: self.lab.counters()["syn"] > 8000, 10, "the scan runs")
        self.lab("loss", 99.99)
        daemon.kill()
        daemon.start()
        seen = daemon.reach(job, "waiting", seconds=10)
        self.assertIn("nothing answers", seen["reason"])
        self.lab("loss", 0)
        daemon.reach(job, "finished", seconds=60)
        self.assert_account(job, open=10_240, closed=10_240, filtered=0, untested=0)

    def test_a_cable_that_is_pulled_is_waited_for(self):
        def cut():
            self.lab("exec", "far", "ip", "link", "set", "far0", "down")

        def mend():
            self.lab("exec", "far", "ip", "link", "set", "far0", "up")
            self.lab("exec", "far", "ip", "route", "replace", "198.18.1.1", "via", "198.18.0.1")

        self.run_through(cut, mend, 2, rate=10_000)

    def test_an_interface_that_goes_down_is_waited_for(self):
        def cut():
            self.lab("exec", "near", "ip", "link", "set", "near0", "down")

        def mend():
            self.lab("exec", "near", "ip", "link", "set", "near0", "up")
            self.lab("exec", "near", "ip", "route", "replace", "198.18.0.0/15", "via", "198.18.0.2")

        self.run_through(cut, mend, 2, rate=10_000)

    def test_a_scan_that_is_stopped_in_a_later_round_keeps_its_estimate(self):
        self.lab("loss", 10)
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/21", ports="1000-1019", rate=10_000)
        wait_until(lambda: daemon.ask("GET", f"/v1/jobs/{job}").get("progress", {}).get("round"), 20, "a second round")
        self.assertEqual(daemon.terminate()[0], 0)
        daemon.start()
        daemon.reach(job, "finished", seconds=60)
        account = self.assert_account(job)
        self.assertGreaterEqual(account["open"] / 10_240, 0.998)
        self.assertTrue(0.12 < account["loss"] < 0.26, account)
