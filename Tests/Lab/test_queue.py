"""Several jobs side by side, and what can be done with each."""

import datetime
import signal
import subprocess
import threading
import time

from harness import LabTest, addresses, wait_until
from power import Power


def in_seconds(seconds):
    """A deadline, in RFC 3339."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class QueueTest(LabTest):
    def setUp(self):
        super().setUp()
        if self.shares_daemon:
            self.addCleanup(self.daemon.clear)

    def sent(self):
        return self.lab.counters()["syn"]

    def rate_now(self, seconds=1.0):
        """SYNs a second that arrive from now on."""
        before, started = self.sent(), time.monotonic()
        time.sleep(seconds)
        return (self.sent() - before) / (time.monotonic() - started)

    def assert_still(self, seconds=0.5):
        """Nothing arrives from 100 ms after this moment on."""
        time.sleep(0.1)
        before = self.sent()
        time.sleep(seconds)
        self.assertEqual(self.sent(), before, "packets all the same")

    def slow_job(self, **keys):
        """A job that goes on for ever and sends little."""
        return self.daemon.post_job("198.18.79.0/24", **{"ports": "2000-3000", "rate": 1, **keys})

    def events(self, job):
        return [line["event"].removeprefix("job.") for line in self.daemon.lines(job) if line["event"].startswith("job.")]


class SideBySide(QueueTest):
    open_ports = ["1000-1004"]
    sections = {"limits": {"max_rate": 20_000, "max_running_jobs": 4}}

    def test_two_jobs_over_the_same_addresses_share_no_finding_and_no_source_port(self):
        with self.lab.probes() as probes:
            one = self.daemon.post_job("198.18.64.0/22", ports="1000-1002,1010-1016", rate=5000)
            two = self.daemon.post_job("198.18.64.0/22", ports="1003-1004,1020-1027", rate=5000)
            for job in one, two:
                self.daemon.reach(job, "finished")
        for job, ports in (one, (1000, 1001, 1002)), (two, (1003, 1004)):
            expected = {(address, port) for address in addresses("198.18.64.0", 1024) for port in ports}
            self.assert_logged_once(job, expected)
            self.assertEqual(self.daemon.findings(job).keys(), expected)
            self.assert_account(job, targets=10_240, open=1024 * len(ports), closed=10_240 - 1024 * len(ports), filtered=0)
        of_one = [probe for probe in probes if probe.port in (1000, 1001, 1002, *range(1010, 1017))]
        of_two = [probe for probe in probes if probe.port in (1003, 1004, *range(1020, 1028))]
        self.assertEqual(len(of_one) + len(of_two), len(probes))
        self.assertLess(max(of_one[0].time, of_two[0].time) + 1, min(of_one[-1].time, of_two[-1].time), "not side by side")
        blocks = [{(probe.source_port - 61000) // 16 for probe in mine} for mine in (of_one, of_two)]
        self.assertEqual([len(block) for block in blocks], [1, 1], "each has sixteen ports of its own")
        self.assertNotEqual(*blocks)

    def test_a_small_urgent_job_beside_a_hundred_million_targets_takes_at_most_twice_its_time(self):
        def small():
            started = time.monotonic()
            job = self.daemon.post_job("198.18.64.0/20", ports="1000-1009", priority="high", retries=0)
            self.daemon.reach(job, "finished", seconds=60)
            return job, time.monotonic() - started

        _, alone = small()
        large = self.daemon.post_job("198.18.64.0/20", ports="10001-35000", retries=0)
        wait_until(lambda: self.sent() > 60_000, 10, "the large job runs")
        job, beside = small()
        self.assertEqual(self.daemon.state(large), "running")
        self.assertLessEqual(beside, 2 * alone)
        self.assert_account(job, targets=40_960, open=20_480, closed=20_480)
        self.assertEqual(self.daemon.ask("GET", f"/v1/jobs/{large}")["account"]["targets"], 102_400_000)

    def test_shares_follow_the_priorities_and_never_exceed_the_daemons_rate(self):
        jobs = {"low": "2000-2999", "normal": "3000-3999", "high": "4000-4999"}
        ids = {priority: self.daemon.post_job("198.18.64.0/20", ports=ports, priority=priority) for priority, ports in jobs.items()}
        for job in ids.values():
            self.daemon.reach(job, "running")
        time.sleep(0.5)
        with self.lab.probes() as probes:
            time.sleep(3)
        start = probes[0].time + 0.2
        window = [probe for probe in probes if start <= probe.time < start + 2]
        self.assertLessEqual(len(window), 1.02 * 40_000 + 64)
        self.assertGreater(len(window), 0.9 * 40_000, "not all of the rate is used")
        counts = {priority: sum(probe.port // 1000 == first for probe in window) for priority, first in zip(jobs, (2, 3, 4))}
        for priority, weight in ("low", 1), ("normal", 4), ("high", 16):
            self.assertAlmostEqual(counts[priority] / len(window), weight / 21, delta=0.2 * weight / 21 + 0.01, msg=counts)
        # What one does not want, the others get.
        self.daemon.ask("PATCH", f"/v1/jobs/{ids['high']}", {"rate": 1000})
        time.sleep(0.5)
        self.assertAlmostEqual(self.rate_now(), 20_000, delta=2500)

    def test_pause_stops_the_packets_and_resume_completes_the_scan(self):
        job = self.daemon.post_job("198.18.64.0/22", ports="1000-1009", rate=5000)
        wait_until(lambda: self.sent() > 3000, 10, "the scan runs")
        self.assertEqual(self.daemon.run("pause", job).code, 0)
        self.assert_still()
        self.assertEqual(self.daemon.state(job), "paused")
        self.assertEqual(self.daemon.run("resume", job).code, 0)
        self.daemon.reach(job, "finished")
        self.assert_logged_once(job, [(address, port) for address in addresses("198.18.64.0", 1024) for port in range(1000, 1005)])
        self.assert_account(job, targets=10_240, open=5120, closed=5120, filtered=0)
        self.assertLess(self.sent(), 10_240 + 5000, "what had been sent is not sent all over again")
        self.assertEqual(self.events(job)[-3:], ["paused", "resumed", "finished"])

    def test_a_pause_outlives_the_daemon(self):
        job = self.daemon.post_job("198.18.64.0/22", ports="1000-1009", rate=5000)
        wait_until(lambda: self.sent() > 2000, 10, "the scan runs")
        self.daemon.ask("POST", f"/v1/jobs/{job}/pause")
        for end in self.daemon.terminate, self.daemon.kill:
            end()
            self.daemon.start()
            self.assertEqual(self.daemon.state(job), "paused")
            self.assert_still()
        self.daemon.ask("POST", f"/v1/jobs/{job}/resume")
        self.daemon.reach(job, "finished")
        self.assert_account(job, targets=10_240, open=5120, closed=5120)

    def test_a_new_rate_acts_at_once(self):
        job = self.daemon.post_job("198.18.64.0/20", ports="2000-2099", rate=500)
        wait_until(lambda: self.sent() > 100, 10, "the scan runs")
        for rate in (5000, 200, 12_000):
            self.assertEqual(self.daemon.run("rate", job, rate).code, 0)
            time.sleep(0.3)
            self.assertAlmostEqual(self.rate_now(2), rate, delta=max(0.1 * rate, 64))
        for wrong in ("0", "-1", "1e9", "fast", str(1 << 70)):
            self.assertIn(self.daemon.run("rate", job, wrong).code, (2, 3), wrong)
        self.assertEqual(self.daemon.ask("GET", f"/v1/jobs/{job}")["account"]["rate"], 12_000)

    def test_a_running_job_is_cancelled_or_deleted_and_sends_nothing_more(self):
        for verb, gone in ("cancel", False), ("delete", True):
            with self.subTest(verb=verb):
                job = self.daemon.post_job("198.18.64.0/20", ports="1000-1099", rate=10_000)
                wait_until(lambda: self.sent() > 2000, 10, "the scan runs")
                self.assertEqual(self.daemon.run(verb, job).code, 0)
                self.assert_still()
                if gone:
                    self.assertEqual(self.daemon.http("GET", f"/v1/jobs/{job}")[0], 404)
                    self.assertNotIn(job, [each["id"] for each in self.daemon.ask("GET", "/v1/jobs")])
                else:
                    self.assertEqual(self.daemon.state(job), "cancelled")
                wait_until(lambda: self.events(job)[-1] == "cancelled", 5, "the log says so")
                self.lab("reset")

    def test_a_finished_job_is_deleted_with_its_findings_and_its_id_is_not_used_again(self):
        _, job = self.scan("198.18.64.0/28", "-p", "1000", "--name", "to-be-deleted")
        self.assertEqual(self.daemon.run("delete", "to-be-deleted").code, 0)
        for command in "show", "results", "follow", "delete", "cancel", "pause", "resume":
            self.assertNotEqual(self.daemon.run(command, job).code, 0, command)
        self.assertEqual(len(self.daemon.lines(job, "port")), 16, "the log keeps what it holds")
        self.daemon.terminate()
        self.daemon.start()
        self.assertGreater(self.daemon.post_job("198.18.64.1", ports="1000"), job)

    def test_what_does_not_fit_a_jobs_state_is_refused_in_a_sentence(self):
        _, job = self.scan("198.18.64.1", "-p", "1000")
        for command in ("pause", job), ("resume", job), ("cancel", job), ("rate", job, 5), ("priority", job, "low"):
            result = self.daemon.run(*command)
            self.assertNotEqual(result.code, 0, command)
            self.assert_sentence(result.err, str(job))
        for command in ("pause", job + 1000), ("delete", "no-such-job"), ("rate", job + 1000, 5), ("wait", "no-such-job"):
            self.assertNotEqual(self.daemon.run(*command).code, 0, command)

    def test_wait_returns_when_all_jobs_are_over_and_tells_how_they_ended(self):
        jobs = [self.daemon.post_job("198.18.64.0/24", ports="1000-1003", rate=1000) for _ in range(2)]
        started = time.monotonic()
        self.assertEqual(self.daemon.run("wait", *jobs).code, 0)
        self.assertGreater(time.monotonic() - started, 0.5)
        self.assertEqual([self.daemon.state(job) for job in jobs], ["finished"] * 2)
        slow = self.slow_job()
        waiter = subprocess.Popen(self.daemon.synscan("wait", str(slow), str(jobs[0])), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        self.assertIsNone(waiter.poll())
        self.daemon.ask("POST", f"/v1/jobs/{slow}/cancel")
        self.assertEqual(waiter.wait(timeout=5), 1)

    def test_a_deadline_ends_a_job_as_finished_and_the_rest_is_untested(self):
        started = time.monotonic()
        job = self.daemon.post_job("198.18.64.0/22", ports="1000-1019", rate=5000, deadline=in_seconds(2))
        self.daemon.reach(job, "finished")
        self.assertAlmostEqual(time.monotonic() - started, 2, delta=0.7)
        self.assert_still()
        account = self.assert_account(job, targets=20_480)
        self.assertGreater(account["untested"], 8000)
        self.assertGreater(account["open"], 1000)
        self.assertEqual(len(self.daemon.lines(job, "port")), account["open"])

    def test_a_deadline_holds_for_paused_jobs_and_over_a_restart_too(self):
        job = self.daemon.post_job("198.18.64.0/22", ports="1000-1019", rate=1000, deadline=in_seconds(2))
        self.daemon.ask("POST", f"/v1/jobs/{job}/pause")
        self.daemon.reach(job, "finished", seconds=4)
        self.assertGreater(self.assert_account(job, targets=20_480)["untested"], 15_000)
        job = self.daemon.post_job("198.18.64.0/22", ports="1000-1019", rate=1000, deadline=in_seconds(2))
        time.sleep(0.5)
        self.daemon.terminate()
        time.sleep(2)
        self.daemon.start()
        self.daemon.reach(job, "finished", seconds=2)
        self.assertGreater(self.assert_account(job, targets=20_480)["untested"], 15_000)

    def test_the_client_takes_a_deadline_and_refuses_one_that_is_over(self):
        result = self.daemon.run("scan", "198.18.64.0/22", "-p", "1000-1019", "--rate", "3000", "--deadline", in_seconds(1.5))
        self.assertEqual(result.code, 0, result.err)
        self.assertLess(result.seconds, 4)
        self.assertIn("untested", result.out + result.err)
        self.lab("reset")
        for wrong in ("2020-01-01T00:00:00Z", "soon", "2026-13-01T00:00:00Z"):
            before = self.daemon.last_job()
            self.assertIn(self.daemon.run("scan", "198.18.64.1", "-p", "80", "--deadline", wrong).code, (2, 3), wrong)
            self.assertEqual(self.daemon.last_job(), before)


class Turns(QueueTest):
    """One place for running jobs, so that the order is seen, and the one more for those of high priority."""

    open_ports = [80]
    sections = {"limits": {"max_rate": 20_000, "max_running_jobs": 1}}

    def started(self, *jobs):
        """The jobs in the order in which the log says that they started."""
        return [line["job"] for line in self.daemon.lines(event="job.started") if line["job"] in jobs]

    def test_priorities_order_the_queue_and_equals_go_first_come_first_served(self):
        blocker, urgent_blocker = self.slow_job(), self.slow_job(priority="high")
        for job in blocker, urgent_blocker:
            self.daemon.reach(job, "running")
        jobs = [self.daemon.post_job("198.18.64.0/28", ports="80", priority=priority)
                for priority in ("low", "normal", "high", "low", "normal", "high")]
        self.assertEqual([self.daemon.state(job) for job in jobs], ["queued"] * 6)
        raised = jobs[3]
        self.assertEqual(self.daemon.run("priority", raised, "high").code, 0)
        low, normal, high, _, late_normal, late_high = jobs
        self.daemon.ask("POST", f"/v1/jobs/{urgent_blocker}/cancel")
        self.daemon.reach(late_high, "finished")
        self.assertEqual([self.daemon.state(job) for job in (low, normal, late_normal)], ["queued"] * 3)
        self.daemon.ask("POST", f"/v1/jobs/{blocker}/cancel")
        for job in jobs:
            self.daemon.reach(job, "finished")
        self.assertEqual(self.started(*jobs), [high, raised, late_high, normal, late_normal, low])

    def test_queued_jobs_are_steered_like_running_ones(self):
        blocker = self.slow_job()
        self.daemon.reach(blocker, "running")
        names = ("paused", "cancelled", "deleted", "slowed", "timed")
        jobs = {name: self.daemon.post_job("198.18.64.0/26", ports="80", rate=1000, name=name) for name in names}
        self.assertEqual(self.daemon.run("pause", "paused").code, 0)
        self.assertEqual(self.daemon.run("cancel", "cancelled").code, 0)
        self.assertEqual(self.daemon.run("delete", "deleted").code, 0)
        self.assertEqual(self.daemon.run("rate", "slowed", 32).code, 0)
        self.assertEqual(self.daemon.run("delete", "timed").code, 0)
        late = self.daemon.post_job("198.18.64.0/26", ports="80", deadline=in_seconds(1))
        self.assertEqual(self.daemon.reach(late, "finished", seconds=3)["account"]["untested"], 64)
        self.assertEqual(self.daemon.state(jobs["paused"]), "paused")
        self.assertEqual(self.daemon.state(jobs["cancelled"]), "cancelled")
        self.assertEqual(self.daemon.http("GET", f"/v1/jobs/{jobs['deleted']}")[0], 404)
        before = self.sent()
        self.daemon.ask("DELETE", f"/v1/jobs/{blocker}")
        started = time.monotonic()
        self.daemon.reach(jobs["slowed"], "finished")
        self.assertAlmostEqual(time.monotonic() - started, 2, delta=0.7)
        self.assertLess(self.sent() - before, 70, "something else was scanned")
        self.assertEqual(self.daemon.state(jobs["paused"]), "paused")
        self.daemon.ask("POST", f"/v1/jobs/{jobs['paused']}/resume")
        self.daemon.reach(jobs["paused"], "finished")
        for job in jobs["paused"], jobs["slowed"]:
            self.assert_logged_once(job, [(address, 80) for address in addresses("198.18.64.0", 64)])

    def test_no_more_jobs_run_than_allowed(self):
        jobs = [self.slow_job() for _ in range(3)]
        self.daemon.reach(jobs[0], "running")
        time.sleep(0.3)
        self.assertEqual([self.daemon.state(job) for job in jobs], ["running", "queued", "queued"])
        self.daemon.ask("POST", f"/v1/jobs/{jobs[0]}/pause")  # makes room
        self.daemon.reach(jobs[1], "running")
        self.assertEqual(self.daemon.state(jobs[2]), "queued")

    def test_a_job_whose_namesake_still_runs_is_not_started_and_the_log_says_so(self):
        path = self.daemon.directory / "nightly.toml"
        path.write_text('name = "nightly"\ntargets = ["198.18.64.0/24"]\nports = "80-81"\nrate = 100\n')
        path.chmod(0o644)
        first = subprocess.Popen(self.daemon.synscan("scan", "--job", path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (first.kill(), first.communicate()))
        wait_until(lambda: self.daemon.http("GET", "/v1/jobs/nightly")[0] == 200, 10, "the first one is there")
        before = self.daemon.last_job()
        second = self.daemon.run("scan", "--job", path)
        self.assertEqual(second.code, 0, second.err)
        self.assert_sentence(second.err, "nightly")
        self.assertEqual(self.daemon.last_job(), before)
        refused = self.daemon.lines(event="job.refused")[-1]
        self.assertEqual(refused["name"], "nightly")
        self.assertTrue(refused["reason"])
        # Without a job file it is a mistake: somebody thinks of another scan.
        self.assertNotEqual(self.daemon.run("scan", "198.18.64.1", "-p", "80", "--name", "nightly").code, 0)
        self.daemon.run("rate", "nightly", 10_000)
        first.communicate(timeout=20)
        self.assertEqual(first.returncode, 0)
        third = self.daemon.run("scan", "--job", path, "--detach")
        self.assertEqual(third.code, 0, third.err)
        self.assertGreater(self.daemon.last_job(), before)

    def test_a_job_file_that_others_can_write_or_that_is_wrong_is_refused(self):
        path = self.daemon.directory / "wrong.toml"
        good = 'targets = ["198.18.64.1"]\nports = "80"\n'
        for text, mode in ((good, 0o664), (good, 0o646), ("targets = 5\n", 0o644), (good + "no_such_key = 1\n", 0o644), ("[", 0o644)):
            with self.subTest(text=text, mode=oct(mode)):
                path.write_text(text)
                path.chmod(mode)
                before = self.daemon.last_job()
                result = self.daemon.run("scan", "--job", path)
                self.assertIn(result.code, (2, 3))
                self.assert_sentence(result.err, "wrong.toml")
                self.assertEqual(self.daemon.last_job(), before)


class Hurry(QueueTest):
    """A job that is paused, resumed and killed before its last checkpoint can be in the store."""

    open_ports = ["1000-1004"]
    shares_daemon = False
    sections = {"limits": {"max_rate": 20_000}}

    def pause_and_resume(self, daemon, job):
        """Asks for the one before the other has been answered, and once more in case they overtook each other."""
        steps = [threading.Thread(target=daemon.http, args=("POST", f"/v1/jobs/{job}/{step}")) for step in ("pause", "resume")]
        for step in steps:
            step.start()
            time.sleep(0.002)
        for step in steps:
            step.join()
        daemon.http("POST", f"/v1/jobs/{job}/resume")

    def test_a_job_that_is_paused_and_resumed_at_once_again_and_again_is_complete_and_adds_up(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/22", ports="1000-1019", rate=5000)
        daemon.reach(job, "running")
        for turn in range(20):
            self.pause_and_resume(daemon, job)
            time.sleep(0.05)
            if turn % 7 == 6:
                daemon.kill()
                daemon.start()
        self.assertEqual(daemon.reach(job, "finished", seconds=60)["state"], "finished")
        self.assert_logged_once(job, [(address, port) for address in addresses("198.18.64.0", 1024) for port in range(1000, 1005)])
        self.assert_account(job, targets=20_480, open=5120, closed=15_360, filtered=0, untested=0)

    def test_a_job_that_is_resumed_before_a_slow_disk_has_its_checkpoint_does_not_go_on_from_an_older_one(self):
        daemon = self.own_daemon(limits={"max_rate": 100_000})
        daemon.power = Power(daemon.data, delay=200)
        daemon.start()
        job = daemon.post_job("198.18.64.0/21", ports="1000-1149", rate=40_000)
        daemon.reach(job, "running")
        time.sleep(3)
        self.pause_and_resume(daemon, job)
        daemon.ask("PATCH", f"/v1/jobs/{job}", {"rate": 1000})
        # Until the slower run has a checkpoint of its own, which must not mix with one that is ahead of it.
        time.sleep(5)
        daemon.kill()
        daemon.power = None
        daemon.start()
        daemon.ask("PATCH", f"/v1/jobs/{job}", {"rate": 100_000})
        daemon.reach(job, "finished", seconds=60)
        self.assert_account(job, targets=307_200, open=10_240, closed=296_960, filtered=0, untested=0)


class Deaths(QueueTest):
    """A job that takes the daemon down each time it starts."""

    open_ports = [80]
    shares_daemon = False
    sections = {"limits": {"max_rate": 20_000, "max_running_jobs": 4}}

    def die_before_the_first_checkpoint(self, job, thread="scan-transmit"):
        self.daemon.reach(job, "running")
        self.assertEqual(self.daemon.fault(thread), -signal.SIGSEGV)
        self.daemon.start()

    def test_a_job_that_stops_the_daemon_three_times_has_failed_and_others_go_on(self):
        daemon = self.own_daemon().start()
        other = daemon.post_job("198.18.65.0/24", ports="80-99", rate=500)
        time.sleep(2.5)  # two checkpoints
        job = daemon.post_job("198.18.64.0/24", ports="80-99", rate=500)
        for thread in "scan-transmit", "scan-capture", "recorder":
            self.assertNotEqual(daemon.state(job), "failed", f"before a death in {thread}")
            self.die_before_the_first_checkpoint(job, thread)
        shown = daemon.reach(job, "failed", seconds=5)
        self.assertIn("stopped the daemon", shown["reason"])
        self.assertEqual(self.events(job)[-1], "failed")
        daemon.ask("PATCH", f"/v1/jobs/{other}", {"rate": 5000})
        daemon.reach(other, "finished", seconds=30)
        self.assert_logged_once(other, [(address, 80) for address in addresses("198.18.65.0", 256)])

    def test_a_checkpoint_resets_the_count_of_deaths(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/24", ports="80-99", rate=500)
        for _ in range(2):
            self.die_before_the_first_checkpoint(job)
        daemon.reach(job, "running")
        time.sleep(2.5)
        for _ in range(2):
            daemon.kill(signal.SIGSEGV)
            daemon.start()
            daemon.reach(job, "running")
        daemon.ask("PATCH", f"/v1/jobs/{job}", {"rate": 5000})
        daemon.reach(job, "finished", seconds=30)
        self.assert_logged_once(job, [(address, 80) for address in addresses("198.18.64.0", 256)])

    def test_kills_and_power_failures_do_not_count(self):
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/24", ports="80-99", rate=2000)
        for _ in range(4):
            daemon.reach(job, "running")
            daemon.kill()
            daemon.start()
        daemon.reach(job, "finished", seconds=30)


class Interruption(QueueTest):
    open_ports = [80]
    shares_daemon = False
    sections = {"limits": {"max_rate": 20_000, "resume_within": "3s"}}

    def test_a_job_that_comes_after_a_long_idleness_has_not_been_interrupted_for_long(self):
        daemon = self.own_daemon().start()
        time.sleep(5)
        job = daemon.post_job("198.18.64.0/28", ports="80-99", rate=100)
        daemon.reach(job, "running")
        daemon.kill()
        daemon.start()
        self.assertEqual(daemon.reach(job, "running", seconds=2)["state"], "running")
        daemon.reach(job, "finished")

    def test_after_a_long_interruption_jobs_come_back_paused_after_a_short_one_they_go_on(self):
        daemon = self.own_daemon().start()
        for end in daemon.terminate, daemon.kill:
            job = daemon.post_job("198.18.64.0/24", ports="80-99", rate=2000)
            wait_until(lambda: self.sent() > 500, 10, "the scan runs")
            end()
            daemon.start()
            self.assertIn(daemon.reach(job, "running", "finished", seconds=2)["state"], ("running", "finished"))
            end()
            time.sleep(5)
            daemon.start()
            self.assertEqual(daemon.state(job), "paused")
            self.assertTrue(daemon.ask("GET", f"/v1/jobs/{job}").get("reason"))
            self.assert_still()
            daemon.ask("POST", f"/v1/jobs/{job}/resume")
            daemon.reach(job, "finished")
            self.assert_logged_once(job, [(address, 80) for address in addresses("198.18.64.0", 256)])
            self.lab("reset")
