"""Runs the tests of a folder that stand on the lab: python3 -B Tests/Lab [FOLDER] [--binaries DIRECTORY] [--counts FILE] [-k PATTERN …]"""

import argparse
import pathlib
import signal
import sys
import time
import unittest

import harness


class Progress(unittest.TestResult):
    """Tells each test in a line, by what it promises, and keeps the failures for the end."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        self.broken = {}
        self._started = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        self._tell("ok", test)

    def addError(self, test, error):
        super().addError(test, error)
        self._fail(test, error)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._fail(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._fail(test, error, f"{subtest}\n")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell(f"skipped ({reason})", test)

    def stopTest(self, test):
        super().stopTest(test)
        self.passed += str(test) not in self.broken and (not self.skipped or self.skipped[-1][0] is not test)

    def _fail(self, test, error, heading=""):
        if str(test) not in self.broken:
            self._tell("FAILED", test)
        self.broken.setdefault(str(test), []).append(heading + self._exc_info_to_string(error, test))

    def _tell(self, verdict, test):
        # "test_what_it_promises (module.Class…)", or "setUpClass (module.Class)" when a whole class has failed.
        name = str(test)
        words = name.split(" ")[0].removeprefix("test_").replace("_", " ") if name.startswith("test_") else name
        print(f"{verdict:>6} {time.monotonic() - self._started:6.1f} s  {words}", flush=True)


def interrupt(*_):
    raise KeyboardInterrupt


parser = argparse.ArgumentParser(prog="Tests/Lab", description="Tests synscan on real packets.")
parser.add_argument("folder", type=pathlib.Path, nargs="?", default=harness.HERE, help="where the tests are (default: Tests/Lab)")
parser.add_argument("--binaries", type=pathlib.Path, help="where synscand and synscan are (default: .build/release)")
parser.add_argument("--counts", type=pathlib.Path, help="a file for the line 'PASSED FAILED'")
parser.add_argument("-k", dest="patterns", action="append", default=[], help="only tests whose name contains this, or another one")
options = parser.parse_args()
if options.binaries:
    harness.binaries = options.binaries.resolve()
signal.signal(signal.SIGTERM, interrupt)
# A shell starts what runs in the background with this signal ignored, and the programs under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

loader = unittest.TestLoader()
if options.patterns:
    loader.testNamePatterns = [f"*{pattern}*" for pattern in options.patterns]
result = Progress()
try:
    loader.discover(str(options.folder)).run(result)
except KeyboardInterrupt:
    sys.exit(130)
for name, errors in result.broken.items():
    print(f"\n{name}", *errors, sep="\n")
if options.counts:
    options.counts.write_text(f"{result.passed} {len(result.broken)}\n")
print(f"\n{options.folder.name.lower()}: {result.passed} passed, {len(result.broken)} failed")
sys.exit(bool(result.broken))
