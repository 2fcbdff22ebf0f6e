"""A daemon that is killed again and again, with and without its power: the log is the truth each time.

TORTURE_KILLS says how often of each kind (60), TORTURE_SEED where the random numbers start. Each scan is killed several times in its
phases; what the phases mean stands at `Ordeal`. When the power fails everything goes that was not synced (volatile.c).
"""

import collections
import gzip
import json
import os
import random
import threading
import time

from harness import LabTest, addresses, wait_until
from power import Power

KILLS = int(os.environ.get("TORTURE_KILLS", 60))
SEED = int(os.environ.get("TORTURE_SEED", time.time_ns() % 1_000_000))

PHASES = ("start-up", "first pass", "later round", "finishing", "rotation", "reload")


class KnownScan(LabTest):
    """A scan of 1.5 s and two later rounds, with known truth."""

    open_ports = ["1000-1002"]
    shares_daemon = False
    sections = {"limits": {"max_rate": 8000}}
    request = {"targets": ["198.18.64.0/22"], "ports": "1000-1011", "rate": 8000, "retries": 2}
    expected = {(address, port) for address in addresses("198.18.64.128", 896) for port in (1000, 1001, 1002)}
    account = {"targets": 12_288, "open": 2688, "closed": 8064, "filtered": 1536, "down": 0, "untested": 0}

    @classmethod
    def prepare(cls):
        cls.lab("silent", "198.18.64.0/25")

    def submit(self):
        status, job = self.daemon.http("POST", "/v1/jobs", self.request)
        self.assertEqual(status, 201, job)
        return job["id"]

    def shown(self, job):
        status, shown = self.daemon.http("GET", f"/v1/jobs/{job}")
        self.assertEqual(status, 200, shown)
        return shown

    def reach(self, job, condition):
        """Waits until the shown job meets the condition or is over."""
        wait_until(lambda: (shown := self.shown(job))["state"] == "finished" or condition(shown), 30, f"a moment of job {job}")

    def reach_share(self, job, share):
        self.reach(job, lambda shown: (progress := shown.get("progress")) and (progress["round"] > 0 or progress["fraction"] >= share))

    def log_files(self):
        """The results log and its rotated files, the oldest first."""
        rotated = [path for path in self.daemon.data.glob("results.jsonl.*")]
        files = sorted(rotated, key=lambda path: int(path.name.split(".")[2]))
        return files + [self.daemon.log] * self.daemon.log.exists()

    def log_lines(self, is_complete):
        """All lines, checked to be whole, in order, without gap and without repeat. Of a log that is written to the last one may be torn."""
        rows = []
        for path in self.log_files():
            data = (gzip.decompress if path.suffix == ".gz" else bytes)(path.read_bytes())
            whole, newline, rest = data.rpartition(b"\n")
            if is_complete or path != self.daemon.log:
                self.assertEqual(rest, b"", f"a torn line at the end of {path.name}")
            rows += [json.loads(line) for line in (whole + newline).splitlines()]
        self.assert_consecutive([row["seq"] for row in rows], 1)
        self.assert_single(rows)
        return rows

    def assert_consecutive(self, numbers, first):
        wrong = next((i for i, number in enumerate(numbers) if number != first + i), None)
        if wrong is not None:
            self.fail(f"seq is {numbers[wrong]} and not {first + wrong}, after {numbers[max(0, wrong - 3):wrong]}")

    def assert_single(self, rows):
        found = collections.Counter((row["job"], row["address"], row["port"]) for row in rows if row["event"] == "port")
        self.assertEqual([target for target, count in found.items() if count > 1][:5], [], "logged more than once")
        ends = collections.Counter(row["job"] for row in rows if row["event"] == "job.finished")
        self.assertLessEqual(max(ends.values(), default=1), 1, ends)

    def assert_truth(self, job, rows):
        found = {(row["address"], row["port"]) for row in rows if row["event"] == "port" and row["job"] == job}
        self.assertEqual(sorted(self.expected - found)[:5], [], f"missing, of {len(self.expected)}")
        self.assertEqual(sorted(found - self.expected)[:5], [], "not there in truth")
        ends = [row for row in rows if row["event"] == "job.finished" and row["job"] == job]
        self.assertEqual(len(ends), 1)
        self.assertEqual({key: ends[0].get(key, 0) for key in self.account}, self.account)

    def finish_and_check(self, job):
        """Waits for the end of the job and checks log and store; gives all lines."""
        self.reach(job, lambda _: False)
        wait_until(lambda: b'"job.finished"' in self.daemon.log.read_bytes()[-2000:], 10, "the job's last line")
        rows = self.log_lines(True)
        self.assert_truth(job, rows)
        self.assertEqual(self.daemon.findings(job).keys(), self.expected)
        return rows


