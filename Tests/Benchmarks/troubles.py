"""Scenarios in which the far side does what a scanner is easily misled by."""

import os
import signal
import subprocess
import time

from grounds import lab_of, uniform
from harness import addresses, wait_until
from peers import Ground, Masscan, Nmap, Synscan

HOST = "198.18.64.1"


def limited(bench):
    """A host that gives 200 answers a second, whatever it is asked."""
    ports = range(1, 1025 if bench.short else 8193)
    open_ports = sorted(bench.random("limited").sample(ports, len(ports) // 200))
    ground = uniform([HOST], ports, open_ports, [HOST])
    with lab_of("198.18.64.0/20") as lab:
        lab("listen", "far", HOST, *open_ports)
        lab("answers", 200, HOST)
        daemon = bench.daemon(lab, max_rate_per_host=1000, max_rate_per_network=5000)
        scanners = [Synscan("synscan", ground, "--states", "open,filtered", daemon=daemon)]
        if not bench.short:
            scanners.append(Nmap("nmap -T4", ground, "-T4", runs=1))
            scanners.append(Masscan("masscan at 1000/s", ground, "--rate", 1000, "--seed", bench.seed, runs=1))
        row, *_ = bench.compare("limited", lab, scanners, len(ports) / 200)
    bench.promise("limited", "recall in the worst run", min(run.recall for run in row.runs), "≥", 1, 0.8)
    bench.promise("limited", "open but told as filtered", max(len(filtered(run) & ground.open) for run in row.runs), "≤", 0, 1)


def filtered(outcome):
    return {f"{line['address']}:{line['port']}" for line in outcome.lines if line["event"] == "port" and line["state"] == "filtered"}


class CutSynscan(Synscan):
    """A scan whose path goes when a part of it is done, and comes back."""

    def __init__(self, name, ground, *options, cut, mend, seconds, **others):
        super().__init__(name, ground, *options, **others)
        self.cut, self.mend, self.dark = cut, mend, seconds

    def run(self, lab, folder):
        with self.record() as outcome:
            started = time.monotonic()
            process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
            try:
                wait_until(lambda: lab.counters()["syn"] > self.ground.count // 4, 60, "a quarter of the scan")
                for command in self.cut:
                    lab(*command)
                time.sleep(self.dark)
                if process.poll() is not None:
                    outcome.note = "was over before the path came back"
                for command in self.mend:
                    lab(*command)
                process.wait(timeout=self.limit)
            except subprocess.TimeoutExpired:
                outcome.note = f"cut off after {self.limit} s"
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            outcome.seconds = time.monotonic() - started
        return outcome


def cut(bench):
    """Nothing comes through for 20 seconds in the middle of a scan."""
    hosts, seconds = (1024, 5) if bench.short else (4096, 20)
    ports = list(range(1000, 1020))
    open_ports = bench.random("cut").sample(ports, 5)
    ground = uniform(addresses("198.18.64.0", hosts), ports, open_ports, [f"198.18.64.0/{22 if bench.short else 20}"])
    carrier = {"cut": [("exec", "far", "ip", "link", "set", "far0", "down")],
               "mend": [("exec", "far", "ip", "link", "set", "far0", "up"),
                        ("exec", "far", "ip", "route", "replace", "198.18.1.1", "via", "198.18.0.1")]}
    silence = {"cut": [("loss", 100)], "mend": [("loss", 0)]}
    with lab_of("198.18.64.0/20") as lab:
        lab("open", *open_ports)
        common = {"daemon": bench.daemon(lab, max_rate=10_000)}
        rows = bench.compare("cut", lab, [
            Synscan("synscan, path whole", ground, **common),
            CutSynscan(f"synscan, {seconds} s without carrier", ground, **common, **carrier, seconds=seconds),
            CutSynscan(f"synscan, {seconds} s of silence", ground, **common, **silence, seconds=seconds)])
    for row in rows:
        differing = max(len(run.found ^ ground.open) for run in row.runs)
        bench.promise("cut", f"{row.name}: findings that differ from the truth", differing, "=", 0)
        bench.promise("cut", f"{row.name}: filtered", max(run.account.get("filtered", -1) for run in row.runs), "=", 0)


class OthersSynscan(Synscan):
    """What was found on other hosts than this one."""

    def run(self, lab, folder):
        outcome = super().run(lab, folder)
        outcome.found = {target for target in outcome.found if not target.startswith(f"{HOST}:")}
        return outcome


def everything(bench):
    """One host on which all ports are open, beside 200 normal ones."""
    draw = bench.random("everything")
    ports = range(1, 2001 if bench.short else 65_536)
    hosts = [host for host in addresses("198.18.64.0", 31 if bench.short else 201) if host != HOST]
    open_ports = sorted(draw.sample(ports, 6))
    truth = {f"{host}:{port}" for host in hosts for port in open_ports if draw.random() < 0.5}
    ground = Ground([f"198.18.64.0-{hosts[-1]}"], f"1-{ports[-1]}", (len(hosts) + 1) * len(ports), truth)
    with lab_of("198.18.64.0/20") as lab:
        lab("open", *open_ports)
        listen_on_all(lab, ports, open_ports)
        lab("closed", "-", lines=[f"{host}:{port}" for host in hosts for port in open_ports if f"{host}:{port}" not in truth])
        daemon = bench.daemon(lab, max_rate=100_000)
        row, = bench.compare("everything", lab, [
            OthersSynscan("synscan --rate 100000, the others' ports", ground, "--rate", 100_000, daemon=daemon)])
    told = [[line["address"] for line in run.lines if line["event"] == "host" and line["state"] == "answers-everything"] for run in row.runs]
    bench.promise("everything", "runs with exactly one such event", sum(addresses == [HOST] for addresses in told), "=", len(row.runs))
    bench.promise("everything", "recall on the others in the worst run", min(run.recall for run in row.runs), "≥", 0.999)


def listen_on_all(lab, ports, but):
    """All these ports of one host, but for those that are open everywhere; a process may not hold too many sockets."""
    first = ports[0]
    for port in [*but, ports[-1] + 1]:
        for start in range(first, port, 8000):
            lab("listen", "far", HOST, f"{start}-{min(start + 7999, port - 1)}")
        first = port + 1
