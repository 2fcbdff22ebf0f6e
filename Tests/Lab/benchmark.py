"""Measures the service on the lab and prints its figures as Markdown: benchmark.py [--binaries DIRECTORY]"""

import argparse
import os
import pathlib
import platform
import statistics
import sys
import time

import harness
from test_latency import FINISHED, LIST, MEDIAN, QUEUED, SLOWEST, SUBMISSIONS, Latency

parser = argparse.ArgumentParser(prog="Tests/Lab/benchmark.py", description="Measures synscan on the lab.")
parser.add_argument("--binaries", type=pathlib.Path, help="where synscand and synscan are (default: .build/release)")
options = parser.parse_args()
if options.binaries:
    harness.binaries = options.binaries.resolve()


def milliseconds(seconds):
    return f"{1000 * seconds:.1f} ms"


class Bench(Latency):
    """The measurements outside a test runner."""

    def runTest(self):
        for queued, finished in (0, 0), (QUEUED, FINISHED):
            started = time.monotonic()
            self.start(queued, finished)
            waits = self.measure()
            rows.append((queued, finished, statistics.median(waits), waits[int(0.99 * len(waits))], waits[-1], self.measure_list()))
            started = time.monotonic()
            self.daemon.terminate()
            stopped = time.monotonic() - started
            started = time.monotonic()
            self.daemon.start()
            starts.append((queued, finished, time.monotonic() - started, stopped))


rows, starts = [], []
result = harness.unittest.TestResult()
harness.unittest.TestSuite([Bench()]).run(result)
for _, problem in result.errors + result.failures:
    sys.exit(problem)

print(f"Measured on {os.cpu_count()} cores, Linux {platform.release()}, {time.strftime('%Y-%m-%d')}, by `sudo Tests/run benchmark`.\n")
print(f"From the beginning of a submission to its first SYN at the far side ({SUBMISSIONS} of them), and how long `synscan jobs` takes:\n")
print("| queued jobs | finished jobs | median | 99 % | slowest | `synscan jobs` |")
print("|---:|---:|---:|---:|---:|---:|")
for queued, finished, *times in rows:
    print(f"| {queued:,} | {finished:,} | " + " | ".join(map(milliseconds, times)) + " |")
print(f"\nPromised with as many: median {milliseconds(MEDIAN)}, 99 % {milliseconds(SLOWEST)}, `synscan jobs` {milliseconds(LIST)}.\n")
print("| queued jobs | finished jobs | start to first answer | stop |")
print("|---:|---:|---:|---:|")
for queued, finished, *times in starts:
    print(f"| {queued:,} | {finished:,} | " + " | ".join(map(milliseconds, times)) + " |")
_, _, median, slowest, _, listed = rows[-1]
late = [name for name, value, limit in (("median", median, MEDIAN), ("99 %", slowest, SLOWEST), ("jobs", listed, LIST)) if value >= limit]
if late:
    sys.exit(f"\nMore than promised: {', '.join(late)}")
