"""Runs the tests of a folder that stand on the lab: python3 -B Tests/Lab [FOLDER] [--binaries DIRECTORY] [--counts FILE] [--jobs N] [-k PATTERN …]"""

import argparse
import pathlib
import signal
import sys

import harness
import runner


def interrupt(*_):
    raise KeyboardInterrupt


parser = argparse.ArgumentParser(prog="Tests/Lab", description="Tests synscan on real packets.")
parser.add_argument("folder", type=pathlib.Path, nargs="?", default=harness.HERE, help="where the tests are (default: Tests/Lab)")
parser.add_argument("--binaries", type=pathlib.Path, help="where synscand and synscan are (default: .build/release)")
parser.add_argument("--counts", type=pathlib.Path, help="a file for the line 'PASSED FAILED'")
parser.add_argument("--jobs", type=int, default=1, help="how many classes of tests run side by side (default: one)")
parser.add_argument("-k", dest="patterns", action="append", default=[], help="only tests whose name contains this, or another one")
parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
options = parser.parse_args()
if options.binaries:
    harness.binaries = options.binaries.resolve()
signal.signal(signal.SIGTERM, interrupt)
# A shell starts what runs in the background with this signal ignored, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    if options.worker:
        runner.work(options.folder)
        sys.exit()
    broken, passed = runner.run(options.folder, options.patterns, options.jobs)
except KeyboardInterrupt:
    sys.exit(130)
for name, errors in broken.items():
    print(f"\n{name}", *errors, sep="\n")
if options.counts:
    options.counts.write_text(f"{passed} {len(broken)}\n")
print(f"\n{options.folder.name.lower()}: {passed} passed, {len(broken)} failed")
sys.exit(bool(broken))
