"""Networks that a scanner's host can sit in: each is scanned whole, and each finding tells its interface."""

import contextlib
import subprocess
import sys
import time
import unittest

from harness import HERE, Daemon, addresses, link, wait_until
from networks import NetworkTest, kernel_has, peers_find
from test_lab import nmap

BLOCK, BLOCK6 = "198.18.64.0/24", "2001:2:0:40::/120"
OPEN, PORTS = (1000, 1001), "1000-1004"


class ShapeTest(NetworkTest):
    """A near and a far namespace; each test joins them in its way."""

    blocks = {BLOCK: addresses("198.18.64.0", 256), BLOCK6: addresses("2001:2:0:40::", 256)}

    def build(self, network):
        network.add("far")
        network.answer("far", BLOCK, BLOCK6, ports=OPEN)

    def start_daemon(self, **sections):
        sections = {"limits": {"max_rate": 20_000}, **sections}
        self.daemon = Daemon(self.network, ["198.18.0.0/15", "2001:2::/48", "127.0.0.0/8", "::1", "fe80::/10"], **sections)
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    def address(self, near, far, cable=0):
        """Gives both ends of a link addresses of that cable's own networks, and routes the blocks over it."""
        # How far finds back is known without a question, so that the scanner's own questions are all that is asked.
        self.network.ip("near", f"addr add 198.18.{cable}.1/24 dev {near}", f"addr add 2001:2:0:{cable}::1/64 dev {near} nodad")
        self.network.ip("far", f"addr add 198.18.{cable}.2/24 dev {far}", f"addr add 2001:2:0:{cable}::2/64 dev {far} nodad")

    def route(self, cable=0, block=BLOCK, block6=BLOCK6):
        self.network.ip("near", f"route replace {block} via 198.18.{cable}.2", f"route replace {block6} via 2001:2:0:{cable}::2")

    def cable(self, number=0):
        self.network.cable("near", f"near{number}", "far", f"far{number}")
        self.address(f"near{number}", f"far{number}", number)

    def open_of(self, *hosts):
        return {(host, port) for some in hosts for host in some for port in OPEN}

    def assert_scans(self, interface, blocks=None):
        """A scan of IPv4 and of IPv6 finds what is there, over this interface, and nmap says the same of a part."""
        if not self.daemon:
            self.start_daemon()
        for block, hosts in (blocks or self.blocks).items():
            with self.subTest(block=block):
                _, job = self.scan(block, "-p", PORTS)
                self.assert_whole(job, self.open_of(hosts), targets=len(hosts) * 5, closed=len(hosts) * 3, filtered=0)
                self.assertEqual(self.interfaces(job), {interface: len(hosts) * 2})
                theirs = nmap(self.network, PORTS, *hosts[:16])
                self.assertEqual({target for target, (state, _) in theirs.items() if state == "open"}, self.open_of(hosts[:16]))

    def assert_scans_all(self, job):
        hosts = sum(map(len, self.blocks.values()))
        self.assert_whole(job, self.open_of(*self.blocks.values()), targets=hosts * 5, closed=hosts * 3, filtered=0, untested=0)

    def scan_during(self, happens, rate=1000):
        """A scan of both blocks, in the middle of which something happens."""
        self.start_daemon(results={"states": ["open", "filtered"]})
        job = self.daemon.submit(*self.blocks, "-p", PORTS, "--rate", rate)
        wait_until(lambda: len(self.daemon.lines(job, "port")) > 200, 20, "the scan runs")
        happens()
        self.daemon.finish(job, seconds=60)
        self.assert_scans_all(job)
        return job


