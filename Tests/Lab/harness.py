"""What the lab's tests stand on: a private lab, a real synscand in it, and the real synscan to drive it."""

import atexit
import collections
import contextlib
import ctypes
import http.client
import ipaddress
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SYN, ACK = 0x02, 0x10

binaries = HERE.parent.parent / ".build" / "release"
# The way onto the wire that every daemon tries first.
link = os.environ.get("LAB_LINK", "auto")

# What is still up when the run ends in any way is taken down then.
leftovers = contextlib.ExitStack()
atexit.register(leftovers.close)
_helpers, _compiling = {}, threading.Lock()

Result = collections.namedtuple("Result", "code out err seconds")
Probe = collections.namedtuple("Probe", "time source_port address port")


def addresses(first, count):
    """Consecutive addresses as strings."""
    start = ipaddress.ip_address(first)
    return [str(start + i) for i in range(count)]


def compile_helper(name, *options, folder=HERE):
    """Compiles a helper in C, once a run, and gives its path. Where no compiler is, LAB_HELPERS names the folder of those made before."""
    if "LAB_HELPERS" in os.environ:
        return pathlib.Path(os.environ["LAB_HELPERS"], name)
    with _compiling:
        if name not in _helpers:
            directory = leftovers.enter_context(tempfile.TemporaryDirectory(prefix="synscan-"))
            program = pathlib.Path(directory, name)
            subprocess.run(["cc", "-O2", "-pthread", *options, "-o", program, folder / f"{name}.c"], check=True)
            _helpers[name] = program
        return _helpers[name]


def end_quietly(process):
    """Kills a process if it is still there, and closes its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()


def wait_until(condition, seconds, what):
    """Polls until the condition gives something true, and gives that."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
    return value


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def http_request(path, method, route, body=None, timeout=10):
    """One request on a connection of its own: its status, and what the JSON of the answer holds. OSError if there is no whole answer."""
    connection = UnixConnection(path, timeout)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, route, body=data, headers={"Content-Type": "application/json", "Connection": "close"})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    except http.client.HTTPException as error:
        raise ConnectionError(f"{method} {route}: {error!r}") from error
    finally:
        connection.close()


class Lab:
    """A lab of its own name, see `lab`."""

    def __init__(self, *up):
        environment = {key: value for key, value in os.environ.items() if key != "LAB_SUFFIX"}
        line = subprocess.run([HERE / "lab", "up", *up], env=environment, check=True, capture_output=True, text=True).stdout
        self.suffix = line.strip().split("=")[1]
        self.environment = {**environment, "LAB_SUFFIX": self.suffix}
        self._cleanup = leftovers.enter_context(contextlib.ExitStack())
        self._cleanup.callback(self, "down")

    def __call__(self, *arguments, lines=None):
        """Runs a command of the lab; `lines` go to its standard input."""
        text = None if lines is None else "\n".join(lines) + "\n"
        done = subprocess.run([HERE / "lab", *map(str, arguments)], env=self.environment, input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"lab {arguments[0]}: {done.stderr}")
        return done.stdout

    def close(self):
        self._cleanup.close()

    def before_close(self, action):
        """Does something just before the lab goes down."""
        self._cleanup.callback(action)

    def near(self, *command):
        """The command line that runs a command in the near namespace."""
        return ["ip", "netns", "exec", f"synscan-{self.suffix}-near", *map(str, command)]

    def far(self, *command):
        return ["ip", "netns", "exec", f"synscan-{self.suffix}-far", *map(str, command)]

    def counters(self):
        """What has arrived at the far side: syn, rst, stray, frames."""
        return {name: int(value) for name, value in map(str.split, self("counters").splitlines())}

    @contextlib.contextmanager
    def arrivals(self):
        """Records the SYNs that arrive at the far side; the list it yields is filled with their times in seconds at the end."""
        with self.probes() as probes:
            times = []
            yield times
        times.extend(probe.time for probe in probes)

    @contextlib.contextmanager
    def probes(self):
        """Records the SYNs that arrive at the far side; the list it yields is filled with `Probe`s at the end."""
        probes = []
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "syn.pcap")
            snapshot = 54
            capture = subprocess.Popen(
                self.far("tcpdump", "-i", "far0", "-Q", "in", "-n", "-B", "65536", "-s", snapshot, "--time-stamp-precision=nano",
                         "-Z", "root", "-w", path, "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"),
                stderr=subprocess.PIPE, text=True, start_new_session=True)
            try:
                while "listening on" not in capture.stderr.readline():
                    if capture.poll() is not None:
                        raise AssertionError("tcpdump did not start")
                yield probes
                time.sleep(1.2)  # tcpdump sees the last packets up to a second later
            finally:
                capture.send_signal(signal.SIGINT)
                report = capture.communicate()[1]
            if dropped := int(re.search(r"(\d+) packets dropped by kernel", report).group(1)):
                raise AssertionError(f"tcpdump missed {dropped} packets")
            probes.extend(_probes_of(path.read_bytes()))


