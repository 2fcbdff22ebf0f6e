"""A submission that is cut short at any system call: what was acknowledged is there, what was not asked for is not."""

import collections
import concurrent.futures
import os
import subprocess
import time

from harness import LabTest, compile_helper, end_quietly
from power import Power

# How many of the moments one run tries: every third, or with SUBMISSION_STEP=1 all of them.
STEP = int(os.environ.get("SUBMISSION_STEP", 3))
WORKERS = 3


class Submission(LabTest):
    lasts = 40
    shares_daemon = False

    def test_an_acknowledged_job_survives_a_kill_at_any_system_call_and_none_is_invented(self):
        told = self.try_all(has_power=True)
        self.assertTrue({"unacknowledged", "acknowledged"} & told, "no kill came after the commit")

    def test_an_acknowledged_job_survives_a_power_failure_at_any_system_call_and_none_is_invented(self):
        self.try_all(has_power=False)

    def try_all(self, has_power):
        """What became of the submissions, in words."""
        # Every worker has a daemon, and takes the next moment as long as one before was early enough to kill.
        offset = 1 + time.time_ns() % STEP
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            work = [pool.submit(self.submit_until_nothing_kills, range(offset + STEP * i, 100_000, STEP * WORKERS), has_power)
                    for i in range(WORKERS)]
            outcomes = sum((each.result() for each in work), [])
        killed = [(stop, outcome) for stop, outcome in outcomes if outcome != "passed"]
        told = {outcome for _, outcome in outcomes}
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(collections.Counter(each for _, each in killed).items()))
        print(f"       killed at every {STEP}. of {max(stop for stop, _ in killed)} moments: {counts}", flush=True)
        # Too few moments mean that the kills did not reach into the submission at all.
        self.assertGreater(max(stop for stop, _ in killed), 40)
        self.assertLessEqual({"absent", "passed"}, told)
        return told

    def submit_until_nothing_kills(self, stops, has_power):
        """Submits under a kill at each of the stops in turn, until three submissions passed: (stop, outcome) for each."""
        daemon = self.new_daemon()
        if not has_power:
            daemon.power = Power(daemon.data)
        daemon.start()
        self.assertEqual(daemon.http("POST", "/v1/halt")[0], 200)  # so that nothing but the submission goes on
        outcomes, known = [], set()
        for stop in stops:
            name = f"stop-{stop}"
            acknowledged, has_passed = self.submit(daemon, name, stop)
            if not has_passed:
                if daemon.power:
                    daemon.power.cut()
                daemon.start()
            jobs = daemon.http("GET", "/v1/jobs")[1]
            new = [job for job in jobs if job["id"] not in known]
            known |= {job["id"] for job in jobs}
            self.assertLessEqual(len(new), 1, f"invented at stop {stop}")
            if acknowledged:
                self.assertEqual([job["id"] for job in new], [acknowledged], f"lost at stop {stop}")
            for job in new:
                self.assertEqual((job["name"], job["state"], job["targets"], job["account"]["targets"]),
                                 (name, "queued", ["198.18.64.0/29"], 16), f"not whole, at stop {stop}")
            outcomes.append((stop, "passed" if has_passed else "acknowledged" if acknowledged else "unacknowledged" if new else "absent"))
            if [outcome for _, outcome in outcomes[-3:]] == ["passed"] * 3:
                break
        daemon.close()
        return outcomes

    def submit(self, daemon, name, stop):
        """One submission with a kill at the given stop: the id that was acknowledged, if any, and whether the daemon lived on."""
        killer = subprocess.Popen([compile_helper("killat"), str(daemon.process.pid), str(stop)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(killer.stdout.readline(), "ready\n")
            acknowledged = None
            try:
                status, job = daemon.http("POST", "/v1/jobs", {"targets": ["198.18.64.0/29"], "ports": "80,81", "rate": 1, "name": name})
                self.assertEqual(status, 201, job)
                acknowledged = job["id"]
            except OSError:
                pass  # killed before it answered
            last, _ = killer.communicate(timeout=20)
            if last.startswith("killed"):
                daemon.process.wait(timeout=20)
            return acknowledged, last.startswith("counted")
        finally:
            end_quietly(killer)
