"""A results log that somebody changes, shares or loses: told within a second, every finding once. And typing errors that end nothing."""

import json
import os
import shutil
import signal
import subprocess
import time

from harness import LabTest, wait_until
from test_full_disk import Disk
from test_torture import KnownScan


def remove(log):
    log.unlink()


def replace(log):
    other = log.with_name("other")
    other.write_text("another file\n")
    other.replace(log)


def edit(log):
    subprocess.run(["sed", "-i", "s/nothing/everything/", log], check=True)


def copy_and_cut(log, pause=0):
    """As logrotate's copytruncate does it, with so many seconds between copy and cut."""
    shutil.copyfile(log, log.with_name("results.jsonl.1"))
    time.sleep(pause)
    os.truncate(log, 0)


def empty(log):
    os.truncate(log, 0)


def rows_of(data):
    """The lines of ours in it; each must be whole."""
    lines = data.decode().splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"v":1,')]


class ChangedLog(KnownScan):
    def told(self):
        return self.daemon.ask("GET", "/v1/status").get("obstacle") or ""

    def test_whatever_is_done_to_the_log_is_told_within_a_second_and_nothing_is_lost(self):
        for change, words, is_exact in (
            (remove, "was deleted", False), (replace, "was replaced", False), (edit, "was replaced", True),
            (copy_and_cut, "was cut off", True), (empty, "was cut off", False),
        ):
            with self.subTest(change=change.__name__):
                self.own_daemon().start()
                job = self.submit()
                self.reach_share(job, 0.4)
                # What the deleted file holds can be read for as long as it is open.
                with open(self.daemon.log, "rb") as before:
                    held = self.daemon.log.read_bytes() if change is empty else None
                    change(self.daemon.log)
                    changed = time.monotonic()
                    wait_until(lambda: words in self.told(), 5, f"the log {words}")
                    self.assertLess(time.monotonic() - changed, 2)
                    self.assertIn("synscan reopen", self.told())
                    self.daemon.reach(job, "waiting", seconds=5)
                    self.assertIn(words, self.daemon.output())
                    time.sleep(0.5)
                    sent = self.lab.counters()["syn"]
                    time.sleep(0.5)
                    self.assertEqual(self.lab.counters()["syn"], sent, "a job that waits sends nothing")
                    self.assertEqual(self.daemon.run("reopen").code, 0)
                    self.reach(job, lambda _: False)
                    wait_until(lambda: b'"job.finished"' in self.daemon.log.read_bytes()[-2000:], 10, "the job's last line")
                    new = rows_of(self.daemon.log.read_bytes())
                    self.assertNotIn(b"\0", self.daemon.log.read_bytes())
                    if is_exact:
                        self.assert_truth(job, self.log_lines(True))
                    else:
                        # What stood in the file before is there as long as that file is; the new one repeats at most what was not safe in it.
                        old = rows_of(before.read() if held is None else held)
                        self.assert_single(new)
                        together = {row["seq"]: row for row in old + new}
                        self.assert_consecutive(sorted(together), 1)
                        self.assert_truth(job, together.values())
                self.daemon.terminate()
                self.lab("reset")

    def test_a_kill_right_after_the_log_was_copied_and_cut_doubles_nothing(self):
        # The daemon marks the log once a second: also between copy and cut.
        for wait, pause in (0, 0), (0.02, 0), (0.5, 0), (0, 0.9), (0, 1.2), (0.1, 1.2):
            with self.subTest(wait=wait, pause=pause):
                self.own_daemon().start()
                job = self.submit()
                self.reach_share(job, 0.4)
                copy_and_cut(self.daemon.log, pause)
                time.sleep(wait)
                self.daemon.kill()
                self.daemon.start()
                self.finish_and_check(job)

    def test_a_second_daemon_with_the_same_log_does_not_start_and_costs_nothing(self):
        self.own_daemon().start()
        other = self.new_daemon(results={"log": str(self.daemon.log)})
        job = self.submit()
        self.reach_share(job, 0.3)
        refused = other.fails_to_start()
        self.assertEqual(refused.code, 1)
        self.assert_sentence(refused.err, "is in use by another synscand", "results.jsonl")
        self.finish_and_check(job)

    def test_lines_of_others_survive_stops_and_kills(self):
        self.own_daemon().start()
        job = self.submit()
        for number, end in enumerate((self.daemon.terminate, self.daemon.kill, self.daemon.kill, self.daemon.terminate)):
            self.reach_share(job, 0.1 + 0.15 * number)
            with open(self.daemon.log, "a") as log:
                log.write(f"# note {number}\n")
            end()
            with open(self.daemon.log, "a") as log:
                log.write(f"# while down {number}\n")
            self.daemon.start()
        self.reach(job, lambda _: False)
        wait_until(lambda: b'"job.finished"' in self.daemon.log.read_bytes()[-2000:], 10, "the job's last line")
        text = self.daemon.log.read_text()
        for number in range(4):
            self.assertIn(f"# note {number}", text)
            self.assertIn(f"# while down {number}\n", text)
        rows = rows_of(self.daemon.log.read_bytes())
        self.assert_consecutive([row["seq"] for row in rows], 1)
        self.assert_single(rows)
        self.assert_truth(job, rows)

    def test_a_log_that_is_renamed_and_not_reopened_is_told(self):
        self.own_daemon().start()
        job = self.submit()
        self.reach_share(job, 0.2)
        self.daemon.log.rename(self.daemon.log.with_name("results.jsonl.1"))
        wait_until(lambda: "has been renamed" in str(self.daemon.ask("GET", "/v1/status").get("advice")), 5, "it is told")
        self.reach(job, lambda _: False)
        self.daemon.terminate()
        self.daemon.start()
        rows = self.log_lines(True)
        self.assert_truth(job, rows)

    def test_a_full_disk_whose_log_is_emptied_gets_no_zeros(self):
        daemon = self.own_daemon(results={"min_free": 0})
        directory = daemon.directory / "log"
        directory.mkdir()
        disk = Disk(self, directory)
        self.addCleanup(daemon.kill)
        daemon.log = directory / "results.jsonl"
        daemon.sections["results"]["log"] = str(daemon.log)
        daemon.configure()
        daemon.start()
        disk.fill(100_000)
        job = self.submit()
        daemon.reach(job, "waiting", seconds=20)
        before = rows_of(daemon.log.read_bytes().rpartition(b"\n")[0])
        os.truncate(daemon.log, 0)
        wait_until(lambda: "was cut off" in self.told(), 5, "the log was cut off")
        disk.empty()
        self.assertEqual(daemon.run("reopen").code, 0)
        self.reach(job, lambda _: False)
        wait_until(lambda: b'"job.finished"' in daemon.log.read_bytes()[-2000:], 10, "the job's last line")
        self.assertNotIn(b"\0", daemon.log.read_bytes())
        new = rows_of(daemon.log.read_bytes())
        self.assert_single(new)
        self.assert_truth(job, {row["seq"]: row for row in before + new}.values())

    def test_a_store_that_is_lost_beside_the_log_is_told_and_the_numbers_go_on(self):
        self.own_daemon().start()
        first = self.submit()
        self.finish_and_check(first)
        for end in self.daemon.terminate, self.daemon.kill:
            last = self.log_lines(True)[-1]
            end()
            shutil.rmtree(self.daemon.data / "store")
            self.daemon.start()
            self.assertIn(f"lines up to {last['seq']}", str(self.daemon.ask("GET", "/v1/status")["advice"]))
            second = self.submit()
            self.assertGreater(second, first)
            first = second
            self.finish_and_check(second)