def _probes_of(capture):
    """The packets of a capture file with nanoseconds, which are IPv4 and TCP."""
    offset = 24
    while offset < len(capture):
        seconds, nanoseconds, length = (int.from_bytes(capture[offset + i:offset + i + 4], "little") for i in (0, 4, 8))
        frame = capture[offset + 16:offset + 16 + length]
        source_port, port = int.from_bytes(frame[34:36], "big"), int.from_bytes(frame[36:38], "big")
        yield Probe(seconds + nanoseconds / 1e9, source_port, str(ipaddress.IPv4Address(frame[30:34])), port)
        offset += 16 + length


class Daemon:
    """A synscand in a lab's near namespace with its socket, store and logs in a directory of its own."""

    def __init__(self, lab, allow, **sections):
        self.lab = lab
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="synscan-"))
        self.directory.chmod(0o755)
        self.socket = self.directory / "synscan.sock"
        # What must outlive the daemon: its store and its results log.
        self.data = self.directory / "data"
        self.data.mkdir(mode=0o755)
        self.log = self.data / "results.jsonl"
        self.audit = self.directory / "audit.jsonl"
        self.configuration = self.directory / "synscand.toml"
        self.process = None
        # Set to a `Power`, whatever the daemon has not synced can be taken away.
        self.power = None
        # What stands in its environment besides.
        self.environment = {}
        self.sections = {
            "control": {"socket": str(self.socket), "group": "adm", "audit_log": str(self.audit)},
            "store": {"directory": str(self.data / "store")},
            "results": {"log": str(self.log)},
            "scope": {"allow": allow},
            # A lab is one host's stack; what it bears has nothing to do with how many addresses it stands for.
            "limits": {"max_rate_per_host": 1_000_000, "max_rate_per_network": 1_000_000},
            "scan": {"link": link},
        }
        for name, keys in sections.items():
            self.sections.setdefault(name, {}).update(keys)
        self.configure()
        self._cleanup = leftovers.enter_context(contextlib.ExitStack())
        self._cleanup.callback(shutil.rmtree, self.directory)
        self._cleanup.callback(self.kill)

    def configure(self):
        """Writes the configuration; numbers, strings and lists of them are the same in JSON and TOML."""
        text = ""
        for section, keys in self.sections.items():
            text += f"[{section}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
        self.replace_configuration(text)

    def replace_configuration(self, text):
        """In one go: a daemon that reads it meanwhile sees no half of it."""
        new = self.configuration.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o644)
        new.replace(self.configuration)

    def command(self, *prefix):
        environment = {**self.environment, **(self.power.environment if self.power else {})}
        if environment:
            prefix += "env", *(f"{name}={value}" for name, value in environment.items())
        return self.lab.near(*prefix, binaries / "synscand", "--config", self.configuration)

    def launch(self):
        """Starts the daemon and does not wait for it."""
        with open(self.directory / "synscand.log", "ab") as output:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        return self

    def start(self):
        self.launch()
        wait_until(self.answers, 20, "the daemon answers at its socket")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"synscand ended with {self.process.returncode}: {self.output()[-3000:]}")
        try:
            return self.http("GET", "/v1/status")[0] == 200
        except OSError:
            return False

    def http(self, method, route, body=None, timeout=10):
        """A request of root's at the control socket: its status, and what the JSON of the answer holds."""
        return http_request(self.socket, method, route, body, timeout)

    def ask(self, method, route, body=None, status=200):
        """What a request of root's that must succeed gets."""
        got, answer = self.http(method, route, body)
        if got != status:
            raise AssertionError(f"{method} {route}: {got} {answer}")
        return answer

    def post_job(self, *targets, **keys):
        """Submits a job and gives its id."""
        return self.ask("POST", "/v1/jobs", {"targets": targets, **keys}, 201)["id"]

    def state(self, job):
        return self.ask("GET", f"/v1/jobs/{job}")["state"]

    def reach(self, job, *states, seconds=20):
        """Waits until the job is in one of the states, and gives it as it then is."""
        shown = {}

        def is_there():
            shown.update(self.ask("GET", f"/v1/jobs/{job}"))
            return shown["state"] in states

        try:
            wait_until(is_there, seconds, f"job {job} is {' or '.join(states)}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {shown.get('state')}: {shown.get('reason')}") from None
        return shown

    def clear(self):
        """Deletes all jobs that are not over."""
        for job in self.ask("GET", "/v1/jobs"):
            if job["state"] not in ("finished", "cancelled", "failed"):
                self.http("DELETE", f"/v1/jobs/{job['id']}")

    def memory(self, key="VmRSS"):
        """KiB that the daemon has in memory, or had at most (VmHWM)."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(key))

    def output(self):
        return (self.directory / "synscand.log").read_text(errors="replace")

    def fails_to_start(self, *prefix):
        """Starts a daemon that is expected to refuse."""
        done = subprocess.run(self.command(*prefix), capture_output=True, text=True, timeout=20)
        return Result(done.returncode, done.stdout, done.stderr, 0)

    def terminate(self):
        """Asks the daemon to stop; gives its exit status and how long it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        self.process = None
        return code, time.monotonic() - started

    def kill(self, number=signal.SIGKILL):
        """Ends the daemon by a signal that leaves it no time; the kernel keeps what it wrote, synced or not."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait()

    def fault(self, thread):
        """Lets a thread of the daemon run into a fault, as if it had read where nothing is; gives the exit status."""
        number = self.thread(thread)
        tgkill = 234
        if ctypes.CDLL(None, use_errno=True).syscall(tgkill, self.process.pid, number, signal.SIGSEGV) != 0:
            raise OSError(ctypes.get_errno(), "tgkill")
        return self.process.wait(timeout=10)

    def thread(self, name, seconds=5):
        """The number of the daemon's thread of this name. A job is running before its threads are."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
                # Others may end meanwhile.
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    if (task / "comm").read_text().strip() == name:
                        return int(task.name)
            time.sleep(0.01)
        raise AssertionError(f"the daemon has no thread {name}")

    def close(self):
        self._cleanup.close()

    def synscan(self, *arguments, prefix=()):
        """The command line of the client in the near namespace."""
        return self.lab.near(*prefix, binaries / "synscan", *arguments, "--socket", self.socket)

    def run(self, *arguments, prefix=(), text=None, timeout=120):
        started = time.monotonic()
        done = subprocess.run(self.synscan(*arguments, prefix=prefix), input=text, capture_output=True, text=True, timeout=timeout)
        return Result(done.returncode, done.stdout, done.stderr, time.monotonic() - started)

    def submit(self, *arguments):
        """Submits a scan without following it and gives the job's id."""
        result = self.run("scan", *arguments, "--detach", "--json")
        if result.code != 0:
            raise AssertionError(f"scan {arguments}: {result}")
        return json.loads(result.out.splitlines()[-1])["id"]

    def job(self, job):
        result = self.run("show", job, "--json")
        if result.code != 0:
            raise AssertionError(f"show {job}: {result}")
        return json.loads(result.out)

    def finish(self, job, seconds=60):
        """Waits for the end of a job."""
        return wait_until(lambda: (shown := self.job(job))["state"] in ("finished", "cancelled", "failed") and shown, seconds,
                          f"the end of job {job}")

    def jobs(self):
        return json.loads(self.run("jobs", "--json").out)

    def last_job(self):
        return max((job["id"] for job in self.jobs()), default=0)

    def findings(self, job):
        """What `synscan results` tells of ports: (address, port) → finding."""
        result = self.run("results", job, "--json")
        rows = [row for row in map(json.loads, result.out.splitlines()) if "port" in row]
        found = {(row["address"], row["port"]): row for row in rows}
        if result.code != 0 or len(found) != len(rows):
            raise AssertionError(f"results of {job}: {len(rows)} rows, {len(found)} targets, {result.err}")
        return found

    def lines(self, job=None, event=None):
        """The lines of the results log."""
        rows = map(json.loads, self.log.read_text().splitlines()) if self.log.exists() else ()
        return [row for row in rows if job in (None, row.get("job")) and event in (None, row["event"])]


