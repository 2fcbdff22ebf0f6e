"""Scenarios about what synscan costs the machine it runs on."""

import pathlib
import time

from grounds import lab_of
from sending import UNLIMITED, cpu

COST = "what it costs|measured"


def steady(bench):
    """50,000 packets a second, steadily."""
    with lab_of("198.18.64.0/20") as lab:
        lab("null")
        daemon = bench.daemon(lab, max_rate=50_000)
        daemon.post_job("198.19.0.0/16", ports="1-65535", rate=50_000, recall="none", retries=0)
        time.sleep(1.5)
        before, start = cpu(daemon.process.pid), time.monotonic()
        time.sleep(3 if bench.short else 10)
        share = (cpu(daemon.process.pid) - before) / (time.monotonic() - start)
        daemon.clear()
    bench.add(COST, "50,000 packets a second", f"{100 * share:.1f} % of a core")
    bench.promise("50,000/s", "share of a core", share, "≤", 0.25, 0.5)


def idle(bench):
    """A daemon with nothing to do."""
    with lab_of("198.18.64.0/20") as lab:
        daemon = bench.daemon(lab)
        time.sleep(3)
        before = cpu(daemon.process.pid), switches(daemon.process.pid)
        seconds = 10 if bench.short else 30
        time.sleep(seconds)
        used = cpu(daemon.process.pid) - before[0]
        # Threads that have ended meanwhile have woken up for that alone.
        wakeups = sum(count - before[1].get(thread, 0) for thread, count in switches(daemon.process.pid).items()) / seconds
        resident = daemon.memory() / 1024
    bench.add(COST, "idle", f"{100 * used / seconds:.1f} % of a core, {wakeups:.2f} wake-ups a second, {resident:.0f} MiB")
    bench.promise("idle", "share of a core", used / seconds, "≤", 0.001)
    bench.promise("idle", "wake-ups a second", wakeups, "≤", 1.5)
    bench.promise("idle", "MiB resident", resident, "≤", 40)


def switches(pid):
    """How often each thread of the process has gone to sleep."""
    counts = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        counts[task.name] = next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    return counts


def memory(bench):
    """The most that is resident: for a /24 with the packaged limits, and for 10^9 targets at full speed, past the first chunk."""
    with lab_of("198.18.64.0/20") as lab:
        lab("null")
        lab("open", 80)
        daemon = bench.daemon(lab, max_rate=10_000)
        daemon.run("scan", "198.18.64.0/24", "-p", "1-100")
        small = daemon.memory("VmHWM") / 1024
        daemon.terminate()
        daemon = bench.daemon(lab, max_rate=UNLIMITED, max_rate_per_host=UNLIMITED, max_rate_per_network=UNLIMITED)
        job = daemon.post_job("198.19.0.0/16", ports="1-15259", rate=UNLIMITED, recall="none", retries=0)
        # The first chunk has 2^26 targets.
        while daemon.ask("GET", f"/v1/jobs/{job}")["account"]["probes_sent"] < 2.2 * (1 << 26):
            time.sleep(1)
        large = daemon.memory("VmHWM") / 1024
        daemon.clear()
    bench.add(COST, "a /24", f"{small:.0f} MiB at most")
    bench.add(COST, "10^9 targets", f"{large:.0f} MiB at most")
    bench.promise("a /24", "MiB at most", small, "≤", 48)
    bench.promise("10^9 targets", "MiB at most", large, "≤", 128)
