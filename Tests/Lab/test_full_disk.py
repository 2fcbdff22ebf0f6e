"""No room for results: jobs wait, nothing is lost, and they go on by themselves."""

import contextlib
import os
import subprocess
import time

from harness import wait_until
from test_torture import KnownScan


class Disk:
    """A file system of a few MiB in memory, mounted at a directory."""

    def __init__(self, test, directory, size="64m"):
        self.directory = directory
        self.filler = directory / "filler"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "synscan-test", directory], check=True)
        test.addCleanup(subprocess.run, ["umount", directory], check=True)

    def free(self):
        status = os.statvfs(self.directory)
        return status.f_bavail * status.f_frsize

    def fill(self, spare):
        """Leaves at most so many bytes free."""
        with contextlib.suppress(OSError), open(self.filler, "ab", buffering=0) as filler:
            while (excess := self.free() - spare) > 0:  # somebody else writes, too
                filler.write(bytes(excess))

    def empty(self):
        self.filler.unlink()


class SmallDisk(KnownScan):
    sections = {"limits": {"max_rate": 8000}, "results": {"min_free": 0}}

    def start(self, directory, **sections):
        """A daemon whose results log, or all of whose data, lies on a small disk. `Daemon.close` comes before the disk's unmounting."""
        daemon = self.own_daemon(**sections)
        directory = daemon.directory / directory
        directory.mkdir(exist_ok=True)
        # Cleanups run last first: the disk is unmounted when the daemon has ended.
        self.disk = Disk(self, directory)
        self.addCleanup(daemon.kill)
        if directory != daemon.data:
            daemon.log = directory / "results.jsonl"
            daemon.sections["results"]["log"] = str(daemon.log)
            daemon.configure()
        return daemon.start()

    def assert_waiting(self, job, *words):
        shown = self.daemon.reach(job, "waiting", seconds=10)
        for word in words:
            self.assertIn(word, shown["reason"])
        time.sleep(1)
        sent = self.lab.counters()["syn"]
        time.sleep(0.5)
        self.assertEqual(self.lab.counters()["syn"], sent, "a job that waits sends nothing")
        self.assertEqual(self.daemon.state(job), "waiting")
        return shown

    def assert_complete(self, job):
        """It goes on by itself, complete and exact."""
        self.finish_and_check(job)
        events = [line["event"] for line in self.daemon.lines(job) if line["event"].startswith("job.")]
        self.assertEqual((events[0], events[-1]), ("job.queued", "job.finished"))
        self.assertIn("job.waiting", events)


class FullDisk(SmallDisk):
    def test_a_full_disk_under_the_log_costs_no_line(self):
        self.start("log")
        self.disk.fill(100_000)
        job = self.submit()
        self.assert_waiting(job, "no space for results")
        self.log_lines(True)
        self.assertIn("no space", self.daemon.run("status").out)
        self.disk.empty()
        self.assert_complete(job)

    def test_a_full_disk_under_log_and_store_costs_nothing(self):
        self.start("data")
        job = self.submit()
        self.reach_share(job, 0.2)
        self.disk.fill(0)
        shown = self.daemon.reach(job, "waiting", seconds=10)
        self.assertIn("no space for results", shown["reason"])
        # What cannot be made durable is not acknowledged.
        status, answer = self.daemon.http("POST", "/v1/jobs", self.request)
        self.assertEqual((status, answer["kind"]), (503, "unavailable"))
        self.disk.empty()
        self.assert_complete(job)
        self.assertEqual(len(self.daemon.ask("GET", "/v1/jobs")), 1)

    def test_a_full_disk_and_a_kill_cost_nothing(self):
        for directory in "log", "data":
            with self.subTest(directory=directory):
                self.start(directory)
                job = self.submit()
                self.reach_share(job, 0.3)
                self.disk.fill(20_000)
                self.daemon.reach(job, "waiting", seconds=10)
                self.daemon.kill()
                self.disk.empty()
                self.daemon.start()
                self.finish_and_check(job)

    def test_jobs_wait_before_the_disk_is_full(self):
        self.start("data", results={"min_free": 16 << 20})
        job = self.submit()
        self.reach_share(job, 0.2)
        self.disk.fill(15 << 20)
        self.assert_waiting(job, "no space for results", "min_free")
        self.assertGreater(self.disk.free(), 8 << 20)
        self.disk.empty()
        self.assert_complete(job)

    def test_a_log_that_cannot_be_written_costs_no_line(self):
        self.own_daemon().start()
        job = self.submit()
        self.reach_share(job, 0.2)
        # A file that is open for writing keeps its file system from being mounted read-only; this is as good.
        subprocess.run(["chattr", "+i", self.daemon.log], check=True)
        try:
            self.assert_waiting(job, "no space for results")
        finally:
            subprocess.run(["chattr", "-i", self.daemon.log], check=True)
        self.assert_complete(job)

    def test_a_scan_is_not_disturbed_by_a_disk_that_is_full_for_others(self):
        self.start("log")
        job = self.submit()
        wait_until(lambda: self.shown(job)["state"] == "running", 5, "it runs")
        (self.disk.directory / "other").write_bytes(bytes(48 << 20))
        self.finish_and_check(job)
        self.assertNotIn("job.waiting", [line["event"] for line in self.daemon.lines(job)])
