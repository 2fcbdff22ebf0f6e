"""A Debian of its own, debootstrap'd once a run and booted with systemd-nspawn on the near namespace of a lab."""

import collections
import contextlib
import gzip
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import debian
import harness
from harness import wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = ["systemd", "systemd-sysv", "dbus", "iproute2", "libpcap0.8", "libsqlite3-0", "libstdc++6", "logrotate", "procps",
            "bash-completion", "man-db"]

# Where the machine sees this repository and the programs under test.
SOURCE, PROGRAMS = "/srv/synscan", "/srv/programs"

_system = None


def system():
    """The folder with the Debian that all machines boot, each with changes of its own. It is made once; when that fails, every test does."""
    global _system
    if _system is None:
        try:
            _system = _bootstrap()
        except (OSError, AssertionError) as error:
            _system = error
    if isinstance(_system, Exception):
        raise AssertionError(f"there is no Debian to test with: {_system}")
    return _system


def _bootstrap():
    folder = tempfile.mkdtemp(prefix="synscan-debian-")
    harness.leftovers.callback(shutil.rmtree, folder)
    # Not the folder itself, which nobody else may enter.
    root = pathlib.Path(folder, "root")
    debian.run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", debian.RELEASE, root, *debian.mirror())
    shutil.rmtree(root / "var/cache/apt/archives")
    return root


class Group:
    """Control groups of a machine's own where no systemd runs that would make them, so that machines side by side do not meet."""

    def __init__(self, name):
        hierarchies = [pathlib.Path(words[1]) for line in pathlib.Path("/proc/mounts").read_text().splitlines()
                       if (words := line.split())[2] == "cgroup2" or words[2] == "cgroup" and "name=systemd" in words[3].split(",")]
        self.paths = [hierarchy / name for hierarchy in hierarchies]

    def enter(self):
        """Makes them and puts this process into them."""
        for path in self.paths:
            path.mkdir(exist_ok=True)
            (path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        for path in self.paths:
            for folder, _, _ in os.walk(path, topdown=False):
                wait_until(lambda: _removed(folder), 5, f"the control group {folder} is empty")


def _removed(folder):
    with contextlib.suppress(FileNotFoundError):
        try:
            os.rmdir(folder)
        except OSError:
            return False
    return True


def nspawn(cleanup, name, *options, **streams):
    """Starts a container of the common system, whose changes go with it. What it leaves behind on this machine is added to `cleanup`."""
    root = system()
    group = None if pathlib.Path("/run/systemd/system").exists() else Group(name)
    if group:
        cleanup.callback(group.remove)
    cleanup.callback(_forget, name)
    return subprocess.Popen(
        ["systemd-nspawn", "--quiet", "--directory", root, "--volatile=overlay", f"--machine={name}", "--register=no",
         *(["--keep-unit"] if group else []), "--resolv-conf=off", f"--bind-ro={REPOSITORY}:{SOURCE}",
         f"--bind-ro={harness.binaries}:{PROGRAMS}", *options],
        stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=group.enter if group else None, **streams)


def _forget(name):
    for folder in ("propagate", "unix-export"):
        with contextlib.suppress(OSError):
            os.rmdir(f"/run/systemd/nspawn/{folder}/{name}")


class Machine(harness.Daemon):
    """A booted Debian in a lab's near namespace. After `install()` it has synscan as a service; what a Daemon can be asked, a Machine can."""

    _TOOLS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def __init__(self, lab):
        self.lab = lab
        self.leader = None
        self._cleanup = harness.leftovers.enter_context(contextlib.ExitStack())
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="synscan-machine-"))
        self._cleanup.callback(shutil.rmtree, self.directory)
        self.name = f"synscan-{lab.suffix}"
        self._boot()

    def _boot(self):
        with open(self.directory / "console", "wb") as console:
            self.process = nspawn(
                self._cleanup, self.name, "--boot", f"--network-namespace-path=/run/netns/synscan-{self.lab.suffix}-near",
                "--capability=CAP_NET_ADMIN", "--console=pipe", "--kill-signal=SIGRTMIN+4", "--link-journal=no",
                stdout=console, stderr=console)
        self._cleanup.callback(self.power_off)
        wait_until(self._is_up, 60, "the machine is up")

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"systemd-nspawn ended with {self.process.returncode}: {self.console()}")
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        if not children:
            return False
        self.leader = int(children[0])
        state = self("systemctl", "is-system-running", check=False).out.strip()
        if state == "degraded":
            raise AssertionError(f"the machine is not well: {self('systemctl', '--failed', '--no-legend').out}")
        return state == "running"

    def console(self):
        return (self.directory / "console").read_text(errors="replace")[-2000:]

    def power_off(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    # --- in the machine ---

    def inside(self, *command, user=None):
        """The command line that runs a command in the machine."""
        switch = ["runuser", "-u", user, "--"] if user else []
        return ["nsenter", "-t", str(self.leader), "-a", "--", "env", "-i", f"PATH={self._TOOLS}", "LC_ALL=C.UTF-8", "SYSTEMD_COLORS=0",
                "SYSTEMD_PAGER=", *switch, *map(str, command)]

    def __call__(self, *command, user=None, check=True, text=None, timeout=120):
        """Runs a command in the machine to its end."""
        done = subprocess.run(self.inside(*command, user=user), input=text, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(map(str, command))}: status {done.returncode}: {done.stdout}{done.stderr}")
        return harness.Result(done.returncode, done.stdout, done.stderr, 0)

    def path(self, path):
        """A file of the machine as it is seen from outside."""
        return pathlib.Path(f"/proc/{self.leader}/root{path}")

    def write(self, path, text):
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o644)

    def configure(self, **sections):
        """Writes the configuration that `install()` has put in place; what is not said has its default."""
        self.sections = sections
        super().configure()

    def install(self, *arguments, check=True):
        return self(f"{SOURCE}/Systemd/install", *(arguments or ("--binaries", PROGRAMS)), check=check)

    def show(self, name, unit="synscand.service"):
        return self("systemctl", "show", "--property", name, "--value", unit).out.strip()

    def journal(self, unit="synscand.service"):
        return self("journalctl", "--unit", unit, "--output", "cat", "--no-pager").out

    # --- what a Daemon is asked ---

    @property
    def socket(self):
        return self.path("/run/synscan/synscan.sock")

    @property
    def log(self):
        return self.path("/var/log/synscan/results.jsonl")

    @property
    def configuration(self):
        return self.path("/etc/synscan/synscand.toml")

    def output(self):
        return self.journal() + self.console()

    def synscan(self, *arguments, prefix=()):
        return self.inside(*prefix, "synscan", *arguments)


