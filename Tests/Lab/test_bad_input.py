"""What cannot be done is refused in a sentence that names it; nothing is submitted, nothing is sent."""

import subprocess
import sys

from harness import Daemon, LabTest

# A user without the socket's group who may read any file (the binaries may lie in a private folder), but not use any socket.
STRANGER = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all,+dac_read_search",
            "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]


class BadRequests(LabTest):
    open_ports = [80]
    sections = {"limits": {"max_rate": 10_000, "max_job_targets": 100_000}}

    def test_an_unparsable_target_is_named_with_its_position(self):
        for targets, *words in (
            (["198.18.64.1", "198.18.64.256"], "198.18.64.256"),
            (["198.18.64.0/33"], "198.18.64.0/33", "33"),
            (["198.18.64.1,,2"], "198.18.64.1,,2"),
            ([""], "target"),
            (["198.18.64.1:99999"], "99999"),
        ):
            with self.subTest(targets=targets):
                self.assert_refused(["scan", *targets, "-p", "80"], 2, *words)
        self.assert_refused(["scan", "-iL", "-", "-p", "80"], 2, "line 3", "198.18.64.1.5", text="198.18.64.1\n\n198.18.64.1.5\n")

    def test_a_reversed_range_is_named(self):
        self.assert_refused(["scan", "198.18.64.9-198.18.64.1", "-p", "80"], 2, "198.18.64.9-198.18.64.1")
        self.assert_refused(["scan", "198.18.64.9-1", "-p", "80"], 2, "198.18.64.9-1")
        self.assert_refused(["scan", "198.18.64.1", "-p", "90-80"], 2, "90-80")

    def test_a_port_of_0_or_above_65535_is_named(self):
        for ports, named in (("0", "0"), ("65536", "65536"), ("80,99999", "99999"), ("1-70000", "70000"), ("no-such-service", "no-such-service")):
            with self.subTest(ports=ports):
                self.assert_refused(["scan", "198.18.64.1", "-p", ports], 2, named)

    def test_an_exclusion_that_leaves_nothing_is_named(self):
        self.assert_refused(["scan", "198.18.64.8/30", "-p", "80", "--exclude", "198.18.65.1,198.18.64.0/24"], 2, "198.18.64.0/24")

    def test_a_name_that_does_not_resolve_is_named(self):
        self.assert_refused(["scan", "no-such-host.invalid", "-p", "80"], 2, "no-such-host.invalid")

    def test_more_targets_than_allowed_are_counted(self):
        self.assert_refused(["scan", "198.18.64.0/20", "-p", "1-25"], 2, "102", "400", "100")

    def test_a_rate_of_0_or_beyond_the_cap_is_refused_with_the_cap(self):
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--rate", "0"], 2, "rate")
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--rate", "10001"], 2, "10", "rate")
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--rate", "-5"], 2, "rate")
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--rate", "fast"], 2, "rate")

    def test_a_file_that_cannot_be_read_is_named(self):
        missing = self.daemon.directory / "no-such-file"
        self.assert_refused(["scan", "-iL", missing, "-p", "80"], 2, str(missing))
        self.assert_refused(["scan", "198.18.64.1", "--excludefile", self.daemon.directory, "-p", "80"], 2, str(self.daemon.directory))

    def test_a_missing_socket_is_named(self):
        missing = self.daemon.directory / "no-such.sock"
        command = self.daemon.synscan("scan", "198.18.64.1", "-p", "80")
        done = subprocess.run([*command[:-1], missing], capture_output=True, text=True)
        self.assertEqual(done.returncode, 4)
        self.assert_sentence(done.stderr, str(missing))

    def test_a_socket_without_permission_names_the_group_to_join(self):
        result = self.daemon.run("scan", "198.18.64.1", "-p", "80", prefix=STRANGER)
        self.assertEqual(result.code, 3, result.err)
        self.assert_sentence(result.err, str(self.daemon.socket), "adm")
        self.assertEqual(self.lab.counters()["syn"], 0)

    def test_targets_outside_the_scope_are_refused_and_named(self):
        self.assert_refused(["scan", "198.18.64.1", "198.19.0.5", "-p", "80"], 3, "198.19.0.5")

    def test_an_ipv6_target_that_no_route_leads_to_is_named(self):
        self.assert_refused(["plan", "fd00::1", "-p", "80"], 1, "fd00::1", "route")

    def test_a_source_that_is_not_the_machines_own_is_refused(self):
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--source-address", "198.18.77.7"], 1, "198.18.77.7")
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--source-address", "me"], 2, "me")
        self.assert_refused(["plan", "198.18.64.1", "-p", "80", "--interface", "eth9"], 1, "eth9", "near0")

    def test_an_unknown_job_is_named(self):
        for command in ("show", "results", "follow", "cancel"):
            self.assert_refused([command, "4711"], 2, "4711")

    def test_a_name_that_is_taken_or_cannot_be_is_refused(self):
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--name", "no/slash"], 2, "no/slash")
        self.assert_refused(["scan", "198.18.64.1", "-p", "80", "--name", "x" * 65], 2, "64")

    def test_a_word_that_is_no_command_or_option_is_named(self):
        for arguments in (["scam"], ["scan", "198.18.64.1", "--no-such-option"], ["scan"]):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.daemon.run(*arguments).code, 2)