class FreezingDisk:
    """A file system of a daemon's own, for its store and logs, that can be made to answer nothing that is written."""

    def __init__(self, test, daemon):
        self.directory = daemon.directory / "disk"
        self.directory.mkdir()
        image = daemon.directory / "image"
        with open(image, "wb") as file:
            file.truncate(192 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, self.directory], check=True)
        # Cleanups run last first.
        test.addCleanup(subprocess.run, ["umount", self.directory], check=True)
        test.addCleanup(daemon.kill)
        test.addCleanup(self.thaw)
        daemon.log, daemon.audit = self.directory / "results.jsonl", self.directory / "audit.jsonl"
        daemon.sections["store"]["directory"] = str(self.directory / "store")
        daemon.sections["results"]["log"] = str(daemon.log)
        daemon.sections["control"]["audit_log"] = str(daemon.audit)
        daemon.configure()

    def freeze(self):
        subprocess.run(["fsfreeze", "-f", self.directory], check=True)

    def thaw(self):
        """Does nothing where it is not frozen."""
        subprocess.run(["fsfreeze", "-u", self.directory], stderr=subprocess.DEVNULL)


class LabTest(unittest.TestCase):
    """Tests that share a lab and a daemon. No test may let a packet go astray."""

    # What the far side is, several between spaces.
    prefix = "198.18.64.0/20"
    open_ports = ()
    allow = ["198.18.64.0/20"]
    sections = {}
    # What is measured here would suffer from other tests beside it.
    alone = False
    # How many seconds its longest test takes, where that is more than half a minute.
    lasts = 0
    # Every test starts a daemon of its own, where this is False.
    shares_daemon = True
    daemon = None

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(*cls.prefix.split())
        cls.addClassCleanup(cls.lab.close)
        if cls.open_ports:
            cls.lab("open", *cls.open_ports)
        cls.prepare()
        if cls.shares_daemon:
            cls.daemon = Daemon(cls.lab, cls.allow, **cls.sections)
            cls.addClassCleanup(cls.daemon.close)
            cls.daemon.start()

    def new_daemon(self, **sections):
        """Another daemon, not started yet; sections replace those of the class."""
        daemon = Daemon(self.lab, self.allow, **{**self.sections, **sections})
        self.addCleanup(daemon.close)
        return daemon

    def own_daemon(self, **sections):
        """The daemon of this test alone, not started yet."""
        self.daemon = self.new_daemon(**sections)
        return self.daemon

    @classmethod
    def prepare(cls):
        """What the lab needs before the daemon starts."""

    def setUp(self):
        self.lab("reset")

    def tearDown(self):
        self.assertEqual(self.lab.counters()["stray"], 0, "packets went where they must not")
        if self.daemon and self.daemon.process:
            self.assertIsNone(self.daemon.process.poll(), f"the daemon has ended: {self.daemon.output()[-2000:]}")

    def scan(self, *arguments, code=0):
        """Scans, following the job to its end, and gives the result and the job's id."""
        result = self.daemon.run("scan", *arguments)
        self.assertEqual(result.code, code, result.err)
        return result, self.daemon.last_job()

    def assert_account(self, job, **expected):
        """The last line of a finished job adds up and says what is expected."""
        lines = self.daemon.lines(job, "job.finished")
        self.assertEqual(len(lines), 1)
        account = lines[0]
        total = sum(account.get(state, 0) for state in ("open", "closed", "filtered", "down", "untested"))
        self.assertEqual(account["targets"], total, account)
        self.assertEqual({key: account.get(key) for key in expected}, expected)
        return account

    def assert_logged_once(self, job, targets):
        """The log has one line of event "port" for each of the targets, and no other."""
        logged = collections.Counter((line["address"], line["port"]) for line in self.daemon.lines(job, "port"))
        wanted = set(targets)
        self.assertEqual(sorted(wanted - logged.keys())[:5], [], f"missing from the log, of {len(wanted)}")
        self.assertEqual(sorted(logged.keys() - wanted)[:5], [], "in the log, but not expected")
        self.assertEqual([target for target, count in logged.items() if count > 1][:5], [], "more than once in the log")

    def assert_refused(self, arguments, code, *words, **options):
        """What `synscan ARGUMENTS` gets: a clear sentence on standard error, the exit code, and nothing submitted or sent."""
        before = self.daemon.last_job()
        result = self.daemon.run(*arguments, **options)
        self.assertEqual(result.code, code, result)
        self.assert_sentence(result.err, *words)
        self.assertEqual(self.daemon.last_job(), before, "a job was submitted")
        self.assertEqual(self.lab.counters()["syn"], 0, "probes were sent")

    def assert_sentence(self, text, *words):
        for word in words:
            self.assertIn(word, text)
        self.assertLessEqual(len(text.strip().splitlines()), 4, text)
        self.assertNotIn("Fatal error", text)
