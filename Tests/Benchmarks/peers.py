"""The scanners that are measured: each scans a `Ground` on a lab and says what it found, how long that took, and how many probes."""

import contextlib
import dataclasses
import json
import os
import re
import shlex
import signal
import subprocess
import time

NEAR = "198.18.0.1"
LIMIT = 600  # seconds, then a scanner is cut off


@dataclasses.dataclass
class Ground:
    """What is scanned, and the truth about it."""

    addresses: list
    ports: str
    count: int
    open: set  # "ADDRESS:PORT"


@dataclasses.dataclass
class Outcome:
    found: set
    seconds: float
    probes: int
    note: str = ""
    account: dict = dataclasses.field(default_factory=dict)
    ground: Ground = None
    lines: list = ()

    @property
    def recall(self):
        return len(self.found & self.ground.open) / len(self.ground.open)

    @property
    def false(self):
        return len(self.found - self.ground.open)

    @property
    def probes_each(self):
        return self.probes / self.ground.count


class Scanner:
    """One row of a table: a scanner with its options, on a ground."""

    def __init__(self, name, ground, *options, runs=None, limit=LIMIT):
        self.name, self.ground, self.options, self.runs, self.limit = name, ground, list(map(str, options)), runs, limit

    def scan(self, lab, folder):
        """One scan. What the scanner writes goes to `folder`."""
        lab("reset")
        outcome = self.run(lab, folder)
        outcome.ground = self.ground
        if strays := lab.counters()["stray"]:
            outcome.note += f" {strays} strays"
        return outcome

    def bounded(self, command, **options):
        """Runs a command for at most the limit: its output, the seconds, and words if it was cut off."""
        started = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True, **options)
        try:
            out, error = process.communicate(timeout=self.limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.communicate()[0], time.monotonic() - started, f"cut off after {self.limit} s"
        seconds = time.monotonic() - started
        # 5: not sure to be as complete as was asked for. That is for the table to say.
        if process.returncode not in (0, 5):
            raise AssertionError(f"{shlex.join(command)} ended with {process.returncode}: {(error or out)[-2000:]}")
        return out, seconds, ""


class Synscan(Scanner):
    """Through the client, from its start to its exit."""

    def __init__(self, name, ground, *options, daemon, **others):
        super().__init__(name, ground, *options, **others)
        self.daemon = daemon

    def command(self):
        return self.daemon.synscan("scan", *self.ground.addresses, "-p", self.ground.ports, *self.options)

    def run(self, lab, folder):
        with self.record() as outcome:
            _, outcome.seconds, outcome.note = self.bounded(self.command())
        return outcome

    @contextlib.contextmanager
    def record(self):
        """The outcome of the scan that runs inside, from the lines that it adds to the log."""
        outcome = Outcome(set(), 0, 0)
        end = self.daemon.log.stat().st_size if self.daemon.log.exists() else 0
        yield outcome
        with open(self.daemon.log) as log:
            log.seek(end)
            lines = [json.loads(line) for line in log]
        outcome.found = {f"{line['address']}:{line['port']}" for line in lines if line["event"] == "port" and line["state"] == "open"}
        outcome.lines = lines
        outcome.account = next((line for line in lines if line["event"] == "job.finished"), {})
        outcome.probes = outcome.account.get("probes_sent", 0)
        if not outcome.account:
            outcome.note += " not finished"


class Nmap(Scanner):
    def run(self, lab, folder):
        command = lab.near("nmap", "-sS", "-Pn", "-n", *self.options, "-oG", "-", "-p", self.ground.ports, *self.ground.addresses)
        out, seconds, note = self.bounded(command)
        found = set()
        for line in out.splitlines():
            if match := re.match(r"Host: (\S+) .*Ports: (.*)", line):
                found.update(f"{match[1]}:{port}" for port in re.findall(r"(\d+)/open/", match[2]))
        return Outcome(found, seconds, lab.counters()["syn"], note)


class Masscan(Scanner):
    def run(self, lab, folder):
        path = folder / "masscan.txt"
        command = lab.near(
            "masscan", "-e", "near0", "--router-mac", gateway(lab), "--adapter-ip", NEAR, "--source-port", "61000",
            *self.options, "-oL", path, "-p", self.ground.ports, *self.ground.addresses)
        with heartbeat(lab):
            _, seconds, note = self.bounded(command)
        lines = map(str.split, path.read_text().splitlines())
        found = {f"{words[3]}:{words[2]}" for words in lines if words[:2] == ["open", "tcp"]}
        path.unlink()
        return Outcome(found, seconds, lab.counters()["syn"], note)


class Zmap(Scanner):
    """One port of a ground, which is all that this version of it scans at a time."""

    def run(self, lab, folder):
        path = folder / "zmap.csv"
        # Its usual block list has the lab's addresses on it.
        command = lab.near(
            "zmap", "-q", "-v", "0", "-C", "/dev/null", "-b", "/dev/null", "-i", "near0", "-G", gateway(lab), "-S", NEAR,
            "-s", "61000-61999", *self.options, "-o", path, "-p", self.ground.ports, *self.ground.addresses)
        _, seconds, note = self.bounded(command)
        found = {f"{line}:{self.ground.ports}" for line in path.read_text().split() if line != "saddr"}
        path.unlink()
        return Outcome(found, seconds, lab.counters()["syn"], note)


def gateway(lab):
    return subprocess.run(lab.far("cat", "/sys/class/net/far0/address"), check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def heartbeat(lab):
    """A datagram now and then from the far side: masscan 1.3.2 looks at its clock only when a frame arrives, and would never end."""
    beat = subprocess.Popen(lab.far("bash", "-c", f"while sleep 0.3; do echo >/dev/udp/{NEAR}/9; done"), stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(beat.pid, signal.SIGKILL)
        beat.wait()


def versions():
    """The peers' names and versions."""
    lines = (subprocess.run([name, "--version"], capture_output=True, text=True).stdout for name in ("nmap", "masscan", "zmap"))
    return [re.search(r"(?i)(nmap|masscan|zmap)(?: version)? ([0-9.]+)", line).expand(r"\1 \2").lower() for line in lines]