class NoWay(LabTest):
    """What the network does not allow."""

    allow = ["198.18.0.0/15"]

    @classmethod
    def prepare(cls):
        subprocess.run(cls.lab.near("ip", "route", "add", "unreachable", "198.19.128.0/24"), check=True)
        subprocess.run(cls.lab.near("ip", "link", "add", "down0", "type", "veth", "peer", "name", "down1"), check=True)
        subprocess.run(cls.lab.near("ip", "address", "add", "198.19.64.1/24", "dev", "down0"), check=True)
        cls.lab("scope", "198.18.0.0/15")

    def test_a_target_without_a_route_is_named(self):
        before = self.daemon.last_job()
        result = self.daemon.run("scan", "--strict", "198.18.64.1", "198.19.128.77", "-p", "80")
        self.assertIn(result.code, (1, 2))
        self.assert_sentence(result.err, "198.19.128.77", "route")
        self.assertEqual((self.daemon.last_job(), self.lab.counters()["syn"]), (before, 0))
        result = self.daemon.run("scan", "198.18.64.1", "198.19.128.77", "-p", "80")
        self.assertEqual(result.code, 5, result)
        self.assertIn("198.19.128.77", result.out + result.err)


class BadStarts(LabTest):
    """Daemons that cannot start say why, and leave a running one alone."""

    open_ports = [80]

    def another(self, **sections):
        other = Daemon(self.lab, self.allow, **sections)
        self.addCleanup(other.close)
        return other

    def assert_no_start(self, other, *words, prefix=()):
        result = other.fails_to_start(*prefix)
        self.assertGreater(result.code, 0, result)
        self.assert_sentence(result.err, *words)
        self.assertEqual(self.daemon.run("status").code, 0)

    def test_a_second_daemon_on_the_same_socket_names_the_first_ones_process(self):
        self.assert_no_start(self.another(control={"socket": str(self.daemon.socket)}), str(self.daemon.process.pid))

    def test_a_second_daemon_on_the_same_store_names_the_first_ones_process(self):
        self.assert_no_start(self.another(store={"directory": str(self.daemon.data / "store")}), str(self.daemon.process.pid))

    def test_an_interface_that_does_not_exist_or_is_down_is_named(self):
        subprocess.run(self.lab.near("ip", "link", "add", "down0", "type", "veth", "peer", "name", "down1"), check=True)
        for interface in ("nope0", "down0"):
            self.assert_refused_or_no_start({"scan": {"interface": interface}}, interface)

    def test_source_ports_that_are_taken_are_named_with_who_has_them(self):
        taker = subprocess.Popen(
            self.lab.near(sys.executable, "-c", "import socket, sys\nheld = socket.create_server(('', 61003))\nprint(flush=True)\nsys.stdin.read()"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(taker.wait)
        self.addCleanup(taker.stdin.close)
        taker.stdout.readline()
        self.addCleanup(taker.stdout.close)
        self.assert_refused_or_no_start({"scan": {"source_ports": "61000-61015"}}, "61003", str(taker.pid))

    def assert_refused_or_no_start(self, sections, *words):
        """It is told at the start or when a scan needs it, whichever comes first."""
        other = self.another(**sections)
        try:
            other.start()
        except AssertionError:
            self.assert_sentence(other.output(), *words)
            return
        result = other.run("scan", "198.18.64.1", "-p", "80", timeout=20)
        self.assertGreater(result.code, 0, result)
        self.assert_sentence(result.err, *words)
        self.assertEqual(self.lab.counters()["syn"], 0)

    def test_a_missing_capability_is_named(self):
        for capability in "net_raw", "net_admin":
            with self.subTest(capability=capability):
                prefix = ["setpriv", "--bounding-set", f"-{capability}", "--inh-caps", f"-{capability}"]
                self.assert_no_start(self.another(), f"CAP_{capability.upper()}", prefix=prefix)

    def test_a_fault_of_the_configuration_is_told_with_file_line_and_key(self):
        for section, key, value, *words in (
            ("limits", "max_speed", 5, "max_speed"),
            ("limits", "max_rate", "fast", "max_rate"),
            ("limits", "max_rate", 0, "max_rate"),
            ("scope", "deny", ["198.18.64.300"], "deny", "198.18.64.300"),
            ("results", "states", ["ajar"], "states", "ajar"),
            ("scan", "source_ports", "9-1", "source_ports"),
        ):
            with self.subTest(section=section, key=key, value=value):
                other = self.another(**{section: {key: value}})
                lines = other.configuration.read_text().splitlines()
                line = next(number for number, text in enumerate(lines, start=1) if text.startswith(f"{key} "))
                self.assert_no_start(other, str(other.configuration), str(line), *words)
                check = subprocess.run(other.command() + ["--check-config"], capture_output=True, text=True)
                self.assertGreater(check.returncode, 0)
                self.assertIn(key, check.stderr)
        self.assertEqual(subprocess.run(self.daemon.command() + ["--check-config"], capture_output=True).returncode, 0)

    def test_a_stale_socket_of_a_killed_daemon_is_no_obstacle(self):
        other = self.another().start()
        other.kill()
        self.assertTrue(other.socket.exists())
        other.start()
        self.assertEqual(other.run("status").code, 0)
