"""Scenarios about speed: into a device that drops everything, and through a network that answers as fast as anybody can send."""

import contextlib
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import harness
from harness import addresses
from bench import tell
from grounds import lab_of
from peers import Ground, Masscan, Synscan, Zmap

UNLIMITED = 100_000_000
SENDING = "into a null device|packets/s:|÷ bare XDP loop:|÷ faster peer:|CPU µs/packet:"
FINDING = "simulated internet|recall:|seconds:|correct findings/s:|÷ better peer:|probes/target:"


def null(bench):
    """How many packets leave in a second, of whoever sends them, by the device's own counter.

    The peers send into a device with one queue: with more they are an eighth slower, since they have the kernel choose one for each packet.
    """
    rates = {}
    with lab_of("198.18.64.0/20") as lab:
        lab("null")
        zmap = [
            "zmap", "-q", "-v", "0", "-C", "/dev/null", "-b", "/dev/null", "-i", "null1", "-G", "02:00:00:00:00:02", "-S", "198.18.3.1", "-r", "-1",
            "-P", "1000", "-o", "/dev/null", "-p", "80", "198.19.0.0/16"
        ]
        senders = {
            **{f"bare loop, {link}": bare_loop(lab, link) for link in ("xdp", "ring", "packet")},
            "masscan": peer(lab, "masscan", "-e", "null1", "--router-mac", "02-00-00-00-00-02", "--adapter-ip", "198.18.3.1", "--rate", UNLIMITED,
                            "-p", "1-65535", "198.19.0.0/16"),
            "zmap": peer(lab, *zmap),
            "zmap, two threads": peer(lab, *zmap, "-T", "2"),
        }
        for link in "xdp", "ring", "packet":
            for threads, name in (1, f"synscan, {link}, one thread"), (2, f"synscan, {link}"):
                daemon = bench.daemon(lab, link, threads, max_rate=UNLIMITED, max_rate_per_host=UNLIMITED, max_rate_per_network=UNLIMITED)
                daemon.terminate()
                senders[name] = scan_of(daemon)
        for run in range(bench.runs):
            for name, sender in senders.items():
                with sender() as pid:
                    rate, cost = steady_state(lab, pid, 1.5 if bench.short else 4)
                tell(f"null device, run {run + 1} of {bench.runs}: {name} {rate:,.0f}/s, {cost * 1e6:.3f} µs of CPU each")
                rates.setdefault(name, []).append((rate, cost))
    medians = {name: [statistics.median(values) for values in zip(*measured)] for name, measured in rates.items()}
    bare = medians["bare loop, xdp"][0]
    # As they come, like synscan; zmap with as many threads has a row of its own.
    peers = max(medians[name][0] for name in ("masscan", "zmap"))
    for name, (rate, cost) in medians.items():
        bench.add(SENDING, name, f"{rate:,.0f}", f"{rate / bare:.2f}", f"{rate / peers:.2f}", f"{cost * 1e6:.3f}")
    bench.promise("null device", "xdp, one thread, beside the bare loop", medians["synscan, xdp, one thread"][0] / bare, "≥", 0.85, 0.6)
    for link, bound in ("xdp", 3.6), ("ring", 2.4), ("packet", 1.9):
        bench.promise("null device", f"{link}, beside the faster of zmap and masscan", medians[f"synscan, {link}"][0] / peers, "≥", bound, 1)
    for name in "zmap", "masscan":
        bench.promise("null device", f"CPU time for a probe, beside {name}'s", medians["synscan, xdp"][1] / medians[name][1], "≤", 0.5, 0.8)


def steady_state(lab, pid, seconds):
    """Packets a second and CPU seconds for each, over a while in which everything has got going."""
    time.sleep(1.5)
    before = sent(lab), cpu(pid), time.monotonic()
    time.sleep(seconds)
    after = sent(lab), cpu(pid), time.monotonic()
    count, used, elapsed = (b - a for a, b in zip(before, after))
    return count / elapsed, used / max(count, 1)


def sent(lab):
    counters = [f"/sys/class/net/{device}/statistics/rx_packets" for device in ("null0", "null1")]
    return sum(map(int, subprocess.run(lab.near("cat", *counters), check=True, capture_output=True, text=True).stdout.split()))


def cpu(pid):
    """CPU seconds of a process and of those of its children that have ended, in user mode and in the kernel."""
    words = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, words[11:15])) / os.sysconf("SC_CLK_TCK")


