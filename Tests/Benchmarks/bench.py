"""Runs scanners beside each other, keeps what they found, and tells it as Markdown."""

import argparse
import dataclasses
import json
import operator
import os
import pathlib
import platform
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

import harness
import peers

COMPARE = {"≥": operator.ge, "≤": operator.le, "=": operator.eq}


@dataclasses.dataclass
class Row:
    scenario: str
    name: str
    runs: list
    ideal: float

    def median(self, of):
        """The median over the runs of a property of outcomes, or of a key of accounts."""
        return statistics.median(getattr(run, of) if hasattr(run, of) else run.account.get(of, 0) for run in self.runs)

    def cells(self):
        ratio = f"{self.median('seconds') / self.ideal:.2f}" if self.ideal else ""
        notes = sorted({note for run in self.runs if (note := run.note.strip())})
        return [self.scenario, self.name, len(self.runs), f"{self.median('recall'):.5f}", f"{self.median('false'):g}",
                f"{self.median('probes_each'):.3f}", f"{self.median('seconds'):.2f}", ratio, "; ".join(notes)]


class Bench:
    """What a run of the benchmark shares and collects."""

    def __init__(self, runs, seed, short, output):
        self.runs, self.seed, self.short, self.output = runs, seed, short, pathlib.Path(output)
        self.rows, self.promises, self.tables = [], [], {}

    def random(self, scenario):
        """Random choices of a scenario, the same for the same seed."""
        return random.Random(f"{self.seed} {scenario}")

    def daemon(self, lab, link=harness.link, threads=2, **limits):
        """A daemon that may scan the lab, sending with so many threads; its limits are those of the lab's tests but for these."""
        daemon = harness.Daemon(lab, ["198.18.0.0/15"], limits=limits, scan={"link": link, "send_threads": threads})
        lab.before_close(daemon.close)
        return daemon.start()

    def try_scenario(self, name, scenario):
        """A scenario that breaks is a promise that is not held, and the others go on."""
        try:
            scenario(self)
        except Exception:
            traceback.print_exc()
            self.promise(name, "runs to its end", 0, "=", 1)

    def compare(self, scenario, lab, scanners, ideal=None):
        """All scanners in turn, and all that again in the next run. Gives their rows."""
        rows = [Row(scenario, scanner.name, [], ideal) for scanner in scanners]
        for scanner in scanners:
            self.write_truth(scenario, scanner.ground)
        for run in range(1, self.runs + 1):
            for scanner, row in zip(scanners, rows):
                if run <= (scanner.runs or self.runs):
                    row.runs.append(self.measure(scenario, lab, scanner, run))
        self.rows += rows
        return rows

    def measure(self, scenario, lab, scanner, run):
        tell(f"{scenario}, run {run} of {scanner.runs or self.runs}: {scanner.name}")
        folder = self.folder(scenario)
        outcome = scanner.scan(lab, folder)
        name = f"run{run}-" + re.sub(r"[^a-z0-9]+", "-", scanner.name.lower()).strip("-")
        write_lines(folder / f"{name}.found", outcome.found)
        measured = {"seconds": outcome.seconds, "probes": outcome.probes, "recall": outcome.recall, "note": outcome.note}
        (folder / f"{name}.json").write_text(json.dumps({**measured, **outcome.account}, indent=1) + "\n")
        tell(f"    recall {outcome.recall:.5f}, {outcome.probes_each:.3f} probes for each target, {outcome.seconds:.2f} s {outcome.note}")
        time.sleep(1)  # what is still on its way is not the next one's
        return outcome

    def folder(self, scenario):
        folder = self.output / scenario.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write_truth(self, scenario, ground):
        """What is open, for each ground: scanners of a scenario that share one share its file."""
        name = f"truth-{ground.addresses[0].replace('/', '-')}-{ground.ports}.txt"
        write_lines(self.folder(scenario) / name, ground.open)

    def add(self, head, *cells):
        """Adds a row to the table with this head."""
        self.tables.setdefault(head, []).append(cells)

    def promise(self, scenario, what, value, sign, bound, short=None):
        """Holds a measured value to its bound. The short form has a bound of its own: one run, on a machine that may be busy."""
        bound = short if self.short and short is not None else bound
        self.promises.append((scenario, what, value, sign, bound, COMPARE[sign](value, bound)))

    @property
    def holds(self):
        return all(promise[-1] for promise in self.promises)

    def report(self):
        print(self.heading(), end="\n\n")
        if self.rows:
            print_table("scenario|scanner|runs:|recall:|false findings:|probes/target:|seconds:|÷ ideal:|", (row.cells() for row in self.rows))
        for head, rows in self.tables.items():
            print_table(head, rows)
        print_table("scenario|promise|measured:|bound:|", (
            (scenario, what, number(value), f"{sign} {number(bound)}", "held" if held else "**NOT HELD**")
            for scenario, what, value, sign, bound, held in self.promises))

    def heading(self):
        command = ["git", "-C", harness.HERE, "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        return (f"{time.strftime('%Y-%m-%d')}, commit {commit or 'unknown'}, {os.cpu_count()} cores, Linux {platform.release()}, "
                f"{', '.join(peers.versions())}, seed {self.seed}{', short form' if self.short else ''}; medians:")


def write_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in sorted(lines)))


def number(value):
    """At most five digits behind the point, and none that say nothing."""
    return f"{value:,.5f}".rstrip("0").rstrip(".")


def print_table(head, rows):
    """A Markdown table; columns that end with a colon stand at the right."""
    names = head.split("|")
    print(f"| {' | '.join(name.rstrip(':') for name in names)} |")
    print(f"|{'|'.join('---:' if name.endswith(':') else '---' for name in names)}|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print()


def tell(words):
    print(words, file=sys.stderr, flush=True)


def main(prog, description, scenarios, short):
    """Runs scenarios, functions that take a `Bench`, as the command line says, and prints the report. `short` names those of the short form."""
    scenarios = {function.__name__: function for function in scenarios}
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--binaries", type=pathlib.Path, help="where synscand and synscan are (default: .build/release)")
    parser.add_argument("--runs", type=int, help="runs of each scanner; the tables hold medians (default: 5, short 1)")
    parser.add_argument("--seed", type=int, help="repeats the networks of a run that printed it")
    parser.add_argument("--output", type=pathlib.Path, help="where truth and findings are kept (default: nowhere)")
    parser.add_argument("--short", action="store_true", help="a minute or two: one run, small networks, bounds that a busy machine keeps")
    parser.add_argument("--scenario", action="append", choices=scenarios, help="only this one; may be repeated")
    options = parser.parse_args()
    if options.binaries:
        harness.binaries = options.binaries.resolve()
    signal.signal(signal.SIGTERM, interrupt)
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    tell(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="synscan-") as temporary:
        bench = Bench(options.runs or (1 if options.short else 5), seed, options.short, options.output or temporary)
        try:
            for name in options.scenario or (short if options.short else scenarios):
                bench.try_scenario(name, scenarios[name])
        except KeyboardInterrupt:
            sys.exit(130)
        bench.report()
    sys.exit(not bench.holds)


def interrupt(*_):
    raise KeyboardInterrupt