class Shapes(ShapeTest):
    def test_a_gateway_on_ethernet(self):
        self.cable()
        self.route()
        self.assert_scans("near0")

    def test_a_tun_device_without_ethernet(self):
        self.tun()
        self.assert_scans("tun0")
        self.tell_peers("198.18.64.0/26", "tun0", "a tun device")

    def tell_peers(self, target, interface, words):
        """What zmap and masscan find there, which expect Ethernet and a gateway."""
        self.network.listen("far", "0.0.0.0", 80)
        print(f"       behind {words}: {peers_find(self.network, target, interface, '02:5c:00:00:00:01', self.daemon.directory)}", flush=True)

    def tun(self):
        """A link as WireGuard's: no Ethernet header, no neighbours, addresses of a peer."""
        self.network.start("near", sys.executable, "-B", HERE / "joint.py", self.network.name("near"), "tun0", self.network.name("far"), "tun0")
        for side, own, other in ("near", 1, 2), ("far", 2, 1):
            self.network.ip(side, "link set tun0 up", f"addr add 198.18.0.{own} peer 198.18.0.{other} dev tun0",
                            f"addr add 2001:2::{own} peer 2001:2::{other} dev tun0")
        self.network.ip("near", f"route add {BLOCK} dev tun0", f"route add {BLOCK6} dev tun0")

    def test_tunnels_of_the_kernels(self):
        kinds = [kind for kind in ("ipip", "gre") if kernel_has(kind)]
        if not kinds:
            self.skipTest("this kernel has neither ipip nor gre")
        self.cable(9)
        for kind in kinds:
            with self.subTest(kind=kind):
                for side, own, other in ("near", 1, 2), ("far", 2, 1):
                    self.network.ip(side, f"link add {kind}9 type {kind} local 198.18.9.{own} remote 198.18.9.{other}", f"link set {kind}9 up")
                self.address(f"{kind}9", f"{kind}9")
                self.network.ip("near", f"route add {BLOCK} dev {kind}9")
                self.assert_scans(f"{kind}9", {BLOCK: self.blocks[BLOCK]})
                for side in "near", "far":
                    self.network.ip(side, f"link delete {kind}9")

    def test_a_vlan(self):
        self.network.cable("near", "near0", "far", "far0")
        if kernel_has("vlan"):
            for side in "near", "far":
                self.network.ip(side, f"link add link {side}0 name vlan42 type vlan id 42", "link set vlan42 up")
        else:
            self.network.start("near", sys.executable, "-B", HERE / "joint.py", self.network.name("near"), "vlan42",
                               self.network.name("far"), "vlan42", 42)
            for side in "near", "far":
                self.network.ip(side, "link set vlan42 up")
        self.address("vlan42", "vlan42")
        self.route()
        self.network.nft("far", """
            table netdev cable {
              counter bare { }
              counter tagged { }
              chain arriving {
                type filter hook ingress device far0 priority 0
                vlan id 42 counter name tagged accept
                meta l4proto tcp counter name bare
              }
            }""")
        self.assert_scans("vlan42")
        counted = self.network.counters("far", "netdev cable")
        self.assertGreater(counted["tagged"], 0)
        self.assertEqual(counted["bare"], 0, "frames without the tag")

    def test_a_macvlan(self):
        if not self.make_macvlan():
            self.skipTest("this kernel has no macvlan")
        self.address("macvlan0", "far0")
        self.route()
        self.assert_scans("macvlan0")

    def make_macvlan(self):
        self.network.add("host")
        self.network.cable("host", "host0", "far", "far0")
        with contextlib.suppress(AssertionError):
            self.network.ip("host", f"link add macvlan0 link host0 netns {self.network.name('near')} type macvlan mode bridge")
            self.network.ip("near", "link set macvlan0 up")
            return True

    def test_a_macvlan_beside_its_parent_hears_its_own_answers(self):
        self.cable()
        try:
            self.network.ip("near", "link add link near0 name upper0 type macvlan mode bridge", "link set upper0 up")
        except AssertionError:
            self.skipTest("this kernel has no macvlan")
        # Each interface answers for its own address alone.
        self.network.run("near", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce")
        self.assert_halves("upper0")

    def test_a_vlan_beside_its_parent_hears_its_own_answers(self):
        if not kernel_has("vlan"):
            self.skipTest("this kernel has no 802.1Q")
        self.cable()
        for side in "near", "far":
            self.network.ip(side, f"link add link {side}0 name vlan42 type vlan id 42", "link set vlan42 up")
        self.assert_halves("vlan42", "vlan42")

    def assert_halves(self, upper, far="far0"):
        """Half of the addresses lie behind near0 and half behind what stands on it: each answer counts once, where its probe left."""
        self.address(upper, far, cable=1)
        self.network.ip("near", "route add 198.18.64.0/25 via 198.18.0.2 dev near0", f"route add 198.18.64.128/25 via 198.18.1.2 dev {upper}")
        self.start_daemon(results={"states": ["open", "closed", "filtered"]})
        _, job = self.scan(BLOCK, "-p", PORTS)
        self.assert_account(job, targets=1280, open=512, closed=768, filtered=0, duplicates=0)
        where = {}
        for line in self.daemon.lines(job, "port"):
            where.setdefault(line["interface"], set()).add(int(line["address"].rsplit(".", 1)[1]) < 128)
        self.assertEqual(where, {"near0": {True}, upper: {False}})

    def test_answers_that_come_back_by_another_interface(self):
        self.cable(0)
        self.cable(1)
        self.route(0)
        self.network.ip("far", "route add 198.18.0.1/32 via 198.18.1.1 dev far1")
        self.start_daemon(results={"states": ["open", "closed", "filtered"]})
        for turn in range(2):
            with self.subTest(turn=turn):
                _, job = self.scan(BLOCK, "-p", PORTS)
                self.assert_account(job, targets=1280, open=512, closed=768, filtered=0, duplicates=0)
                self.assertEqual({line["interface"] for line in self.daemon.lines(job, "port")}, {"near1"})

    def test_answers_that_come_back_over_a_bridge(self):
        self.cable(0)
        self.network.cable("near", "near1", "far", "far1")
        self.network.ip("near", "link add bridge0 type bridge stp_state 0 forward_delay 0", "link set near1 master bridge0", "link set bridge0 up")
        self.address("bridge0", "far1", cable=1)
        self.route(0)
        self.network.ip("far", "route add 198.18.0.1/32 via 198.18.1.1 dev far1")
        self.start_daemon(results={"states": ["open", "closed", "filtered"]})
        _, job = self.scan(BLOCK, "-p", PORTS)
        self.assert_account(job, targets=1280, open=512, closed=768, filtered=0, duplicates=0)
        self.assertEqual({line["interface"] for line in self.daemon.lines(job, "port")}, {"bridge0"})

    def test_a_bridge(self):
        self.network.cable("near", "near0", "far", "far0")
        self.network.ip("near", "link add bridge0 type bridge stp_state 0 forward_delay 0", "link set near0 master bridge0",
                        "link set bridge0 up")
        self.address("bridge0", "far0")
        self.route()
        self.assert_scans("bridge0")

    def test_the_loopback(self):
        self.network.listen("near", "0.0.0.0", *OPEN)
        self.network.listen("near", "::1", *OPEN)
        self.assert_scans("lo", {"127.0.0.8/29": addresses("127.0.0.8", 8), "::1": ["::1"]})

    def test_an_own_address_beside_a_gateway(self):
        self.cable()
        self.route()
        self.network.listen("near", "0.0.0.0", 80, *OPEN)
        self.network.listen("near", "::", *OPEN)
        self.assert_scans("lo", {"198.18.0.1": ["198.18.0.1"], "2001:2::1": ["2001:2::1"]})
        told = peers_find(self.network, "198.18.0.1", "near0", self.network.hardware("far", "far0"), self.daemon.directory)
        print(f"       of one own address: {told}", flush=True)

    def test_two_interfaces_with_a_gateway_each_in_one_job(self):
        self.cable(0)
        self.cable(1)
        self.route(0)
        self.route(1, "198.18.64.128/25", "2001:2:0:40::80/121")
        self.start_daemon()
        _, job = self.scan(*self.blocks, "-p", PORTS)
        self.assert_scans_all(job)
        half = 256 * len(self.blocks)
        self.assertEqual(self.interfaces(job), {"near0": half, "near1": half})
        plan = self.daemon.ask("POST", "/v1/plans", {"targets": list(self.blocks), "ports": PORTS})
        ways = [("near0", "198.18.0.1", "198.18.0.2"), ("near1", "198.18.1.1", "198.18.1.2"),
                ("near0", "2001:2::1", "2001:2::2"), ("near1", "2001:2:0:1::1", "2001:2:0:1::2")]
        self.assertEqual({(path["interface"], path["source"], path["next_hop"]) for path in plan["paths"]}, set(ways[:2 * len(self.blocks)]))

    def test_a_source_address_chooses_the_table_of_routes(self):
        self.cable(0)
        self.cable(1)
        self.route(0)
        self.network.ip("near", f"route add {BLOCK} via 198.18.1.2 table 100", "rule add from 198.18.1.1 table 100")
        self.network.nft("far", """
            table netdev cables {
              counter wrong { }
              chain first {
                type filter hook ingress device far0 priority 0
                tcp dport 1000-1004 counter name wrong
              }
            }""")
        self.start_daemon(scan={"source_address": "198.18.1.1"})
        _, job = self.scan(BLOCK, "-p", PORTS)
        self.assert_whole(job, self.open_of(self.blocks[BLOCK]), targets=1280, closed=768, filtered=0)
        self.assertEqual(self.interfaces(job), {"near1": 512})
        self.assertEqual(self.network.counters("far", "netdev cables")["wrong"], 0)

    def test_a_route_of_several_ways_is_used_and_whole(self):
        self.cable(0)
        self.cable(1)
        self.network.ip("near", f"route add {BLOCK} nexthop via 198.18.0.2 nexthop via 198.18.1.2",
                        f"route add {BLOCK6} nexthop via 2001:2::2 nexthop via 2001:2:0:1::2")
        self.start_daemon()
        _, job = self.scan(*self.blocks, "-p", PORTS)
        self.assert_scans_all(job)
        self.assertLessEqual(set(self.interfaces(job)), {"near0", "near1"})

    def test_an_address_that_no_route_leads_to_is_told_and_others_are_scanned(self):
        self.cable()
        self.route()
        self.network.ip("near", "route add blackhole 198.18.64.128/25")
        self.start_daemon()
        result = self.daemon.run("scan", "198.18.64.200", "-p", PORTS)
        self.assertEqual(result.code, 1, result)
        self.assert_sentence(result.err, "198.18.64.200")


class Drops(ShapeTest):
    def test_an_interface_that_drops_without_a_word(self):
        """A tunnel takes frames for which it knows no way, and only its counter tells that it has dropped them."""
        self.network.cable("near", "under0", "far", "under0")
        self.network.ip("near", "addr add 198.18.9.1/24 dev under0")
        self.network.ip("far", "addr add 198.18.9.2/24 dev under0")
        hardware = {"near": "02:5c:00:00:00:01", "far": "02:5c:00:00:00:02"}
        for side, local in ("near", 1), ("far", 2):
            self.network.ip(side, f"link add tunnel0 address {hardware[side]} type vxlan id 7 local 198.18.9.{local} dstport 4789 nolearning",
                            "link set tunnel0 up")
        self.address("tunnel0", "tunnel0")
        for side, other, end in ("near", "far", 2), ("far", "near", 1):
            self.network.ip(side, f"neigh replace 198.18.0.{end} lladdr {hardware[other]} nud permanent dev tunnel0",
                            f"neigh replace 2001:2::{end} lladdr {hardware[other]} nud permanent dev tunnel0")
        self.way("far", "add", hardware["near"], 1)
        self.way("near", "add", hardware["far"], 2)
        self.route()
        self.start_daemon(scan={"link": "xdp"})
        for block, hosts in self.blocks.items():
            with self.subTest(block=block):
                job = self.daemon.submit(block, "-p", "1000-1049", "--rate", 5000)
                end = time.monotonic() + 30  # it takes 3 s where nothing is dropped
                while self.daemon.state(job) in ("queued", "running"):
                    self.assertLess(time.monotonic(), end, "what is dropped holds the scan up")
                    time.sleep(0.2)
                    self.way("near", "del", hardware["far"], 2)
                    time.sleep(0.02)
                    self.way("near", "add", hardware["far"], 2)
                account = self.assert_whole(job, self.open_of(hosts), targets=12_800, closed=12_288, filtered=0)
                self.assertGreater(account["link_drops"], 100)

    def way(self, side, change, hardware, end):
        subprocess.run(["bridge", "-n", self.network.name(side), "fdb", change, hardware, "dev", "tunnel0", "dst", f"198.18.9.{end}"],
                       check=True)


class Changes(ShapeTest):
    """What changes in the middle of a scan."""

    def test_a_gateway_whose_hardware_address_changes_and_says_so(self):
        self.cable()
        self.route()

        def change():
            self.network.run("far", "sh", "-c", "cd /proc/sys/net; echo 1 >ipv4/conf/far0/arp_notify; echo 1 >ipv6/conf/far0/ndisc_notify")
            self.network.ip("far", "link set far0 address 02:5c:00:00:00:07")

        self.scan_during(change)

    @unittest.skipIf(link == "raw-ip", "by raw-ip the kernel finds out that a gateway has moved, and takes half a minute for that")
    def test_a_gateway_whose_hardware_address_changes_without_a_word(self):
        self.cable()
        self.route()
        self.scan_during(lambda: self.network.ip("far", "link set far0 address 02:5c:00:00:00:08"))

    def test_a_route_that_changes_to_another_gateway(self):
        self.cable(0)
        self.cable(1)
        self.route(0)

        def change():
            self.network.nft("far", """
                table netdev cut {
                  chain arriving { type filter hook ingress device far0 priority 0; tcp dport 1-65535 drop; }
                }""")
            self.route(1)

        self.assertEqual(set(self.interfaces(self.scan_during(change))), {"near0", "near1"})

    def test_an_interface_that_goes_down_and_comes_back(self):
        self.cable()
        self.route()

        def change():
            self.network.ip("near", "link set near0 down")
            time.sleep(1.5)
            self.network.ip("near", "link set near0 up", "addr replace 2001:2::1/64 dev near0 nodad")
            self.route()

        self.scan_during(change)

    def test_a_tun_device_that_goes_and_comes_back(self):
        Shapes.tun(self)

        def change():
            self.network.ip("near", "link set tun0 down")
            time.sleep(1.5)
            self.network.ip("near", "link set tun0 up", "addr replace 2001:2::1 peer 2001:2::2 dev tun0", f"route replace {BLOCK} dev tun0",
                            f"route replace {BLOCK6} dev tun0")

        self.scan_during(change)
