"""The sign of life that systemd gets: it ends when any part of the daemon hangs, and for a disk that does not answer it goes on."""

import ctypes
import os
import pathlib
import signal
import socket
import threading
import time

from harness import FreezingDisk, LabTest, wait_until

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long] * 4
# A thread that was not seen for ten seconds hangs; a second each for the asking and the looking, and some for a busy machine.
SILENCE, SLACK = 10, 5


class Manager:
    """What systemd would hear of a daemon."""

    def __init__(self, test, daemon):
        path = daemon.directory / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.signs = []
        test.addCleanup(self.socket.close)
        daemon.environment["NOTIFY_SOCKET"] = str(path)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                if b"WATCHDOG=1" in self.socket.recv(4096):
                    self.signs.append(time.monotonic())
            except OSError:
                return

    def silence(self):
        return time.monotonic() - self.signs[-1]


def threads_of(process):
    """Numbers and names; a thread may end meanwhile."""
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        try:
            yield int(task.name), (task / "comm").read_text()
        except (FileNotFoundError, ProcessLookupError):
            pass


def hold(process, names, seconds):
    """Stops the threads of these names for so long, as a hang would; the names are beginnings, "" is the main thread."""
    held = [thread for thread, name in threads_of(process)
            if any(name.startswith(wanted) if wanted else thread == process for wanted in names)]
    for thread in held:
        if LIBC.ptrace(PTRACE_SEIZE, thread, 0, 0) != 0 or LIBC.ptrace(PTRACE_INTERRUPT, thread, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")
        os.waitpid(thread, WALL)
    time.sleep(seconds)
    for thread in held:
        LIBC.ptrace(PTRACE_DETACH, thread, 0, 0)
    return held


class Watchdog(LabTest):
    lasts = 60
    open_ports = [80]
    shares_daemon = False
    hangs = {
        "event loops": ["NIO-ELT"], "work pool": ["work"], "requests' pool": ["requests"], "main": [""],
        "send helper": ["scan-send"], "transmit": ["scan-transmit"], "capture": ["scan-capture"], "recorder": ["recorder"],
        # The threads of Swift's tasks, with the main one: the signs come from there.
        "tasks": ["synscand"],
    }

    def start(self, number, **sections):
        """A daemon with a job that runs for long, and what its manager hears."""
        ports = [40_000 + 1000 * number, 40_999 + 1000 * number]
        daemon = self.new_daemon(scan={"source_ports": f"{ports[0]}-{ports[1]}", "send_threads": 2}, limits={"max_rate": 5000}, **sections)
        return daemon, Manager(self, daemon)

    def watch(self, name, daemon, manager, errors):
        """One part hangs for a while."""
        try:
            wait_until(lambda: manager.signs, 20, "a sign of life")
            held = hold(daemon.process.pid, self.hangs[name], SILENCE + SLACK)
            if not held:
                raise AssertionError("there is no such thread")
            silent = manager.silence()
            if silent < SLACK - 2:
                raise AssertionError(f"a sign of life {silent:.1f} s ago")
            wait_until(lambda: manager.silence() < 2, 10, "signs of life again")
        except Exception as error:  # told by the test's own thread
            errors.append(f"{name}: {error!r}")

    def test_whatever_part_hangs_is_noticed(self):
        daemons, errors = [], []
        for number, name in enumerate(self.hangs):
            daemon, manager = self.start(number)
            daemon.start()
            job = daemon.post_job("198.18.64.0/22", ports=f"{1000 * number + 1}-{1000 * number + 1000}", rate=300)
            daemon.reach(job, "running")
            daemons.append((name, daemon, manager))
        threads = [threading.Thread(target=self.watch, args=(*each, errors)) for each in daemons]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        for name, daemon, _ in daemons:
            if name != "tasks":
                self.assertIn("Silent for more than 10 s", daemon.output(), name)

    def test_a_disk_that_does_not_answer_has_no_healthy_daemon_killed(self):
        daemon, manager = self.start(0)
        disk = FreezingDisk(self, daemon)
        daemon.start()
        job = daemon.post_job("198.18.64.0/20", ports="80-99", rate=2000, states=["open", "closed"])
        daemon.reach(job, "running")
        disk.freeze()
        longest = 0
        for _ in range(200):
            time.sleep(0.1)
            longest = max(longest, manager.silence())
        self.assertLess(longest, 6, "seconds without a sign of life")
        self.assertIn("disk", daemon.ask("GET", "/v1/status")["obstacle"])
        disk.thaw()
        daemon.reach(job, "finished", seconds=120)
        self.assertNotIn("Silent for more", daemon.output())
        self.assertEqual(len(daemon.lines(job, "port")), 81_920)
        numbers = [line["seq"] for line in daemon.lines()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
