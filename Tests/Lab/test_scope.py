"""Nothing leaves for an address outside the scope or inside an exclusion."""

import subprocess
import sys

from harness import HERE, LabTest, addresses


class Scope(LabTest):
    open_ports = [80]
    allow = ["198.18.64.0/22"]
    deny = ["198.18.64.7", "198.18.65.0/28", "198.18.66.100-198.18.66.110"]
    sections = {"scope": {"deny": deny}}

    @classmethod
    def prepare(cls):
        cls.lab("scope", *cls.allow, "except", *cls.deny)

    def test_the_counter_of_strays_sees_a_stray(self):
        for strays, address in enumerate(("198.18.64.7", "198.18.68.0", "198.18.66.105"), start=1):
            subprocess.run(self.lab.near(sys.executable, HERE / "burst.py", 1000, 1, 79, address), check=True)
            self.assertEqual(self.lab.counters()["stray"], strays)
        self.lab("reset")

    def test_denied_addresses_are_refused_and_the_first_one_is_named(self):
        for targets, named in ((["198.18.64.0/24"], "198.18.64.7"), (["198.18.64.8", "198.18.65.4"], "198.18.65.4"),
                               (["198.18.66.99-198.18.66.111"], "198.18.66.100"), (["198.18.67.0-198.18.68.3"], "198.18.68.0"),
                               (["224.0.0.1"], "224.0.0.1"), (["198.18.64.1:80", "198.18.65.9:80"], "198.18.65.9")):
            with self.subTest(targets=targets):
                self.assert_refused(["scan", *targets, "-p", "80"], 3, named)

    def test_the_plan_tells_what_would_be_refused_and_sends_nothing(self):
        result = self.daemon.run("plan", "198.18.64.0/24", "-p", "80")
        self.assertEqual(result.code, 3)
        self.assertIn("198.18.64.7", result.out + result.err)
        self.assertEqual(self.daemon.run("plan", "198.18.67.0/24", "-p", "80").code, 0)
        self.assertEqual(self.lab.counters()["syn"], 0)

    def test_exclusions_of_a_job_are_never_probed(self):
        excluded = ["198.18.64.0/29", "198.18.64.200-210", "198.18.64.255"]
        self.lab("scope", *self.allow, "except", *self.deny, "198.18.64.0/29", "198.18.64.200-198.18.64.210", "198.18.64.255")
        self.addCleanup(self.prepare)
        _, job = self.scan("198.18.64.0/24", "-p", "80", "--exclude", ",".join(excluded), "--recall", "none")
        expected = [("198.18.64." + str(i), 80) for i in range(256) if i > 7 and not 200 <= i <= 210 and i != 255]
        self.assert_logged_once(job, expected)
        self.assertEqual(self.lab.counters()["syn"], len(expected))

    def test_an_exclude_file_and_standard_input_work_as_in_nmap(self):
        path = self.daemon.directory / "excluded"
        path.write_text("# not these\n198.18.67.0/25\n\n198.18.67.130 198.18.67.131\n")
        self.lab("scope", "198.18.67.128/25", "except", "198.18.67.130-198.18.67.131")
        self.addCleanup(self.prepare)
        result = self.daemon.run("scan", "-iL", "-", "-p", "80", "--excludefile", path, "-n", text="198.18.67.0/24 # all\n\n198.18.67.129\n")
        self.assertEqual(result.code, 0, result.err)
        expected = [(address, 80) for address in addresses("198.18.67.128", 128) if address[-3:] not in ("130", "131")]
        self.assert_logged_once(self.daemon.last_job(), expected)
