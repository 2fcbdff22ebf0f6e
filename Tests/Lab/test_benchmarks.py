"""The accuracy benchmark in its short form: all scanners beside each other, and what synscan promises there."""

import subprocess
import unittest

import harness


class Benchmarks(unittest.TestCase):
    def test_the_short_form_holds_its_promises_beside_all_peers(self):
        command = [harness.HERE.parent / "Benchmarks" / "accuracy", "--short", "--seed", "7", "--binaries", harness.binaries]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr[-3000:])
        for scanner in "synscan", "nmap", "zmap", "masscan":
            self.assertIn(f"| {scanner} ", done.stdout)
        self.assertNotIn("NOT HELD", done.stdout)
