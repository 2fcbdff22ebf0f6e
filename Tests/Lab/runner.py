"""Runs tests side by side, each class in a process that runs one at a time; those that measure the machine run alone, after the others.

A class is alone with `alone = True`, and begins early with `lasts`, the seconds that it takes. Whatever fails beside others is run again alone, and that counts: a machine that is busy with other tests
can hold up whoever waits for an answer, and nothing else may decide about a test.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import unittest


def run(folder, patterns, jobs):
    """Runs all tests whose name contains one of the patterns. Gives what failed, name → texts, and how many passed."""
    found = classes(folder, patterns)
    alone = [tests for tests in found if getattr(type(tests[0]), "alone", False) or jobs == 1]
    beside = [part for tests in found if tests not in alone for part in parts(tests)]
    # What takes long begins first, so that nothing is left to one worker in the end.
    beside.sort(key=lambda tests: -getattr(type(tests[0]), "lasts", 0))
    alone, beside = ([[test.id() for test in tests] for tests in groups] for groups in (alone, beside))
    first = Account()
    _side_by_side(beside, jobs, first)
    last = Account()
    again = [[name for name in names if name in first.broken or name in first.unsettled] for names in beside]
    if any(again):
        print(f"\nAgain, and alone: {sum(map(len, again))} of the {sum(map(len, beside))} tests that ran beside others", flush=True)
        alone = [names for names in again if names] + alone
    _side_by_side(alone, 1, last)
    for name, errors in first.broken.items():
        if name not in last.broken:
            # It may be a race that only a busy machine shows.
            print(f"\nBeside others failed, and not alone: {name}", *errors, sep="\n")
    return last.broken, len(first.passed.difference(*again) | last.passed)


def classes(folder, patterns=()):
    """The tests of each class, in the order in which they stand in the files."""
    loader = unittest.TestLoader()
    if patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in patterns]
    found = {}
    for test in _leaves(loader.discover(str(folder))):
        # A file that cannot be loaded is a test, too, of a class that all such files share.
        found.setdefault((type(test), type(test).__module__ == "unittest.loader" and test.id()), []).append(test)
    return list(found.values())


def parts(tests):
    """The tests of a class that need not run in the same process: those that start a daemon of their own."""
    return [tests] if getattr(type(tests[0]), "shares_daemon", True) else [[test] for test in tests]


def _leaves(suite):
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from _leaves(part)
        else:
            yield part


class Account:
    """What has become of tests. Used by several threads."""

    def __init__(self):
        self.passed = set()
        self.broken = {}
        # Tests of classes that could not be prepared or cleaned up.
        self.unsettled = set()
        self._lock = threading.Lock()

    def take(self, verdict, group):
        """One line of a worker: a test of the group, or what comes before and after all of them, and what came out."""
        with self._lock:
            if verdict["id"] not in group:
                self.unsettled.update(group)
            if errors := verdict["errors"]:
                self.broken.setdefault(verdict["id"], []).extend(errors)
            elif not verdict["skipped"]:
                self.passed.add(verdict["id"])
            word = "FAILED" if errors else f"skipped ({verdict['skipped']})" if verdict["skipped"] else "ok"
            print(f"{word:>6} {verdict['seconds']:6.1f} s  {verdict['words']}", flush=True)


def _side_by_side(groups, jobs, account):
    """Each group is run by one worker, one after the other; the first of them first."""
    waiting = queue.SimpleQueue()
    for group in groups:
        waiting.put(group)
    workers = [Worker() for _ in range(min(jobs, len(groups)))]
    threads = [threading.Thread(target=worker.serve, args=(waiting, account)) for worker in workers]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for worker in workers:
            worker.end()


class Worker:
    """A process that runs tests."""

    def __init__(self):
        self._is_ending = False
        self._start()

    def _start(self):
        self._process = subprocess.Popen(
            [sys.executable, "-B", *sys.argv, "--worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def serve(self, waiting, account):
        """Has it run groups until none waits. A process that dies fails the tests that it had not told of; another one goes on."""
        while not self._is_ending:
            try:
                group = waiting.get_nowait()
            except queue.Empty:
                return
            told = set()
            try:
                print(json.dumps(group), file=self._process.stdin, flush=True)
                for line in self._process.stdout:
                    verdict = json.loads(line)
                    if verdict is None:
                        break
                    told.add(verdict["id"])
                    account.take(verdict, group)
                else:
                    raise BrokenPipeError
            except BrokenPipeError:
                for name in group:
                    if name not in told:
                        account.take(_verdict(name, name, 0, [f"its process ended with {self._process.wait()}"]), group)
                self._close()
                self._start()

    def end(self):
        """Ends it as soon as it has cleaned up."""
        self._is_ending = True
        self._process.stdin.close()
        if self._process.poll() is None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.terminate()
                self._process.wait()
        self._close()

    def _close(self):
        self._process.stdin.close()
        self._process.stdout.close()


def work(folder):
    """What a worker does: reads groups of tests, a line each, and tells of each test in a line, and at the end of each group."""
    tests = {test.id(): test for group in classes(folder) for test in group}
    # What tests print does not get in between.
    output = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        unittest.TestSuite(tests[name] for name in json.loads(line)).run(_Teller(output))
        print("null", file=output)


def _verdict(name, words, seconds, errors, skipped=""):
    return {"id": name, "words": words, "seconds": seconds, "errors": errors, "skipped": skipped}


class _Teller(unittest.TestResult):
    """Tells of each test by what it promises, with everything that failed in it."""

    def __init__(self, output):
        super().__init__()
        self._output = output
        self._started = time.monotonic()
        self._errors = []
        self._skipped = ""

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        self._tell(test)

    def addError(self, test, error):
        super().addError(test, error)
        self._fail(test, error)
        self._tell_outside(test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._fail(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error:
            self._fail(test, error, f"{subtest}\n")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._skipped = reason
        self._tell_outside(test)

    def _tell_outside(self, test):
        """A class is prepared and cleaned up outside of any test."""
        if not isinstance(test, unittest.TestCase):
            self._tell(test)

    def _fail(self, test, error, heading=""):
        self._errors.append(f"{test}\n{heading}{self._exc_info_to_string(error, test)}")

    def _tell(self, test):
        # "test_what_it_promises (module.Class…)", or "setUpClass (module.Class)".
        name = str(test)
        words = name.split(" ")[0].removeprefix("test_").replace("_", " ") if name.startswith("test_") else name
        print(json.dumps(_verdict(test.id(), words, time.monotonic() - self._started, self._errors, self._skipped)), file=self._output)
        self._started, self._errors, self._skipped = time.monotonic(), [], ""
