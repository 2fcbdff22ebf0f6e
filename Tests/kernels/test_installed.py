"""The service as it is installed, under this machine's own systemd: a scan whose daemon is killed goes on."""

import collections
import json
import pathlib
import subprocess

import harness
from harness import addresses, wait_until
from networks import NetworkTest

LOG = pathlib.Path("/var/log/synscan/results.jsonl")
ALL = {(host, port) for host in addresses("198.18.64.0", 256) for port in (1000, 1001)}


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class Installed(NetworkTest):
    """The scanner is the machine itself; the far side is a namespace."""

    def build(self, network):
        network.add("far")
        run("ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", network.name("far"))
        self.addCleanup(run, "ip", "link", "delete", "near0")
        run("ip", "addr", "add", "198.18.0.1/24", "dev", "near0")
        run("ip", "link", "set", "near0", "up")
        network.ip("far", "addr add 198.18.0.2/24 dev far0", "link set far0 up")
        run("ip", "route", "add", "198.18.64.0/24", "via", "198.18.0.2")
        network.answer("far", "198.18.64.0/24", ports=(1000, 1001))

    def test_a_scan_of_the_service_goes_on_after_a_kill(self):
        run("/srv/synscan/Systemd/install", "--binaries", harness.binaries)
        self.addCleanup(run, "/srv/synscan/Systemd/install", "--purge")
        configuration = pathlib.Path("/etc/synscan/synscand.toml")
        configuration.write_text('[scope]\nallow = ["198.18.64.0/24"]\n[limits]\nmax_rate = 2000\nmax_rate_per_network = 2000\n')
        run("systemctl", "restart", "synscand")
        job = json.loads(run("synscan", "scan", "198.18.64.0/24", "-p", "1000-1031", "--detach", "--json").splitlines()[-1])["id"]
        wait_until(lambda: LOG.read_text().count('"port"') > 100, 30, "the scan runs")
        before = run("systemctl", "show", "--property", "MainPID", "--value", "synscand").strip()
        run("kill", "-9", before)
        wait_until(lambda: run("systemctl", "show", "--property", "MainPID", "--value", "synscand").strip() not in ("0", before), 30,
                   "systemd starts it again")
        wait_until(lambda: '"job.finished"' in LOG.read_text(), 60, "the scan ends")
        lines = [json.loads(line) for line in LOG.read_text().splitlines()]
        found = collections.Counter((line["address"], line["port"]) for line in lines if line["event"] == "port")
        self.assertEqual(set(found), ALL)
        self.assertEqual(max(found.values()), 1, "a finding is in the log twice")
        self.assertEqual([line["seq"] for line in lines], list(range(1, len(lines) + 1)))
        self.assertEqual(lines[-1]["job"], job)
