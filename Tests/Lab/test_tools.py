"""The tools that other tests break things with: volatile.c takes what was not synced, killat.c kills at one system call."""

import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from harness import compile_helper, end_quietly
from power import Power


class PowerFailure(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="synscan-")
        self.addCleanup(scratch.cleanup)
        self.directory = pathlib.Path(scratch.name, "data")
        self.directory.mkdir()
        self.power = Power(self.directory)

    def run_until_killed(self, program):
        """Runs a Python program in the directory, which kills itself at its end, and cuts the power."""
        program = "import os, signal, sqlite3, threading\n" + program + "\nos.kill(os.getpid(), signal.SIGKILL)"
        command = [sys.executable, "-S", "-c", program]
        done = subprocess.run(command, cwd=self.directory, env={**os.environ, **self.power.environment}, capture_output=True, text=True)
        self.assertEqual(done.returncode, -9, done.stderr)
        self.power.cut()

    def files(self):
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}

    def test_synced_bytes_stay_and_others_vanish(self):
        (self.directory / "old").write_bytes(b"was there")
        (self.directory / "long").write_bytes(b"0123456789")
        inode = (self.directory / "old").stat().st_ino
        self.run_until_killed("""
log = os.open("log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
os.write(log, b"one\\n"); os.writev(log, [b"t", b"wo\\n"]); os.fdatasync(log)
os.write(log, b"three\\n")
new = os.open("new", os.O_CREAT | os.O_WRONLY)
os.write(new, b"never synced")
old = os.open("old", os.O_WRONLY)
os.pwrite(old, b"WAS", 0); os.fsync(old); os.pwrite(old, b"THERE", 4); os.pwrite(old, b"behind", 20)
long = os.open("long", os.O_RDWR)
os.ftruncate(long, 4); os.ftruncate(long, 8); os.fsync(long); os.ftruncate(long, 2); os.close(long)
each = os.dup(os.open("each", os.O_CREAT | os.O_WRONLY | os.O_DSYNC)); os.write(each, b"at once"); os.fsync(each)
os.write(each, b", too")
emptied = os.open("emptied", os.O_CREAT | os.O_WRONLY); os.write(emptied, b"full"); os.fsync(emptied)
os.open("emptied", os.O_WRONLY | os.O_TRUNC)
""")
        self.assertEqual(self.files(), {
            "log": b"one\ntwo\n", "old": b"WAS there", "long": b"0123\0\0\0\0", "each": b"at once, too", "emptied": b"full",
            "new": b"",  # its name went along with the first sync of a file beside it
        })
        self.assertEqual((self.directory / "old").stat().st_ino, inode)

    def test_names_change_with_the_sync_of_their_directory(self):
        for name in ("renamed", "removed", "replaced", "kept"):
            (self.directory / name).write_bytes(name.encode())
        self.run_until_killed("""
directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
os.rename("renamed", "renamed.1"); os.unlink("removed"); os.fsync(directory)
os.open("renamed", os.O_CREAT | os.O_WRONLY)
os.unlink("kept")
other = os.open("kept.other", os.O_CREAT | os.O_WRONLY); os.write(other, b"other"); os.rename("kept.other", "replaced")
""")
        self.assertEqual(self.files(), {"renamed.1": b"renamed", "replaced": b"replaced", "kept": b"kept"})
        self.run_until_killed("""
os.rename("renamed.1", "renamed.2")
log = os.open("renamed", os.O_CREAT | os.O_WRONLY); os.write(log, b"new"); os.fsync(log)
""")
        self.assertEqual(self.files(), {"renamed.2": b"renamed", "renamed": b"new", "replaced": b"replaced", "kept": b"kept"})

    def test_many_threads_lose_nothing_that_they_synced(self):
        self.run_until_killed("""
def work(number):
    fd = os.open(f"file{number % 4}", os.O_CREAT | os.O_RDWR)
    for i in range(400):
        os.pwrite(fd, b"%07d\\n" % (number * 400 + i), 8 * (number * 400 + i))
        if i % 10 == 9: os.fdatasync(fd)
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""")
        for number in range(8):
            content = (self.directory / f"file{number % 4}").read_bytes()
            wanted = b"".join(b"%07d\n" % i for i in range(number * 400, number * 400 + 400))
            self.assertEqual(content[8 * number * 400:8 * (number * 400 + 400)], wanted)

    def test_a_database_keeps_what_it_synced_and_nothing_else(self):
        for mode, kept in (("FULL", 300), ("NORMAL", 0), ("OFF", 0)):
            with self.subTest(synchronous=mode):
                path = self.directory / f"{mode}.db"
                with sqlite3.connect(path) as database:
                    database.execute("PRAGMA journal_mode=WAL")
                    database.execute("CREATE TABLE rows (number INTEGER, filler BLOB)")
                database.close()
                self.run_until_killed(f"""
database = sqlite3.connect("{path.name}", isolation_level=None)
database.execute("PRAGMA synchronous={mode}")
database.execute("PRAGMA wal_autocheckpoint=0")
for number in range(300): database.execute("INSERT INTO rows VALUES (?, randomblob(2000))", (number,))
""")
                database = sqlite3.connect(path)
                self.addCleanup(database.close)
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
                self.assertEqual([row[0] for row in database.execute("SELECT number FROM rows ORDER BY number")], list(range(kept)))

    def test_a_database_survives_its_own_checkpoints(self):
        self.run_until_killed("""
database = sqlite3.connect("store.db", isolation_level=None)
database.execute("PRAGMA journal_mode=WAL")
database.execute("PRAGMA synchronous=FULL")
database.execute("PRAGMA wal_autocheckpoint=50")
database.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, filler BLOB)")
for number in range(1000):
    database.execute("BEGIN")
    database.execute("INSERT INTO rows VALUES (?, randomblob(3000))", (number,))
    database.execute("DELETE FROM rows WHERE number < ?", (number - 100,))
    if number < 999: database.execute("COMMIT")
""")
        database = sqlite3.connect(self.directory / "store.db")
        self.addCleanup(database.close)
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        self.assertEqual([row[0] for row in database.execute("SELECT number FROM rows ORDER BY number")], list(range(898, 999)))

    def test_what_would_be_overlooked_ends_the_program(self):
        program = "import mmap, os\nfd = os.open('f', os.O_CREAT | os.O_RDWR); os.ftruncate(fd, 4096); mmap.mmap(fd, 4096)"
        done = subprocess.run([sys.executable, "-S", "-c", program], cwd=self.directory, env={**os.environ, **self.power.environment},
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr[:9]), (-6, "volatile:"))


