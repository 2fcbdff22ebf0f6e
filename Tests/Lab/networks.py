"""Networks of other shapes than the lab's: a scanner's namespace, any number of others, and what joins them."""

import collections
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess

from harness import LabTest, leftovers, compile_helper, end_quietly

# Nothing is sent that was not asked for, and the far side loses and rations nothing by itself.
SETTINGS = {
    "net/ipv6/conf/{}/accept_ra": "0", "net/ipv6/conf/{}/router_solicitations": "0", "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv4/conf/{}/rp_filter": "0", "net/ipv4/tcp_syncookies": "2", "net/ipv4/tcp_max_syn_backlog": "1048576",
    "net/core/somaxconn": "65535", "net/ipv4/icmp_ratelimit": "0", "net/ipv4/icmp_ratemask": "0", "net/ipv6/icmp/ratelimit": "0",
    "net/ipv6/icmp/ratemask": "",
}


def hardware_address(number):
    """A hardware address of no manufacturer's, one for each number."""
    return "02:5c:" + ":".join(f"{number >> shift & 255:02x}" for shift in (24, 16, 8, 0))


def kernel_has(kind):
    """Whether this kernel makes interfaces of a kind."""
    with contextlib.closing(Network()) as network:
        options = {"vlan": ["link", "lo", "id", "1"], "ipip": ["remote", "127.0.0.1"], "gre": ["remote", "127.0.0.1"]}.get(kind, [])
        head = ["link", "add", *(options[:2] if kind == "vlan" else []), "try0", "type", kind, *(options[2:] if kind == "vlan" else options)]
        return subprocess.run(["ip", "-n", network.name("near"), *head], capture_output=True).returncode == 0


