"""synscan as a service of a real systemd: who may use it, and what becomes of a scan when the service is stopped, hung, reloaded or rotated."""

import json
import time

from harness import addresses, wait_until
from machine import MachineTest

PORTS = "22,80,443,8080"
ALL = [(address, port) for address in addresses("198.18.64.0", 4096) for port in (22, 80, 443)]


class ServiceTest(MachineTest):
    @classmethod
    def prepare(cls):
        cls.machine.install()
        cls.machine.configure(**cls.sections)
        cls.machine("systemctl", "restart", "synscand")
        cls.machine("useradd", "--groups", "synscan", "olga")
        cls.machine("useradd", "vera")

    def tearDown(self):
        super().tearDown()
        self.assertEqual(self.machine.show("ActiveState"), "active")

    def configure(self, **sections):
        """Another configuration until the test's end."""
        self.addCleanup(self.machine, "systemctl", "restart", "synscand")
        self.addCleanup(self.machine.configure, **self.sections)
        self.machine.configure(**{**self.sections, **sections})

    def start_long_scan(self, rate=4000):
        """Submits a scan of some seconds, and returns in the middle of it."""
        job = self.machine.submit("198.18.64.0/20", "-p", PORTS, "--rate", rate)
        wait_until(lambda: self.machine.job(job)["account"]["open"] > 1000, 20, "the scan is in full swing")
        return job

    def assert_complete(self, job):
        self.assertEqual(self.machine.finish(job)["state"], "finished")
        self.assert_found_once(job, ALL)

    # --- who may do what ---

    def test_a_member_of_the_group_finds_exactly_the_open_ports(self):
        done = self.machine("synscan", "scan", "198.18.64.0/24", "-p", "22,80,8080", "--json", user="olga")
        rows = [json.loads(line) for line in done.out.splitlines()]
        found = sorted((row["address"], row["port"]) for row in rows if "port" in row)
        self.assertEqual(found, sorted((address, port) for address in addresses("198.18.64.0", 256) for port in (22, 80)))
        self.assert_found_once(rows[-1]["id"], found)
        # The unit allows the fastest link.
        self.assertEqual(rows[-1]["account"]["link"], "xdp", rows[-1]["account"])
        plan = self.machine("synscan", "plan", "198.18.64.0/24", "-p", "22", user="olga").out
        self.assertIn("xdp", plan)
        self.assertEqual(rows[-1]["submitted_by"]["uid"], int(self.machine("id", "-u", "olga").out))

    def test_who_is_not_in_the_group_cannot_use_the_daemon(self):
        for command in (["status"], ["scan", "198.18.64.1", "-p", "22"]):
            done = self.machine("synscan", *command, user="vera", check=False)
            self.assertEqual((done.code, done.out), (3, ""), command)

    def test_who_has_a_role_without_being_in_the_group_reaches_the_daemon(self):
        self.configure(**{"control.roles": {"viewer": ["vera"]}})
        self.machine("systemctl", "restart", "synscand")
        self.assertEqual(json.loads(self.machine("synscan", "status", "--json", user="vera").out)["role"], "viewer")
        self.assertEqual(self.machine("synscan", "scan", "198.18.64.1", "-p", "22", user="vera", check=False).code, 3)

    # --- reload ---

    def test_reload_applies_a_new_exclusion(self):
        before = self.machine.show("MainPID")
        self.configure(scope={"allow": ["198.18.64.0/20"], "deny": ["198.18.65.0/24"]})
        self.assertEqual(self.machine("synscan", "plan", "198.18.65.1", "-p", "22").code, 0)
        self.machine("systemctl", "reload", "synscand")
        done = self.machine("synscan", "scan", "198.18.65.1", "-p", "22", check=False)
        self.assertEqual(done.code, 3, done.err)
        self.assertEqual(self.machine.show("MainPID"), before)
        self.assertEqual(self.lab.counters()["syn"], 0)

    def test_a_refused_reload_fails_and_the_daemon_goes_on_as_before(self):
        job = self.start_long_scan()
        before = self.machine.show("MainPID")
        self.configure(scope={"allow": ["nonsense"]})
        self.assertNotEqual(self.machine("systemctl", "reload", "synscand", check=False).code, 0)
        self.assertIn("nonsense", self.machine.journal())
        self.assertEqual((self.machine.show("ActiveState"), self.machine.show("MainPID")), ("active", before))
        self.assertEqual(self.machine("synscan", "plan", "198.18.64.1", "-p", "22").code, 0)
        self.assert_complete(job)

    # --- interruptions ---

    def test_a_scan_goes_on_after_the_service_is_stopped_and_started(self):
        job = self.start_long_scan()
        started = time.monotonic()
        self.machine("systemctl", "stop", "synscand")
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual((self.machine.show("Result"), self.machine.show("ExecMainStatus")), ("success", "0"))
        self.machine("systemctl", "start", "synscand")
        self.assert_complete(job)

    def test_a_daemon_that_hangs_is_restarted_and_the_scan_is_complete(self):
        drop_in = "/run/systemd/system/synscand.service.d/impatient.conf"
        self.machine.write(drop_in, "[Service]\nWatchdogSec=2\n")
        self.machine("systemctl", "daemon-reload")
        self.addCleanup(self.machine, "systemctl", "restart", "synscand")
        self.addCleanup(self.machine, "systemctl", "daemon-reload")
        self.addCleanup(self.machine, "rm", "-r", drop_in.rsplit("/", 1)[0])
        self.machine("systemctl", "restart", "synscand")
        job = self.start_long_scan()
        before = self.machine.show("MainPID")
        self.assertEqual(self.machine.show("NRestarts"), "0")
        self.machine("kill", "-STOP", before)
        wait_until(lambda: self.machine.show("NRestarts") == "1" and self.machine.show("ActiveState") == "active", 15, "the daemon is restarted")
        self.assertNotEqual(self.machine.show("MainPID"), before)
        self.assertIn("Watchdog timeout", self.machine.journal())
        self.assert_complete(job)
        self.assertEqual(self.machine.show("NRestarts"), "1", "only the one that hung is restarted")

    def test_an_upgrade_in_the_middle_of_a_scan_loses_nothing(self):
        job = self.start_long_scan()
        self.machine.install()
        self.assert_complete(job)

    # --- rotation ---

    def test_no_line_is_lost_when_the_logs_are_rotated_in_the_middle_of_a_scan(self):
        # As it is done every night, sandboxed like that, but now.
        drop_in = "/run/systemd/system/logrotate.service.d/now.conf"
        self.machine.write(drop_in, "[Service]\nExecStart=\nExecStart=/usr/sbin/logrotate --force /etc/logrotate.conf\n")
        self.machine("systemctl", "daemon-reload")
        self.addCleanup(self.machine, "systemctl", "daemon-reload")
        self.addCleanup(self.machine, "rm", "-r", drop_in.rsplit("/", 1)[0])
        job = self.start_long_scan()
        for _ in range(2):
            before = self.machine.job(job)["account"]["open"]
            self.machine("systemctl", "start", "logrotate")
            self.assertEqual(self.machine.show("Result", "logrotate.service"), "success")
            wait_until(lambda: self.machine.job(job)["account"]["open"] > before, 10, "the scan goes on")
        self.assert_complete(job)
        folder = self.machine.log.parent
        names = {path.name for path in folder.iterdir()}
        self.assertLessEqual({"results.jsonl", "results.jsonl.1", "results.jsonl.2.gz", "audit.jsonl", "audit.jsonl.1"}, names)
        for path in folder.glob("results.jsonl*"):
            self.assertGreater(path.stat().st_size, 0, path.name)
            self.assertEqual((oct(path.stat().st_mode & 0o777), path.stat().st_gid), ("0o640", folder.stat().st_gid), path.name)

    # --- scheduled jobs ---

    def test_a_timer_runs_a_job_and_a_second_start_beside_it_starts_nothing(self):
        self.machine.write("/etc/synscan/jobs/night.toml",
                           f'targets = ["198.18.64.0/20"]\nports = "{PORTS}"\nrate = 4000\n')
        self.machine.write("/etc/systemd/system/synscan-job@night.timer.d/soon.conf",
                           "[Timer]\nOnCalendar=\nOnActiveSec=2\nRandomizedDelaySec=0\nAccuracySec=100ms\n")
        self.machine("systemctl", "daemon-reload")
        unit = "synscan-job@night.service"
        self.machine("systemctl", "start", "synscan-job@night.timer")
        self.addCleanup(self.machine, "systemctl", "stop", "synscan-job@night.timer")
        job = wait_until(lambda: next((job for job in self.machine.jobs() if job.get("name") == "night"), None), 20, "the timer's job")["id"]
        self.assertEqual(self.machine.show("ActiveState", unit), "activating")
        wait_until(lambda: self.machine.job(job)["state"] == "running", 10, "the job runs")

        count = len(self.machine.jobs())
        # Names are each user's own: beside the timer's job stands one that its user starts.
        second = self.machine("synscan", "scan", "--job", "/etc/synscan/jobs/night.toml", user="synscan")
        self.assertEqual((second.code, len(self.machine.jobs())), (0, count), second.err)
        self.assertEqual(len([row for row in self.lines("job.refused") if row["name"] == "night"]), 1)

        self.assert_complete(job)
        wait_until(lambda: self.machine.show("ActiveState", unit) == "inactive", 10, "the unit ends with its job")
        self.assertEqual((self.machine.show("Result", unit), self.machine.show("ExecMainStatus", unit)), ("success", "0"))
        self.assertEqual(self.machine.job(job)["submitted_by"]["uid"], int(self.machine("id", "-u", "synscan").out))
        self.assertEqual([row["event"] for row in self.lines() if row.get("job") == job and row["event"] != "port"],
                         ["job.queued", "job.started", "job.finished"])

    def test_a_scheduled_job_outside_the_scope_fails_and_says_why(self):
        self.machine.write("/etc/synscan/jobs/far.toml", 'targets = ["198.19.0.1"]\nports = "22"\n')
        self.assertNotEqual(self.machine("systemctl", "start", "synscan-job@far", check=False).code, 0)
        self.assertEqual(self.machine.show("ExecMainStatus", "synscan-job@far.service"), "3")
        self.assertIn("198.19.0.1 is outside the scope", self.machine.journal("synscan-job@far.service"))
        self.machine("systemctl", "reset-failed", "synscan-job@far.service")
