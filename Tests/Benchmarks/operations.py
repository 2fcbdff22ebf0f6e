"""What each operation of the packet path costs: nanoseconds, instructions, allocations."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

import harness

HERE = pathlib.Path(__file__).resolve().parent
COMMITTED = HERE / "instructions.json"
# Operations that each packet costs, and how many of them are measured.
PACKET = {"permutation": 20_000_000, "cookie": 20_000_000, "patch": 50_000_000, "probe": 20_000_000, "probe6": 20_000_000,
          "scope": 10_000_000, "parse": 10_000_000, "parse6": 10_000_000, "table": 10_000_000, "engine": 20_000_000}
# When the scope or a neighbour changes.
CHANGE = {"refresh": 20}
FINDING = {"formatter": 3_000_000, "recorder": 1_000_000}


def run(operation, count, *prefix, preload=None, program=None):
    """The lines that the operation prints, and what went to standard error."""
    command = [*prefix, program or harness.binaries / "MicroBenchmarks", operation, str(count)]
    environment = {**os.environ, **({"LD_PRELOAD": str(preload)} if preload else {})}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    if done.returncode != 0:
        raise AssertionError(f"{operation}: {done.stdout}{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def nanoseconds(operation, count):
    return run(operation, count)[0][-1]["nanoseconds"]


def cpu_nanoseconds(operation, count):
    """CPU time of the threads that do the operation, the least of three."""
    return min(run(operation, count)[0][-1]["cpu_nanoseconds"] for _ in range(3))


def allocations(operation, count):
    """Allocations for each operation: of a longer run, less those of a shorter one, so that what a run sets up does not count."""
    counter = harness.compile_helper("allocations", "-shared", "-fPIC", folder=HERE)
    counts = [run(operation, n, preload=counter)[0][-1]["allocations"] * n for n in (count // 4, count)]
    return (counts[1] - counts[0]) / (count - count // 4)


def instructions(operation, count):
    """Instructions for each operation (valgrind(1), callgrind), likewise."""

    with tempfile.TemporaryDirectory(prefix="synscan-") as folder:
        # valgrind cannot read the debugging information of this compiler.
        program = pathlib.Path(folder, "MicroBenchmarks")
        subprocess.run(["strip", "-o", program, harness.binaries / "MicroBenchmarks"], check=True)

        def collected(n):
            _, words = run(operation, n, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program=program)
            return int(re.search(r"Collected : (\d+)", words)[1])

        return (collected(count) - collected(count // 4)) / (count - count // 4)
