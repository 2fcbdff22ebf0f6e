"""Targets that were not tested: a row for each, with its reason, exactly once; and `retry`, which tests just those."""

import collections
import time

from harness import LabTest, addresses, wait_until


class Untested(LabTest):
    open_ports = ("22", "2000-2099")
    sections = {"limits": {"max_rate": 100_000}}

    def rows(self, job):
        """What the store says of each target, after a look whether the log says just the same."""
        found = self.daemon.findings(job)
        logged = [line for line in self.daemon.lines(job, "port")]
        self.assertEqual(len(logged), len({(line["address"], line["port"]) for line in logged}), "a target is in the log twice")
        self.assertEqual({(line["address"], line["port"]): (line["state"], line["reason"]) for line in logged},
                         {target: (row["state"], row["reason"]) for target, row in found.items()})
        return found

    def states(self, job):
        return collections.Counter((row["state"], row["reason"]) for row in self.rows(job).values())

    def targets(self, job, state):
        return {target for target, row in self.rows(job).items() if row["state"] == state}

    def post(self, *targets, **keys):
        return self.daemon.post_job(*targets, **{"recall": "none", "states": ["open", "closed", "filtered", "down", "untested"], **keys})

    def test_a_deadline_leaves_a_row_for_each_target_and_retry_asks_just_those(self):
        result = self.daemon.run("scan", "198.18.64.0/29", "-p", "22,80", "--rate", "4", "--deadline", "2s", "--states", "all", "--json")
        job = self.daemon.last_job()
        rows = self.rows(job)
        self.assertEqual(len(rows), 16, result)
        untested = self.targets(job, "untested")
        self.assertTrue(4 <= len(untested) <= 12, len(untested))
        self.assertEqual({rows[target]["reason"] for target in untested}, {"deadline"})
        account = self.daemon.job(job)["account"]
        self.assertEqual(account["untested"], len(untested))
        with self.lab.probes() as probes:
            again = self.daemon.run("retry", job)
        self.assertEqual(again.code, 0, again)
        second = self.daemon.last_job()
        shown = self.daemon.job(second)
        self.assertEqual((shown["retry_of"], shown["account"]["targets"], shown["targets"]), (job, len(untested), ["198.18.64.0/29"]))
        self.assertEqual({(probe.address, probe.port) for probe in probes}, untested)
        self.assertEqual(set(self.rows(second)), untested)
        account = shown["account"]
        self.assertEqual((account["open"] + account["closed"], account["untested"], account["filtered"]), (len(untested), 0, 0))
        self.assertIn(f"what job {job} left untested", self.daemon.run("show", second).out)
        nothing = self.daemon.run("retry", second)
        self.assertEqual(nothing.code, 2)
        self.assertIn(f"Nothing of job {second} was left untested", nothing.err)
        everything = self.daemon.run("scan", "198.18.64.0/29", "-p", "22,80", "--rate", "4", "--deadline", "2s", "--states", "untested", "--json")
        self.assertGreaterEqual(len(everything.out.splitlines()), 5)

    def test_retry_needs_no_recorded_rows_and_goes_on_over_several_jobs_and_restarts(self):
        first = job = self.post("198.18.64.0/24", ports="22,80", rate=1000, states=["open", "closed"])
        seen = {}
        for _ in range(4):
            wait_until(lambda: self.daemon.ask("GET", f"/v1/jobs/{job}")["account"]["probes_sent"] > 80, 10, "it probes")
            self.daemon.ask("POST", f"/v1/jobs/{job}/cancel")
            account = self.daemon.job(job)["account"]
            new = self.rows(job)
            self.assertFalse(seen.keys() & new.keys())
            seen.update(new)
            self.assertEqual(account["untested"], 512 - len(seen))
            if job == first:
                self.daemon.kill()
                self.daemon.start()
            job = self.daemon.ask("POST", f"/v1/jobs/{job}/retry", status=201)["id"]
        self.daemon.reach(job, "finished")
        new = self.rows(job)
        self.assertFalse(seen.keys() & new.keys())
        self.assertEqual(len({**seen, **new}), 512)

    def test_a_cancelled_job_tells_what_it_left_and_one_that_is_not_over_cannot_be_retried(self):
        job = self.post("198.18.64.0/26", ports="22", rate=10)
        self.daemon.reach(job, "running")
        refusal = self.daemon.run("retry", job)
        self.assertEqual(refusal.code, 2)
        self.assertIn("is not over yet", refusal.err)
        self.daemon.ask("POST", f"/v1/jobs/{job}/cancel")
        states = self.states(job)
        self.assertEqual(sum(states.values()), 64)
        self.assertEqual(states[("untested", "cancelled")], self.daemon.job(job)["account"]["untested"])

    def test_a_job_that_is_killed_while_it_is_paused_or_ending_tells_all_once(self):
        job = self.post("198.18.64.0/20", ports="22,80,81,82", rate=20_000)
        wait_until(lambda: self.daemon.ask("GET", f"/v1/jobs/{job}")["account"]["probes_sent"] > 3000, 10, "it probes")
        self.daemon.ask("POST", f"/v1/jobs/{job}/pause")
        for pause in (0.02, 0.1, 0.2):
            try:
                self.daemon.http("POST", f"/v1/jobs/{job}/cancel", timeout=pause)
            except OSError:
                pass
            self.daemon.kill()
            self.daemon.start()
        if self.daemon.state(job) == "paused":
            self.daemon.ask("POST", f"/v1/jobs/{job}/cancel")
        shown = self.daemon.reach(job, "cancelled", seconds=60)
        rows = self.rows(job)
        self.assertEqual(len(rows), 4096 * 4)
        self.assertEqual(sum(row["state"] == "untested" for row in rows.values()), shown["account"]["untested"])

    def test_what_the_scope_excludes_later_is_told_and_retried_when_it_is_allowed_again(self):
        daemon = self.daemon
        job = self.post("198.18.64.0/27", ports="22", rate=10, states=["open", "untested"])
        daemon.reach(job, "running")
        try:
            daemon.sections["scope"]["deny"] = ["198.18.64.16/28"]
            daemon.configure()
            self.assertEqual(daemon.run("reload").code, 0)
            daemon.reach(job, "finished")
            untested = self.targets(job, "untested")
            self.assertTrue(untested)
            self.assertLessEqual({address for address, _ in untested}, set(addresses("198.18.64.16", 16)))
            self.assertEqual(self.states(job)[("untested", "excluded")], len(untested))
            # Nothing of it may be asked now.
            still = daemon.ask("POST", f"/v1/jobs/{job}/retry", status=201)["id"]
            self.assertEqual(daemon.reach(still, "finished")["account"]["probes_sent"], 0)
            self.assertEqual(self.targets(still, "untested"), untested)
        finally:
            del daemon.sections["scope"]["deny"]
            daemon.configure()
            daemon.run("reload")
        again = daemon.ask("POST", f"/v1/jobs/{still}/retry", status=201)["id"]
        daemon.reach(again, "finished")
        self.assertEqual(self.targets(again, "open"), untested)

    def test_the_ports_that_a_host_which_answers_everything_is_spared_are_told(self):
        job = self.post("198.18.64.1", "198.18.64.2", ports="2000-2099,3000-3020", rate=1000)
        plain = self.daemon.reach(job, "finished")
        self.assertEqual(plain["account"]["untested"], 0)
        flooded = self.post("198.18.64.1", ports="1-65535", rate=20_000, states=["untested"])
        account = self.daemon.reach(flooded, "finished", seconds=60)["account"]
        self.assertEqual(len(self.rows(flooded)), account["untested"])

    def test_a_huge_rest_is_recorded_while_the_daemon_answers(self):
        job = self.post("198.18.64.0/20", ports="1-97", rate=1000, states=["untested"])
        self.daemon.reach(job, "running")
        started = time.monotonic()
        self.daemon.http("POST", f"/v1/jobs/{job}/cancel", timeout=30)
        while self.daemon.state(job) not in ("cancelled",):
            self.assertLess(time.monotonic() - started, 120)
            time.sleep(0.05)
        account = self.daemon.job(job)["account"]
        self.assertGreater(account["untested"], 390_000)
        print(f"       {account['untested']} untested targets recorded in {time.monotonic() - started:.1f} s", flush=True)
        count = sum(1 for line in self.daemon.run("results", job, "--json").out.splitlines())
        self.assertEqual(count, account["untested"])
