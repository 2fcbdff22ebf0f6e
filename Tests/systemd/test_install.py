"""What `Systemd/install` puts in place, keeps and takes away."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import unittest

import machine
from harness import wait_until
from machine import PROGRAMS, REPOSITORY, SOURCE, MachineTest

UNITS = ["synscand.service", "synscan-job@.service", "synscan-job@.timer"]
UNIT_FOLDER = "/usr/local/lib/systemd/system"
CONFIGURATION = "/etc/synscan/synscand.toml"


class InstallTest(MachineTest):
    @classmethod
    def prepare(cls):
        cls.installation = cls.machine.install()

    def test_install_starts_a_ready_service(self):
        self.assertEqual(self.machine("systemctl", "is-active", "synscand").out.strip(), "active")
        self.assertEqual(self.machine("systemctl", "is-enabled", "synscand").out.strip(), "enabled")
        self.assertEqual(self.machine.show("Type"), "notify")
        self.assertNotEqual(self.machine.show("StatusText"), "")
        self.assertEqual(self.machine("synscan", "status").code, 0)
        self.assertRegex(self.installation.out, "synscand runs: .+")

    def test_install_tells_what_to_do_next(self):
        for words in (CONFIGURATION, "adduser USER synscan", "synscan scan", "systemctl reload"):
            self.assertIn(words, self.installation.out)

    def test_systemctl_status_shows_what_the_daemon_does(self):
        self.assertRegex(self.machine("systemctl", "status", "synscand").out, 'Status: ".+"')

    def test_the_units_are_without_fault_and_exposed_to_at_most_2_3(self):
        """Asked of the machine's systemd, and of this one's, which may be another version."""
        paths = [f"{UNIT_FOLDER}/{unit}" for unit in UNITS]
        verified = self.machine("systemd-analyze", "verify", *paths, check=False)
        self.assertEqual((verified.code, verified.out + verified.err), (0, ""))
        root = f"--root={self.machine.path('/')}"
        verified = subprocess.run(["systemd-analyze", root, "--man=no", "verify", *UNITS], capture_output=True, text=True)
        self.assertEqual((verified.returncode, verified.stdout + verified.stderr), (0, ""))
        for service in ("synscand.service", "synscan-job@.service"):
            exposed = self.machine("systemd-analyze", "security", "--no-pager", "--threshold=23", service.replace("@", "@x"), check=False)
            self.assertEqual(exposed.code, 0, exposed.out[-300:])
            exposed = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", root, "--threshold=23", service],
                                     capture_output=True, text=True)
            self.assertEqual((exposed.returncode, exposed.stderr), (0, ""), exposed.stdout[-300:])

    def test_what_exposes_the_daemon_is_explained_in_its_unit(self):
        rows = json.loads(self.machine("systemd-analyze", "security", "--json=short", "synscand.service").out)
        comments = [line for line in (REPOSITORY / "Systemd/synscand.service").read_text().splitlines() if line.startswith("#   ")]
        for row in rows:
            if float(row["exposure"] or 0) > 0:
                name = row["name"].split("=")[0]
                self.assertTrue(any(f"{name}=" in line and row["exposure"] in line for line in comments), row)

    def test_the_daemon_has_no_more_than_it_needs(self):
        status = self.machine("cat", f"/proc/{self.machine.show('MainPID')}/status").out
        fields = dict(re.findall(r"^(\w+):\s*(.*)$", status, re.MULTILINE))
        # CAP_NET_ADMIN and CAP_NET_RAW are bits 12 and 13.
        for name in ("CapBnd", "CapEff", "CapPrm"):
            self.assertEqual(int(fields[name], 16), 1 << 12 | 1 << 13, name)
        self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"))

    def test_the_machine_stays_usable_and_the_service_is_never_given_up(self):
        bounds = {name: self.machine.show(name) for name in
                  ("MemoryMax", "TasksMax", "LimitCORE", "OOMPolicy", "Restart", "StartLimitIntervalUSec", "RestartUSec")}
        memory = int(re.search(r"MemTotal: +(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) << 10
        self.assertLess(int(bounds.pop("MemoryMax")), memory)
        self.assertEqual(bounds, {"TasksMax": "1024", "LimitCORE": "0", "OOMPolicy": "kill", "Restart": "on-failure",
                                  "StartLimitIntervalUSec": "0", "RestartUSec": "3s"})

    def test_a_daemon_that_fails_to_start_many_times_starts_when_the_cause_is_gone(self):
        self.machine("systemctl", "stop", "synscand")
        self.addCleanup(self.machine, "systemctl", "restart", "synscand")
        drop_in = "/run/systemd/system/synscand.service.d/quick.conf"
        # Each start fails at once.
        self.machine.write(drop_in, "[Service]\nRestartSec=100ms\nExecStartPre=/usr/bin/test ! -e /run/broken\n")
        self.addCleanup(self.machine, "systemctl", "daemon-reload")
        self.addCleanup(self.machine, "rm", "-r", drop_in.rsplit("/", 1)[0])
        self.machine("systemctl", "daemon-reload")
        self.machine.write("/run/broken", "")
        self.machine("systemctl", "start", "synscand", check=False)
        wait_until(lambda: int(self.machine.show("NRestarts")) > 15, 60, "fifteen starts have failed")
        self.machine("rm", "/run/broken")
        wait_until(lambda: self.machine.show("ActiveState") == "active", 20, "the service runs")

    def test_the_daemon_can_write_to_its_own_directories_alone_and_run_nothing_there(self):
        script = """for folder in $(find / -xdev -maxdepth 2 -type d) $(cut -d' ' -f5 /proc/self/mountinfo | grep -vE '^/(proc|sys)'); do
            [[ -d $folder ]] && cp /usr/bin/true $folder/try 2>/dev/null && echo $folder && $folder/try && echo runs
            done; exit 0"""
        done = self.machine("nsenter", "-t", self.machine.show("MainPID"), "-m", "--", "bash", "-c", script)
        self.assertEqual(set(done.out.splitlines()), {"/run/synscan", "/tmp", "/var/lib/synscan", "/var/log/synscan", "/var/tmp"})
        self.machine("rm", *(f"{folder}/try" for folder in ("/run/synscan", "/var/lib/synscan", "/var/log/synscan")))

    def test_directories_and_files_belong_to_whom_they_should(self):
        expected = {
            "/etc/synscan": "755 root root", CONFIGURATION: "644 root root", "/etc/synscan/jobs": "750 root synscan",
            "/run/synscan": "755 root synscan", "/var/lib/synscan": "700 root synscan", "/var/log/synscan": "750 root synscan",
            "/var/log/synscan/results.jsonl": "640 root synscan",
        }
        found = {path: self.machine("stat", "--format", "%a %U %G", path).out.strip() for path in expected}
        self.assertEqual(found, expected)
        self.assertEqual(self.machine("stat", "--format", "%a", "/var/log/synscan/audit.jsonl").out.strip(), "600")

    def test_manual_pages_describe_every_command_option_and_key(self):
        pages = {}
        for section, page in (("1", "synscan"), ("8", "synscand"), ("5", "synscand.toml"), ("5", "synscan-job")):
            pages[page] = self.machine("man", section, page).out
            checked = self.machine("man", "--warnings", section, page)
            self.assertEqual((checked.err, pages[page][:len(page)]), ("", page.upper()))
        commands = re.findall(r"^  ([a-z]+)  ", self.machine("synscan", "--help").out, re.MULTILINE)
        self.assertGreater(len(commands), 10)
        for command in commands:
            self.assertRegex(pages["synscan"], rf"(?m)^ +{command}\b")
            for option in re.findall(r"--[a-z-]+", self.machine("synscan", command, "--help").out):
                self.assertIn(option, pages["synscan"], command)
        text = (REPOSITORY / "Config/synscand.toml").read_text()
        keys = re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE)
        described = re.findall(r"^\.It Cm (\w+) Pq", (REPOSITORY / "Systemd/man/synscand.toml.5").read_text(), re.MULTILINE)
        self.assertEqual(sorted(described), sorted(keys))

    def test_bash_completes_the_commands(self):
        script = """. /usr/share/bash-completion/bash_completion; _completion_loader synscan
            COMP_WORDS=(synscan "") COMP_CWORD=1 COMP_LINE="synscan " COMP_POINT=8
            $(complete -p synscan | sed -E 's/.*-F ([^ ]+).*/\\1/') synscan "" synscan; printf '%s\\n' "${COMPREPLY[@]}" """
        self.assertLessEqual({"scan", "jobs", "status"}, set(self.machine("bash", "-c", script).out.split()))

    def test_an_edited_configuration_survives_another_installation(self):
        original = self.machine.configuration.read_text()
        edited = original.replace("max_rate = 10000", "max_rate = 12345")
        self.assertNotEqual(edited, original)
        self.addCleanup(self.machine.configuration.write_text, original)
        self.machine.configuration.write_text(edited)

        # The same version brings nothing new.
        done = self.machine.install()
        self.assertEqual(self.machine.configuration.read_text(), edited)
        self.assertFalse(self.machine.path(CONFIGURATION + ".new").exists())
        self.assertNotIn("was edited", done.out)

        # Another version does.
        self._install_another_version()
        self.assertEqual(self.machine.configuration.read_text(), edited)
        self.assertIn("# news", self.machine.path(CONFIGURATION + ".new").read_text())
        self.assertEqual(self.machine("synscan", "status", "--json").code, 0)

        # One that was not edited is simply replaced, and the one beside it goes.
        self.machine.configuration.write_text(self.machine.path(CONFIGURATION + ".new").read_text())
        self.machine.install()
        self.assertEqual(self.machine.configuration.read_text(), original)
        self.assertFalse(self.machine.path(CONFIGURATION + ".new").exists())

    def _install_another_version(self):
        self.machine("mkdir", "/tmp/another")
        self.addCleanup(self.machine, "rm", "-rf", "/tmp/another")
        self.machine("cp", "-r", *(f"{SOURCE}/{folder}" for folder in ("Systemd", "Config", "Tests")), "/tmp/another")
        with open(self.machine.path("/tmp/another/Config/synscand.toml"), "a") as file:
            file.write("# news\n")
        done = self.machine("/tmp/another/Systemd/install", "--binaries", PROGRAMS)
        self.assertIn(f"{CONFIGURATION} was edited and stays as it is", done.out)

    def test_an_upgrade_restarts_the_service_and_tells_no_first_steps(self):
        before = self.machine.show("MainPID")
        done = self.machine.install()
        self.assertNotEqual(self.machine.show("MainPID"), before)
        self.assertEqual(self.machine.show("ActiveState"), "active")
        self.assertNotIn("adduser", done.out)

    def test_a_service_that_was_switched_off_stays_off(self):
        self.addCleanup(self.machine, "systemctl", "enable", "--quiet", "--now", "synscand")
        self.machine("systemctl", "disable", "--quiet", "--now", "synscand")
        self.assertIn("stays so", self.machine.install().out)
        self.assertEqual(self.machine.show("ActiveState"), "inactive")

    def test_a_configuration_that_the_new_version_refuses_stops_the_installation(self):
        original = self.machine.configuration.read_text()
        self.addCleanup(self.machine.configuration.write_text, original)
        self.machine.configuration.write_text("[limits]\nmax_rate = 0\n")
        before = self.machine.show("MainPID")
        done = self.machine.install(check=False)
        self.assertEqual((done.code, done.out), (1, ""))
        self.assert_sentence(done.err, "nothing was changed", "max_rate")
        self.assertEqual(self.machine.show("MainPID"), before)

    def test_wrong_usage_is_told_in_a_sentence(self):
        for arguments, words in (
            (["--force"], "--force"), (["--binaries"], "directory"), (["--uninstall", "--purge"], "exclude"),
            (["--purge", "--binaries", PROGRAMS], "installing"), (["now"], "now"),
        ):
            with self.subTest(arguments):
                done = self.machine.install(*arguments, check=False)
                self.assertEqual((done.code, done.out), (2, ""))
                self.assertIn(words, done.err.splitlines()[0])
                self.assertIn("usage: ", done.err)
        done = self.machine.install("--binaries", "/nowhere/at/all", check=False)
        self.assertEqual(done.code, 1)
        self.assert_sentence(done.err, "/nowhere/at/all/synscand")
        self.machine("useradd", "tom")
        self.addCleanup(self.machine, "userdel", "tom")
        done = self.machine(f"{SOURCE}/Systemd/install", user="tom", check=False)
        self.assertEqual(done.code, 1)
        self.assert_sentence(done.err, "sudo Systemd/install")


class RemovalTest(MachineTest):
    KEPT = ("/etc/synscan", "/var/lib/synscan", "/var/log/synscan", "/etc/logrotate.d/synscan")

    @classmethod
    def prepare(cls):
        # What useradd and its like leave beside the files they change is there already.
        cls.machine("useradd", "tom")
        cls.machine("userdel", "tom")

    def files(self):
        """All that could have been put somewhere, apart from what systemd itself keeps."""
        skipped = ["/proc", "/sys", "/dev", "/run/systemd", "/run/udev", "/run/log", "/run/dbus", "/run/utmp", "/tmp", "/var/tmp", "/srv",
                   "/var/log/journal", "/var/lib/systemd/timers", "/var/lib/logrotate", "/var/cache"]
        rule = [word for path in skipped for word in ("-path", path, "-prune", "-o")]
        return set(self.machine("find", "/", *rule, "-print").out.splitlines())

    def accounts(self):
        return [self.machine("cat", f"/etc/{name}").out for name in ("passwd", "group", "shadow", "gshadow")]

    def test_uninstall_keeps_what_is_the_administrators_and_purge_nothing(self):
        files, accounts = self.files(), self.accounts()
        self.machine.install()
        self.machine.configure(**self.sections)
        self.machine("systemctl", "restart", "synscand")
        self.machine.write("/etc/synscan/jobs/x.toml", 'targets = ["198.18.64.0/30"]\nports = "22"\n')
        self.machine("systemctl", "enable", "--quiet", "--now", "synscan-job@x.timer")
        self.machine("synscan", "scan", "198.18.64.1", "-p", "22")
        self.machine("useradd", "--groups", "synscan", "olga")
        configuration, log = self.machine.configuration.read_text(), self.machine.log.read_text()

        done = self.machine.install("--uninstall")
        self.assertEqual(done.err, "")
        left = {path for path in self.files() - files if "olga" not in path}
        self.assertEqual([path for path in sorted(left) if not path.startswith(self.KEPT)], [])
        self.assertEqual(self.machine.configuration.read_text(), configuration)
        self.assertEqual(self.machine.log.read_text()[:len(log)], log)
        for unit in ("synscand.service", "synscan-job@x.timer"):
            self.assertEqual(self.machine.show("LoadState", unit), "not-found")
            self.assertEqual(self.machine.show("ActiveState", unit), "inactive")
        self.assertEqual(self.machine("pgrep", "synscan", check=False).out, "")
        self.assertEqual(self.machine("logrotate", "--force", "/etc/logrotate.d/synscan").err, "", "rotating what is left goes on")

        # Installed again it goes on with what it had.
        done = self.machine.install()
        self.assertNotIn("was edited", done.out)
        self.assertEqual(self.machine.configuration.read_text(), configuration)
        self.assertEqual(len(self.daemon.jobs()), 1)

        self.machine("userdel", "olga")
        done = self.machine.install("--purge")
        self.assertEqual(done.err, "")
        self.assertEqual(sorted(self.files() ^ files), [])
        self.assertEqual(self.accounts(), accounts)

        # Nothing to do is no failure.
        self.assertEqual(self.machine.install("--purge").err, "")


class UnbootedTest(unittest.TestCase):
    COMMANDS = f"""
        {SOURCE}/Systemd/install --binaries {PROGRAMS}
        readlink -f /etc/systemd/system/multi-user.target.wants/synscand.service
        synscand --check-config
        {SOURCE}/Systemd/install --purge
        ls /usr/local/bin /etc/systemd/system/multi-user.target.wants
    """

    def test_without_a_running_systemd_everything_but_the_start_is_done(self):
        with contextlib.ExitStack() as cleanup:
            container = machine.nspawn(cleanup, f"synscan-{os.getpid()}", "--private-network", "--pipe", "bash", "-euc", self.COMMANDS,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            out, err = container.communicate(timeout=120)
        self.assertEqual(container.returncode, 0, err)
        self.assertIn("the service was not started", out)
        self.assertIn(f"{UNIT_FOLDER}/synscand.service\n", out)
        self.assertNotIn("synscan", out.split("with its configuration, jobs, results and logs.")[1])
