"""A new configuration and new exclusions while the daemon runs."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

from harness import LabTest, link, wait_until


class Reload(LabTest):
    open_ports = [80]
    sections = {"limits": {"max_rate": 20_000}}
    shares_daemon = False

    def start(self, **scope):
        daemon = self.own_daemon(scope=scope)
        daemon.start()
        return daemon

    def slow_job(self):
        """A job over /24 that goes on for long."""
        job = self.daemon.post_job("198.18.64.0/24", ports="1-1000", rate=5000)
        wait_until(lambda: self.lab.counters()["syn"] > 500, 10, "the scan runs")
        return job

    def assert_refused_reload(self, *words):
        """The reload fails with a sentence and nothing changes."""
        before = self.daemon.ask("GET", "/v1/status")
        result = self.daemon.run("reload")
        self.assertNotEqual(result.code, 0)
        self.assert_sentence(result.err, *words)
        after = self.daemon.ask("GET", "/v1/status")
        for key in ("scope_allow", "scope_deny", "max_rate"):
            self.assertEqual(before[key], after[key])
        return result

    def assert_excluded_within_a_second(self, *excluded):
        """From a second after this moment on nothing goes to those addresses; then the running job ends and tells them as untested."""
        time.sleep(1)
        self.lab("scope", "198.18.64.0/20", "except", *excluded)
        self.addCleanup(self.lab, "scope", "198.18.64.0/20")
        self.lab("reset")
        wait_until(lambda: self.lab.counters()["syn"] > 10_000, 20, "the scan goes on")
        self.assertEqual(self.lab.counters()["stray"], 0)

    def test_a_new_exclusion_acts_on_a_running_job_within_a_second(self):
        daemon = self.start()
        job = self.slow_job()
        daemon.sections["scope"]["deny"] = ["198.18.64.64/26", "198.18.64.9"]
        daemon.configure()
        result = daemon.run("reload")
        self.assertEqual(result.code, 0, result.err)
        self.assertIn("scope.deny", result.out + result.err)
        self.assertIn("198.18.64.64/26", result.out + result.err)
        self.assert_excluded_within_a_second("198.18.64.64/26", "198.18.64.9")
        daemon.ask("PATCH", f"/v1/jobs/{job}", {"rate": 20_000})
        daemon.reach(job, "finished", seconds=60)
        account = self.assert_account(job, targets=256_000, filtered=0)
        self.assertGreater(account["untested"], 10_000)
        self.lab("reset")
        self.assert_refused(["scan", "198.18.64.9", "-p", "80"], 3, "198.18.64.9")

    @unittest.skipIf(link == "raw-ip", "by raw-ip the kernel itself keeps packets for a gateway that it is asking for")
    def test_probes_that_a_full_wire_held_back_before_an_exclusion_are_not_sent_after_it(self):
        daemon = self.own_daemon(limits={"max_rate": 100_000})
        daemon.start()
        for order, release in (("halt", "unhalt"), (None, None)):
            job = daemon.post_job("198.18.64.0/24", ports="1-1000", rate=100_000)
            wait_until(lambda: self.lab.counters()["syn"] > 500, 10, "the scan runs")
            self.lab("exec", "far", "ip", "link", "set", "far0", "down")
            time.sleep(0.2)
            if order:
                daemon.ask("POST", f"/v1/{order}")
            daemon.sections["scope"]["deny"] = ["198.18.64.0/25"]
            daemon.configure()
            daemon.ask("POST", "/v1/reload")
            self.lab("scope", "198.18.64.128/25")
            self.addCleanup(self.lab, "scope", "198.18.64.0/20")
            self.lab("reset")
            self.lab("exec", "far", "ip", "link", "set", "far0", "up")
            self.lab("exec", "far", "ip", "route", "replace", "198.18.1.1", "via", "198.18.0.1")
            if release:
                daemon.ask("POST", f"/v1/{release}")
            wait_until(lambda: self.lab.counters()["syn"] > 10_000, 10, "the scan goes on")
            self.assertEqual(self.lab.counters()["stray"], 0)
            daemon.clear()
            daemon.sections["scope"]["deny"] = []
            daemon.configure()
            daemon.ask("POST", "/v1/reload")
            self.lab("scope", "198.18.64.0/20")

    def test_a_signal_reloads_too(self):
        daemon = self.start()
        self.slow_job()
        daemon.sections["scope"]["deny"] = ["198.18.64.128/25"]
        daemon.configure()
        daemon.process.send_signal(signal.SIGHUP)
        self.assert_excluded_within_a_second("198.18.64.128/25")
        daemon.clear()

    def test_a_deny_file_is_read_again(self):
        path = self.deny_file("198.18.65.0/24 # not these\n")
        daemon = self.start(deny_files=[str(path)])
        self.assertEqual(daemon.run("scan", "198.18.65.1", "-p", "80").code, 3)
        path.write_text("198.18.66.0/24\n")
        result = daemon.run("reload")
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(daemon.run("scan", "198.18.65.1", "-p", "80").code, 0)
        self.assertEqual(daemon.run("scan", "198.18.66.1", "-p", "80").code, 3)

    def deny_file(self, text):
        scratch = tempfile.TemporaryDirectory(prefix="synscan-")
        self.addCleanup(scratch.cleanup)
        path = pathlib.Path(scratch.name, "denied")
        path.write_text(text)
        path.chmod(0o644)
        return path

    def test_what_changed_is_told_and_what_needs_a_restart(self):
        daemon = self.start()
        unchanged = daemon.ask("POST", "/v1/reload")
        self.assertEqual(unchanged, {"changed": [], "needs_restart": []})
        daemon.sections["limits"]["max_rate"] = 15_000
        daemon.sections["scan"] = {"source_ports": "61000-62000"}
        daemon.configure()
        told = daemon.ask("POST", "/v1/reload")
        self.assertTrue(any("max_rate" in line and "20000" in line and "15000" in line for line in told["changed"]), told)
        self.assertEqual(daemon.ask("GET", "/v1/status")["max_rate"], 15_000)
        self.assertTrue(any("source_ports" in line for line in told["changed"] + told["needs_restart"]), told)

    def test_a_broken_configuration_is_refused_and_nothing_changes(self):
        daemon = self.start()
        good = daemon.configuration.read_text()
        for text, *words in (
            ("[scope", "synscand.toml"),
            ("[scope]\nallow = [\"198.18.64.0/33\"]\n", "198.18.64.0/33"),
            ("[limits]\nmax_rate = \"fast\"\n", "max_rate"),
            ("[limits]\nmax_rat = 5\n", "max_rat"),
            (good + "[control.roles]\nadmin = [\"nobody-of-this-name\"]\n", "nobody-of-this-name"),
        ):
            with self.subTest(text=text[:40]):
                daemon.replace_configuration(text)
                self.assert_refused_reload(*words)
                daemon.process.send_signal(signal.SIGHUP)
        daemon.configuration.unlink()
        self.assert_refused_reload("synscand.toml")
        daemon.configure()
        self.assertEqual(daemon.run("reload").code, 0)

    def test_files_that_others_can_write_are_refused(self):
        path = self.deny_file("198.18.65.0/24\n")
        daemon = self.start(deny_files=[str(path)])
        for file in (daemon.configuration, path):
            with self.subTest(file=file.name):
                for spoil in (lambda: file.chmod(0o664), lambda: file.chmod(0o646), lambda: os.chown(file, 65534, 0)):
                    spoil()
                    self.assert_refused_reload(file.name)
                    file.chmod(0o644)
                    os.chown(file, 0, 0)
        path.unlink()
        self.assert_refused_reload("denied")
        self.assertEqual(daemon.run("scan", "198.18.65.1", "-p", "80").code, 3, "the exclusion was lost")

    def test_a_start_needs_files_that_only_root_can_write(self):
        path = self.deny_file("198.18.65.0/24\n")
        daemon = self.own_daemon(scope={"deny_files": [str(path)]})
        for file in (daemon.configuration, path):
            for spoil in (lambda: file.chmod(0o664), lambda: file.chmod(0o646), lambda: os.chown(file, 65534, 0)):
                spoil()
                result = daemon.fails_to_start()
                self.assertNotEqual(result.code, 0)
                self.assert_sentence(result.err, file.name)
                file.chmod(0o644)
                os.chown(file, 0, 0)
        path.unlink()
        result = daemon.fails_to_start()
        self.assertNotEqual(result.code, 0)
        self.assert_sentence(result.err, "denied")

    def test_a_log_is_never_a_symbolic_link(self):
        daemon = self.own_daemon()
        elsewhere = daemon.directory / "elsewhere"
        for name in (daemon.log, daemon.audit):
            with self.subTest(log=name.name):
                name.unlink(missing_ok=True)
                name.symlink_to(elsewhere)
                self.assertNotEqual(daemon.fails_to_start().code, 0)
                self.assertFalse(elsewhere.exists())
                name.unlink()
        daemon.start()
        daemon.log.unlink()
        daemon.log.symlink_to(elsewhere)
        self.assertNotEqual(daemon.run("reopen").code, 0)
        self.assertFalse(elsewhere.exists())
        # It writes on where it wrote, and takes the next chance.
        daemon.log.unlink()
        self.assertEqual(daemon.run("reopen").code, 0)
        _, job = self.scan("198.18.64.1", "-p", "80")
        self.assert_logged_once(job, [("198.18.64.1", 80)])

    def test_the_configuration_can_be_checked_without_a_start(self):
        daemon = self.own_daemon()

        def check():
            return subprocess.run([*daemon.command(), "--check-config"], capture_output=True, text=True, timeout=20)

        self.assertEqual(check().returncode, 0)
        daemon.replace_configuration("[scope]\nallow = [\"everything\"]\n")
        done = check()
        self.assertNotEqual(done.returncode, 0)
        self.assert_sentence(done.stderr, "everything")