class MachineTest(harness.LabTest):
    """Tests that share a lab and a machine in it."""

    open_ports = (22, 80, 443)
    # What the configuration says in place of its defaults, once synscan is installed.
    sections = {"scope": {"allow": ["198.18.64.0/20"]}, "limits": {"max_rate": 20000}}

    @classmethod
    def setUpClass(cls):
        system()
        cls.lab = harness.Lab(cls.prefix)
        cls.addClassCleanup(cls.lab.close)
        cls.lab("open", *cls.open_ports)
        cls.machine = cls.daemon = Machine(cls.lab)
        cls.addClassCleanup(cls.machine.close)
        cls.prepare()

    def lines(self, event=None):
        """The lines of the results log and of what it was before its rotations, the oldest first."""
        older = sorted(self.machine.log.parent.glob("results.jsonl.*"), key=lambda path: -int(path.name.split(".")[2]))
        texts = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in [*older, self.machine.log]]
        rows = [json.loads(line) for text in texts for line in text.splitlines()]
        return [row for row in rows if event in (None, row["event"])]

    def assert_found_once(self, job, targets):
        """Of this job the results log has each of the targets once and no other, and its lines are numbered without a gap."""
        found = collections.Counter((row["address"], row["port"]) for row in self.lines("port") if row["job"] == job)
        self.assertEqual(sorted(set(targets) - found.keys())[:5], [], f"missing from the log, of {len(set(targets))}")
        self.assertEqual(sorted(found.keys() - set(targets))[:5], [], "in the log, but not expected")
        self.assertEqual([target for target, count in found.items() if count > 1][:5], [], "more than once in the log")
        numbers = [row["seq"] for row in self.lines()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