def peers_find(network, target, interface, gateway, directory):
    """On how many addresses zmap and masscan find port 80 open in a few seconds, in words: for information, they are never judged by it."""
    common = ["-p", "80", "--rate=1000", target]
    commands = {
        "zmap": ["zmap", "-q", "-v0", "-b", "/dev/null", "-c", "1", "-i", interface, "-G", gateway, *common],
        "masscan": ["masscan", "--wait=1", "-e", interface, "--router-mac", gateway.replace(":", "-"), *common],
    }
    running = {name: subprocess.Popen(network.near("timeout", "-k", "1", "4", *command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True, cwd=directory)
               for name, command in commands.items() if shutil.which(name)}
    found = {name: len(set(re.findall(r"198\.18\.[0-9.]+", process.communicate()[0]))) for name, process in running.items()}
    return ", ".join(f"{name} {found.get(name, 'is not installed')}" for name in commands)


class Network:
    """Namespaces of their own, of which the scanner has the one called near. Stands in for a `Lab` where a `Daemon` needs one."""

    def __init__(self, *others):
        self.suffix = secrets.token_hex(4)
        self.sides = []
        self._cleanup = leftovers.enter_context(contextlib.ExitStack())
        for side in ("near", *others):
            self.add(side)

    def add(self, side):
        """Makes a namespace with its loopback up."""
        subprocess.run(["ip", "netns", "add", self.name(side)], check=True)
        self.sides.append(side)
        self._cleanup.callback(self._remove, side)
        keys = {path.format(part): value for path, value in SETTINGS.items() for part in ("all", "default")}
        self.run(side, "sh", "-c", "".join(f"test ! -e /proc/sys/{key} || echo {value} >/proc/sys/{key}\n" for key, value in keys.items()))
        self.ip(side, "link set lo up")

    def _remove(self, side):
        """Ends what runs in a namespace, all of it started here, and removes it."""
        for process in subprocess.run(["ip", "netns", "pids", self.name(side)], capture_output=True, text=True).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", self.name(side)], check=True)

    def close(self):
        self._cleanup.close()

    def before_close(self, action, *arguments):
        """Does something just before the network goes down."""
        self._cleanup.callback(action, *arguments)

    def name(self, side):
        return f"synscan-{self.suffix}-{side}"

    def inside(self, side, *command):
        """The command line that runs a command in a namespace."""
        return ["ip", "netns", "exec", self.name(side), *map(str, command)]

    def near(self, *command):
        return self.inside("near", *command)

    def run(self, side, *command, text=None):
        """What a command in a namespace prints."""
        done = subprocess.run(self.inside(side, *command), input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{side}: {command}: {done.stderr}")
        return done.stdout

    def start(self, side, *command, text=None):
        """Starts a program that prints a line when it is ready, and ends with the network."""
        process = subprocess.Popen(self.inside(side, *command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._cleanup.callback(end_quietly, process)
        process.stdin.write(text or "")
        process.stdin.close()
        if process.stdout.readline() != "ready\n":
            raise AssertionError(f"{side}: {command} did not start")
        return process

    def ip(self, side, *lines, options=()):
        """Runs lines of `ip` in a namespace, in one go."""
        text = "\n".join(lines)
        done = subprocess.run(["ip", *options, "-n", self.name(side), "-batch", "-"], input=text + "\n", capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{side}: ip {text[:2000]}: {done.stderr}")

    def nft(self, side, rules):
        self.run(side, "nft", "-f", "-", text=rules)

    def cable(self, side, interface, other, other_interface):
        """Joins two namespaces by a virtual cable, both ends up."""
        subprocess.run(["ip", "link", "add", interface, "netns", self.name(side), "type", "veth",
                        "peer", "name", other_interface, "netns", self.name(other)], check=True)
        self.ip(side, f"link set {interface} up")
        self.ip(other, f"link set {other_interface} up")

    def answer(self, side, *prefixes, ports=()):
        """Makes every address of the prefixes the kernel's own there, with these ports open."""
        self.ip(side, *(f"route add local {prefix} dev lo" for prefix in prefixes))
        if ports:
            for address in ("0.0.0.0", "::"):
                self.listen(side, address, *ports)

    def listen(self, side, address, *ports):
        self.run(side, compile_helper("listen"), address, *ports)

    def neighbours(self, side, interface, hosts, loss=0):
        """Answers there for hosts, pairs of an address and a hardware address, and for nobody else, not even the kernel's own addresses; `loss` of a
        thousand questions get no answer."""
        self.ip(side, f"link set {interface} arp off")
        return self.start(side, compile_helper("neighbours"), interface, loss, text="".join(f"{address} {hardware}\n" for address, hardware in hosts))

    def hardware(self, side, interface):
        return self.run(side, "cat", f"/sys/class/net/{interface}/address").strip()

    def counters(self, side, table):
        """The named counters of a table: name → packets."""
        listed = json.loads(self.run(side, "nft", "-j", "list", "counters", "table", *table.split()))["nftables"]
        return {each["counter"]["name"]: each["counter"]["packets"] for each in listed if "counter" in each}

    def routes(self, side, addresses, *options):
        """What the kernel there says of the way to each address, in their order."""
        family = "-6" if ":" in addresses[0] else "-4"
        tail = " ".join(("", *options))
        text = "".join(f"route get {address}{tail}\n" for address in addresses)
        # The answers are arrays one after another.
        answers = self.run(side, "ip", family, "-j", "-force", "-batch", "-", text=text)
        decoder, at, ways = json.JSONDecoder(), 0, []
        while at < len(answers.rstrip()):
            way, at = decoder.raw_decode(answers, at)
            ways += way
            at += len(answers[at:]) - len(answers[at:].lstrip())
        return ways


class NetworkTest(LabTest):
    """Tests with a network and a daemon of their own each."""

    daemon = None

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        self.network = self.lab = Network()
        self.addCleanup(self.network.close)
        self.build(self.network)

    def tearDown(self):
        if self.daemon and self.daemon.process:
            self.assertIsNone(self.daemon.process.poll(), f"the daemon has ended: {self.daemon.output()[-2000:]}")

    def build(self, network):
        """Makes the network."""

    def assert_whole(self, job, targets, /, **account):
        """Exactly these targets are open, told once each, and everything else has answered."""
        self.assert_logged_once(job, targets)
        return self.assert_account(job, open=len(set(targets)), **account)

    def interfaces(self, job):
        """How many findings arrived at each interface."""
        return collections.Counter(line["interface"] for line in self.daemon.lines(job, "port"))

    def hosts(self, job, state=None):
        return {line["address"]: line for line in self.daemon.lines(job, "host") if state in (None, line["state"])}
