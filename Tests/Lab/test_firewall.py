"""The scanner's own firewall and its connection tracking."""

import pathlib
import re
import sys

from harness import HERE, Daemon, addresses
from networks import NetworkTest
from test_lab import nmap

BLOCK, BLOCK6 = "198.18.64.0/23", "2001:2:0:40::/121"
OPEN, PORTS = (1000, 1001), "1000-1007"
SOURCE_PORTS = "62000-62999"
NO_TRACKING = """
    table inet synscan {
      chain leaving { type filter hook output priority raw; tcp sport %(ports)s notrack; }
      chain arriving { type filter hook prerouting priority raw; tcp dport %(ports)s notrack; }
    }""" % {"ports": SOURCE_PORTS}
# What many servers have.
STATEFUL = """
    table inet filter {
      counter invalid { }
      chain input {
        type filter hook input priority filter; policy drop;
        iifname lo accept
        ct state established,related accept
        ct state invalid counter name invalid drop
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
        tcp dport 22 ct state new accept
      }
    }"""


class Firewall(NetworkTest):
    def build(self, network):
        network.add("far")
        network.cable("near", "near0", "far", "far0")
        network.answer("far", BLOCK, BLOCK6, ports=OPEN)
        for side, own in ("near", 1), ("far", 2):
            network.ip(side, f"addr add 198.18.0.{own}/24 dev {side}0", f"addr add 2001:2::{own}/64 dev {side}0 nodad")
        network.ip("near", f"route add {BLOCK} via 198.18.0.2", f"route add {BLOCK6} via 2001:2::2")

    def start_daemon(self, **scan):
        self.daemon = Daemon(self.network, ["198.18.0.0/15", "2001:2::/48"], limits={"max_rate": 20_000},
                             scan={"source_ports": SOURCE_PORTS, **scan})
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    def assert_finds(self, block, hosts, **account):
        _, job = self.scan(block, "-p", PORTS)
        self.assert_whole(job, {(host, port) for host in hosts for port in OPEN}, targets=len(hosts) * 8, closed=len(hosts) * 6, filtered=0,
                          **account)

    def assert_finds_all(self):
        for block, hosts in (BLOCK, addresses("198.18.64.0", 512)), (BLOCK6, addresses("2001:2:0:40::", 128)):
            with self.subTest(block=block):
                self.assert_finds(block, hosts)

    def told(self):
        """What plan and status say, one after the other."""
        return [self.daemon.run("plan", BLOCK, "-p", PORTS).out, self.daemon.run("status").out]

    def test_a_stateful_firewall_that_drops_what_is_invalid_hides_no_port(self):
        self.network.nft("near", STATEFUL)
        self.start_daemon()
        self.assert_finds_all()
        theirs = nmap(self.network, PORTS, "198.18.64.0/28")
        self.assertEqual(sum(state == "open" for state, _ in theirs.values()), 32)

    def test_it_hides_none_from_a_link_that_the_kernel_routes_either(self):
        self.network.nft("near", STATEFUL)
        self.start_daemon(link="raw-ip")
        self.assert_finds_all()

    def test_where_connections_are_tracked_the_rules_that_leave_probes_out_are_told(self):
        self.network.nft("near", STATEFUL)
        self.start_daemon(link="raw-ip")
        for text in self.told():
            self.assertIn("notrack", text)
            self.assertIn(SOURCE_PORTS, text)

    def test_with_these_rules_no_probe_takes_a_place_in_the_table(self):
        self.network.nft("near", STATEFUL + NO_TRACKING)
        # Untracked answers are neither established nor invalid.
        self.network.nft("near", f"insert rule inet filter input tcp dport {SOURCE_PORTS} accept")
        self.start_daemon(link="raw-ip")
        before = self.tracked()
        self.assert_finds_all()
        self.assertLess(self.tracked() - before, 64)

    def tracked(self):
        return int(self.network.run("near", "cat", "/proc/sys/net/netfilter/nf_conntrack_count"))

    def fill(self):
        """Takes all places of near's table: its size is the machine's, the count is each namespace's own."""
        size = int(pathlib.Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text())
        if size > 300_000:
            self.skipTest(f"a table of {size} connections takes too long to fill")
        # Without a rule that looks at connections the kernel tracks none.
        self.network.nft("near", STATEFUL)
        self.network.start("near", sys.executable, "-B", HERE / "fillct.py", size)
        self.assertGreaterEqual(self.tracked(), size)

    def test_a_full_table_of_connections_takes_no_finding_where_probes_are_left_out_of_it(self):
        self.fill()
        self.network.nft("near", NO_TRACKING)
        self.start_daemon(link="raw-ip")
        self.assert_finds_all()

    def test_a_full_table_of_connections_does_not_touch_frames(self):
        self.fill()
        self.start_daemon(link="auto")
        self.assert_finds(BLOCK, addresses("198.18.64.0", 512))

    def test_a_full_table_of_connections_is_told_and_makes_nothing_filtered(self):
        self.fill()
        self.start_daemon(link="raw-ip")
        job = self.daemon.submit(BLOCK, "-p", PORTS, "--rate", 2000)
        shown = self.daemon.reach(job, "waiting", "failed", "finished", seconds=30)
        if shown["state"] == "finished":
            self.assert_account(job, open=1024, filtered=0)
        else:
            self.assertRegex(shown["reason"], re.compile("connection", re.I))
            self.assertEqual(shown["account"]["filtered"], 0)