class Torture(KnownScan):
    lasts = 140

    def test_whenever_the_daemon_is_killed_the_log_is_the_truth(self):
        self.torture(has_power=True)

    def test_whenever_the_power_fails_the_log_is_the_truth(self):
        self.torture(has_power=False)

    def torture(self, has_power):
        """So many kills, each phase about as often as another, a fresh daemon every ten."""
        print(f"       TORTURE_SEED={SEED}, {KILLS} kills, power {'stays' if has_power else 'fails'}", flush=True)
        self.random = random.Random(SEED)
        plan = [PHASES[i % len(PHASES)] for i in range(KILLS)]
        self.random.shuffle(plan)
        history = []
        try:
            for start in range(0, KILLS, 10):
                self.ordeal(plan[start:start + 10], has_power, history)
        except BaseException as error:
            error.add_note(f"TORTURE_SEED={SEED}, after: {', '.join(history[-12:])}")
            raise

    def ordeal(self, phases, has_power, history):
        daemon = self.own_daemon()
        daemon.power = None if has_power else Power(daemon.data)
        daemon.start()
        self.rotations = 0
        phases = collections.deque(phases)
        while phases:
            job = self.submit()
            # Up to three kills for a scan, in the order in which their moments come.
            chosen = [phases.popleft() for _ in range(min(3, len(phases)))]
            for phase in sorted(chosen, key=("start-up", "reload", "rotation", "first pass", "later round", "finishing").index):
                history.append(f"{phase} of job {job}")
                getattr(self, "in_" + phase.replace(" ", "_").replace("-", "_"))(job)
                self.die()
                daemon.start()
                self.log_lines(False)
                self.assertEqual(self.shown(job)["id"], job)
            self.finish_and_check(job)
            history.append(f"job {job} checked")
        code, seconds = daemon.terminate()
        self.assertEqual(code, 0, daemon.output()[-2000:])
        self.log_lines(True)
        daemon.close()

    def die(self):
        self.daemon.kill()
        if self.daemon.power:
            self.daemon.power.cut()

    def pause(self, seconds):
        time.sleep(self.random.uniform(0, seconds))

    # Each of these ends at the moment to kill.

    def in_start_up(self, job):
        """A later start of the daemon, anywhere until it answers."""
        self.reach_share(job, self.random.uniform(0, 0.5))
        self.die()
        self.daemon.launch()
        self.pause(0.3)

    def in_first_pass(self, job):
        self.reach_share(job, self.random.uniform(0, 0.85))

    def in_later_round(self, job):
        self.reach(job, lambda shown: (shown.get("progress") or {"round": 0})["round"] > 0)
        self.pause(0.5)

    def in_finishing(self, job):
        """Around the last answer, or right after the job is known to be finished."""
        if self.random.random() < 0.5:
            self.reach(job, lambda shown: (shown.get("progress") or {"round": 0})["round"] > 1)
            self.pause(0.8)
        else:
            self.reach(job, lambda _: False)
            self.pause(0.01)

    def in_rotation(self, job):
        """Between the rename and some time after `synscan reopen` has done its work."""
        self.reach_share(job, self.random.uniform(0, 0.6))
        self.rotations += 1
        self.daemon.log.rename(f"{self.daemon.log}.{self.rotations}")
        self.call_and_leave("/v1/reopen")

    def in_reload(self, job):
        """A reload that takes back or makes an exclusion apart from the scan's targets."""
        self.reach_share(job, self.random.uniform(0, 0.6))
        scope = self.daemon.sections["scope"]
        scope["deny"] = [] if scope.get("deny") else ["198.18.79.1"]
        self.daemon.configure()
        self.call_and_leave("/v1/reload")

    def call_and_leave(self, route):
        def call():
            try:
                self.daemon.http("POST", route)
            except OSError:
                pass  # killed

        threading.Thread(target=call, daemon=True).start()
        self.pause(0.03)


class Recovery(KnownScan):
    """What becomes of the log's file while the daemon is down."""

    def stop_in_the_middle(self, stop):
        self.own_daemon().start()
        job = self.submit()
        self.reach_share(job, 0.5)
        stop()
        return job

    def test_a_log_that_was_rotated_while_the_daemon_was_dead_is_continued_in_the_next_file(self):
        job = self.stop_in_the_middle(lambda: self.daemon.kill())
        self.daemon.log.rename(f"{self.daemon.log}.1")
        self.daemon.start()
        rows = self.finish_and_check(job)
        self.assertGreater(len(self.log_files()), 1)
        self.assertGreater(len(rows), len(self.expected))

    def test_a_log_that_was_compressed_after_a_stop_is_continued(self):
        job = self.stop_in_the_middle(lambda: self.daemon.terminate())
        self.compress()
        self.daemon.start()
        self.finish_and_check(job)

    def test_a_log_that_was_deleted_after_a_stop_is_continued(self):
        job = self.stop_in_the_middle(lambda: self.daemon.terminate())
        kept = self.daemon.log.read_bytes()
        self.daemon.log.unlink()
        self.daemon.start()
        self.reach(job, lambda _: False)
        (self.daemon.data / "results.jsonl.0").write_bytes(kept)  # for the check
        self.finish_and_check(job)

    def test_a_log_that_was_compressed_after_a_kill_loses_nothing_and_repeats_at_most_its_last_second(self):
        job = self.stop_in_the_middle(lambda: self.daemon.kill())
        self.compress()
        self.daemon.start()
        self.reach(job, lambda _: False)
        wait_until(lambda: b'"job.finished"' in self.daemon.log.read_bytes()[-2000:], 10, "the job's last line")
        old = gzip.decompress((self.daemon.data / "results.jsonl.1.gz").read_bytes()).splitlines()
        new = self.daemon.log.read_bytes().splitlines()
        if not self.is_whole(old[-1]):
            del old[-1]  # the line that the kill tore
        numbers = [json.loads(line)["seq"] for line in new]
        self.assert_consecutive(numbers, numbers[0])
        repeated = len(old) + 1 - numbers[0]
        self.assertGreaterEqual(repeated, 0, "lines are missing")
        self.assertEqual(old[len(old) - repeated:], new[:repeated], "other lines with the same number")
        self.assertLess(repeated, 2 * 8000 * 1.5)
        self.assert_truth(job, [json.loads(line) for line in old + new[repeated:]])

    @staticmethod
    def is_whole(line):
        try:
            return bool(json.loads(line))
        except ValueError:
            return False

    def compress(self):
        (self.daemon.data / "results.jsonl.1.gz").write_bytes(gzip.compress(self.daemon.log.read_bytes()))
        self.daemon.log.unlink()