class TypingErrors(LabTest):
    """No file that somebody types ends a daemon, or keeps it from saying what is wrong."""

    shares_daemon = False
    broken = [
        "[[[scope]\n", "[“scope”]\n", "[ü]\n", "[.scope]\n", "[#", "[,", "[\n", "[", "[[", "[]", "[=]\n", "[\u00a0scope]\n", "[scope\r]", "a = [",
        "a = {", "a = \"", "a = '''", "a = \"\\", "a.", "= 1", "\u00ef", "[[a]]\n[a]\n", "a = 1\na = 2\n", "a = " + "[" * 100_000,
        "a." * 100_000 + "b = 1", "[scope]\rallow = []\r", "\ufeff[\ufeffscope]\n", "a = 99999999999999999999", "a = 1979-05-27 07:32:00zz",
    ]

    def write(self, path, data):
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        path.chmod(0o644)

    def test_no_configuration_ends_a_daemon_at_a_reload_a_start_or_a_check(self):
        daemon = self.own_daemon()
        daemon.start()
        good = daemon.configuration.read_bytes()
        pid = daemon.process.pid
        utf16 = good.decode().encode("utf-16")
        for text in [*self.broken, b"[\xff\xfe]\n", b"\x00", utf16, good + b"\n[\xe2\x80\x9cx\xe2\x80\x9d]\n"]:
            with self.subTest(text=text[:20]):
                self.write(daemon.configuration, text)
                reload = daemon.run("reload")
                self.assertEqual(reload.code, 2, reload.err)
                self.assert_sentence(reload.err, "synscand.toml")
                daemon.process.send_signal(signal.SIGHUP)
                check = subprocess.run([*daemon.command(), "--check-config"], capture_output=True, text=True, timeout=20)
                self.assertEqual(check.returncode, 1, check)
                self.assert_sentence(check.stderr, "synscand.toml")
                job = daemon.run("scan", "--job", daemon.configuration)
                self.assertEqual(job.code, 2, job.err)
                self.assert_sentence(job.err, "synscand.toml")
        self.assertEqual(daemon.ask("GET", "/v1/status")["pid"], pid)
        daemon.terminate()
        for text in self.broken[:3]:
            self.write(daemon.configuration, text)
            start = daemon.fails_to_start()
            self.assertEqual(start.code, 1, start.err)
            self.assert_sentence(start.err, "synscand.toml, line 1, column")
        self.write(daemon.configuration, good)
        daemon.start()

    def test_whoever_could_change_a_folder_on_the_way_is_told(self):
        daemon = self.own_daemon()
        folder = daemon.directory / "etc"
        (folder / "synscan").mkdir(parents=True, mode=0o755)
        moved = folder / "synscan" / "synscand.toml"
        shutil.copy(daemon.configuration, moved)
        moved.chmod(0o644)
        daemon.configuration.unlink()
        daemon.configuration.symlink_to(moved)
        daemon.start()
        for mode in 0o777, 0o775:
            folder.chmod(mode)
            refused = daemon.run("reload")
            self.assertEqual(refused.code, 2)
            self.assert_sentence(refused.err, f"lies below {folder}, which can be written by others")
        folder.chmod(0o755)
        self.assertEqual(daemon.run("reload").code, 0)