class KillAt(unittest.TestCase):
    COUNTING = "import os, threading\ndef work():\n for i in range(20): os.write(1, b'%d\\n' % i)\n"
    WAITING = "os.write(1, b'up\\n'); os.read(0, 1); "

    def run_until(self, stop, work):
        """Runs a program under killat, until it has counted to 20 or is killed; gives how far it came and killat's last line."""
        program = subprocess.Popen([sys.executable, "-S", "-c", f"{self.COUNTING}{self.WAITING}{work}; os.read(0, 1)"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.addCleanup(end_quietly, program)
        program.stdout.readline()
        killer = subprocess.Popen([compile_helper("killat"), str(program.pid), str(stop)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(end_quietly, killer)
        self.assertEqual(killer.stdout.readline(), "ready\n")
        program.stdin.write(b"x")
        lines = []
        while len(lines) < 20 and (line := program.stdout.readline()):
            lines.append(line)
        last, _ = killer.communicate(timeout=5)  # ends its input
        self.assertEqual(program.wait(timeout=5) if stop else program.poll(), -9 if stop else None)
        return len(lines), last.strip()

    def test_every_system_call_is_a_moment_to_kill_at(self):
        seen = []
        while not seen or seen[-1] < 10:
            lines, last = self.run_until(len(seen) + 1, "work()")
            self.assertEqual(last, f"killed {len(seen) + 1}")
            seen.append(lines)
        # Entering and leaving each write: what it wrote is seen from its end on.
        first = seen.index(1)
        self.assertEqual(seen[first:], [1 + i // 2 for i in range(len(seen) - first)])

    def test_new_threads_are_followed(self):
        lines, last = self.run_until(0, "thread = threading.Thread(target=work); thread.start(); thread.join()")
        self.assertEqual(lines, 20)
        self.assertGreaterEqual(int(last.removeprefix("counted ")), 40)
