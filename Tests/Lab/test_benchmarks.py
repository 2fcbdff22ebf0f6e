"""The benchmarks in their short form: all scanners beside each other, and what synscan promises there."""

import subprocess
import unittest

import harness


class Benchmarks(unittest.TestCase):
    alone = True

    def assert_holds(self, script, scanners):
        command = [harness.HERE.parent / "Benchmarks" / script, "--short", "--seed", "7", "--binaries", harness.binaries]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr[-3000:])
        for scanner in scanners:
            self.assertRegex(done.stdout, rf"\| {scanner}[ ,]")
        self.assertNotIn("NOT HELD", done.stdout)

    def test_the_short_form_of_accuracy_holds_its_promises_beside_all_peers(self):
        self.assert_holds("accuracy", ("synscan", "nmap", "zmap", "masscan"))

    def test_the_short_form_of_speed_holds_its_promises_beside_all_peers(self):
        self.assert_holds("speed", ("bare loop", "synscan", "zmap", "masscan"))