def peer(lab, *command):
    """Something that sends until it is ended."""

    @contextlib.contextmanager
    def run():
        process = subprocess.Popen(
            lab.near(*command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process.pid
        finally:
            if process.poll() is not None:
                raise AssertionError(f"{command[0]} ended by itself, with {process.returncode}")
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    return run


def bare_loop(lab, link):
    return peer(lab, harness.compile_helper("bareloop", folder=pathlib.Path(__file__).parent), link, "null0", "60")


def scan_of(daemon):
    """A scan that is cancelled in the end."""

    @contextlib.contextmanager
    def run():
        daemon.start()
        daemon.post_job("198.19.0.0/16", ports="1-65535", rate=UNLIMITED, recall="none", retries=0)
        try:
            yield daemon.process.pid
        finally:
            daemon.clear()
            # It would keep the device's queue for the next job, and the bare loop wants it, too.
            daemon.terminate()

    return run


def internet(bench):
    """65,536 addresses of which every target has its fate; who finds most of what is open in a second?"""
    ports = 8 if bench.short else 64
    with lab_of("198.19.0.0/16") as lab:
        ground_of = answers(lab, bench.seed)
        ground = ground_of(ports)
        daemon = bench.daemon(lab, max_rate=UNLIMITED, max_rate_per_host=UNLIMITED, max_rate_per_network=UNLIMITED)
        single = ground_of(1)
        scanners = [
            Synscan("synscan", ground, daemon=daemon),
            Masscan("masscan, unlimited", ground, "--rate", UNLIMITED, "--retries", 0),
            Masscan("masscan --rate 200000", ground, "--rate", 200_000, "--retries", 0),
            Zmap(f"zmap, unlimited, one port for {ports}", single, "-r", -1, "--max-sendto-failures=-1"),
        ]
        find(bench, lab, f"{ground.count:,} targets", scanners, ports)
        if not bench.short:
            large = ground_of(256)
            scanners = [
                Synscan("synscan", large, daemon=daemon),
                Masscan("masscan, unlimited", large, "--rate", UNLIMITED, "--retries", 0),
            ]
            find(bench, lab, f"{large.count:,} targets", scanners, 1)


ZMAP_COOLDOWN = 8


def find(bench, lab, scenario, scanners, ports):
    rows = bench.compare(scenario, lab, scanners)
    bench.rows.clear()
    yields = []
    for row in rows:
        # zmap of Debian scans one port at a time: as if it went through all of them, found the same share and waited once.
        times = ports if "zmap" in row.name else 1
        seconds = [(run.seconds - ZMAP_COOLDOWN) * times + ZMAP_COOLDOWN if times > 1 else run.seconds for run in row.runs]
        correct = [run.recall * len(scanners[0].ground.open) for run in row.runs]
        yields.append(statistics.median(count / time for count, time in zip(correct, seconds)))
        row.seconds = statistics.median(seconds)
    best = max(yields[1:])
    for row, found in zip(rows, yields):
        # What answers here counts no SYNs, so only synscan's own account tells how many there were.
        probes = f"{row.median('probes_each'):.3f}" if row.median("probes") else ""
        bench.add(FINDING, f"{scenario}: {row.name}", f"{row.median('recall'):.5f}", f"{row.seconds:.2f}", f"{found:,.0f}",
                  f"{found / best:.2f}", probes)
    bench.promise(scenario, "recall", rows[0].median("recall"), "≥", 0.999, 0.99)
    bench.promise(scenario, "correct findings a second, beside the better peer", yields[0] / best, "≥", 2, 0.5)


def answers(lab, seed):
    """Has all addresses answer; the ground of their first so many ports. The kernel does it, more slowly, where the lab's program cannot be loaded."""
    simulated = True
    try:
        lab("internet", "198.19.0.0/16", 10, 200, 0, 0, seed)
    except AssertionError as error:
        simulated = False
        print(f"The simulated internet is not to be had, the kernel answers instead, on one port: {error}", file=sys.stderr)
        lab("open", 1000)
        lab("silent", "198.19.0.0/16:1012-1255")

    def truth(ports):
        if simulated:
            return set(lab("truth", 10, "198.19.0.0", 65_536, 1000, 999 + ports, seed).split())
        return {f"{host}:1000" for host in addresses("198.19.0.0", 65_536)}

    return lambda ports: Ground(["198.19.0.0/16"], f"1000-{999 + ports}" if ports > 1 else "1000", 65_536 * ports, truth(ports))
