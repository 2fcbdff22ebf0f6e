"""What the lab's kernel may lack: every link, VLANs, WireGuard, tunnels, VRFs, bonds, IPsec and a path that delays and reorders, for real."""

import subprocess

from harness import Daemon, addresses, wait_until
from networks import NetworkTest

BLOCK, BLOCK6 = "198.18.64.0/26", "2001:2:0:40::/122"
HOSTS, HOSTS6 = addresses("198.18.64.0", 64), addresses("2001:2:0:40::", 64)
OPEN, PORTS = (1000, 1001), "1000-1004"


def module(name):
    subprocess.run(["modprobe", name], check=True)


class KernelTest(NetworkTest):
    """A scanner and a far side whose kernel is at home on the targets."""

    allow = ["198.18.0.0/15", "2001:2::/48"]

    def build(self, network):
        network.add("far")
        network.answer("far", BLOCK, BLOCK6, ports=OPEN)

    def start_daemon(self, **sections):
        self.daemon = Daemon(self.network, self.allow, **{"limits": {"max_rate": 5000}, "results": {"states": ["open", "untested"]}, **sections})
        self.addCleanup(self.daemon.close)
        return self.daemon.start()

    def cable(self, number=0):
        """A cable with addresses at both ends."""
        self.network.cable("near", f"near{number}", "far", f"far{number}")
        self.address(f"near{number}", f"far{number}", number)

    def address(self, near, far, number=0):
        for side, interface, own in ("near", near, 1), ("far", far, 2):
            self.network.ip(side, f"addr add 198.18.{number}.{own}/24 dev {interface}", f"addr add 2001:2:0:{number}::{own}/64 dev {interface} nodad")

    def route(self, number=0):
        self.network.ip("near", f"route replace {BLOCK} via 198.18.{number}.2", f"route replace {BLOCK6} via 2001:2:0:{number}::2")

    def open_of(self, *hosts):
        return {(host, port) for some in hosts for host in some for port in OPEN}

    def assert_scans(self, interface, block=BLOCK, hosts=HOSTS, **account):
        """A scan finds what is there, once each, over this interface."""
        if not self.daemon:
            self.start_daemon()
        _, job = self.scan(block, "-p", PORTS)
        told = self.assert_whole(job, self.open_of(hosts), targets=len(hosts) * 5, closed=len(hosts) * 3, filtered=0, **account)
        self.assertEqual(self.interfaces(job), {interface: len(hosts) * 2})
        return told


class Links(KernelTest):
    def test_each_link_finds_everything(self):
        self.cable()
        self.route()
        for link in "xdp", "ring", "packet", "raw-ip":
            with self.subTest(link=link):
                self.daemon = None
                self.start_daemon(scan={"link": link})
                self.assert_scans("near0", link=link)
                self.assert_scans("near0", BLOCK6, HOSTS6, link=link)
                self.assertEqual(self.daemon.terminate()[0], 0)

    def test_a_path_that_delays_and_reorders(self):
        self.cable()
        self.route()
        self.network.run("far", "tc", "qdisc", "add", "dev", "far0", "root", "netem", "delay", "150ms", "50ms", "reorder", "25%", "50%", "loss", "5%")
        self.start_daemon()
        _, job = self.scan(BLOCK, "-p", PORTS)
        self.assert_whole(job, self.open_of(HOSTS), targets=len(HOSTS) * 5)


class Stacks(KernelTest):
    def vlan(self):
        module("8021q")
        for side in "near", "far":
            self.network.ip(side, f"link add link {side}0 name {side}0.42 type vlan id 42", f"link set {side}0.42 up")
        self.address("near0.42", "far0.42", 42)

    def test_a_vlan(self):
        self.network.cable("near", "near0", "far", "far0")
        self.vlan()
        self.route(42)
        self.network.nft("far", """
            table netdev cable {
              counter bare { }
              chain arriving { type filter hook ingress device far0 priority 0; vlan id 42 accept; meta l4proto tcp counter name bare; }
            }""")
        self.assert_scans("near0.42")
        self.assert_scans("near0.42", BLOCK6, HOSTS6)
        self.assertEqual(self.network.counters("far", "netdev cable")["bare"], 0, "frames without the tag")

    def test_a_vlan_and_the_interface_below_it_at_once(self):
        self.cable()
        self.vlan()
        self.network.ip("near", "route add 198.18.64.0/27 via 198.18.0.2", "route add 198.18.64.32/27 via 198.18.42.2")
        self.start_daemon()
        _, job = self.scan(BLOCK, "-p", PORTS)
        self.assert_whole(job, self.open_of(HOSTS), targets=320, closed=192, duplicates=0)
        for line in self.daemon.lines(job, "port"):
            self.assertEqual(line["interface"], "near0" if int(line["address"].split(".")[3]) < 32 else "near0.42", line)

    def test_a_bond_that_loses_its_active_cable(self):
        module("bonding")
        for number in 0, 1:
            self.network.cable("near", f"near{number}", "far", f"far{number}")
            for side in "near", "far":
                self.network.ip(side, f"link set {side}{number} down")
        for side in "near", "far":
            # Gratuitous ARP tells the other end which cable it is now.
            self.network.ip(side, "link add bond0 type bond mode active-backup miimon 50", f"link set {side}0 master bond0",
                            f"link set {side}1 master bond0", "link set bond0 up")
        self.address("bond0", "bond0")
        self.route()
        self.start_daemon()
        self.assert_scans("bond0")
        job = self.daemon.submit(BLOCK, "-p", "1000-1063", "--rate", 800)
        wait_until(lambda: len(self.daemon.lines(job, "port")) > 20, 20, "the scan runs")
        self.network.ip("near", "link set near0 down")
        self.assertEqual(self.daemon.finish(job, 60)["state"], "finished")
        self.assert_whole(job, self.open_of(HOSTS), targets=64 * 64)

    def test_a_vrf(self):
        module("vrf")
        self.cable()
        self.network.ip("near", "link add red type vrf table 100", "link set red up", "link set near0 master red",
                        f"route add {BLOCK} via 198.18.0.2 table 100")
        self.start_daemon()
        _, job = self.scan(BLOCK, "-p", PORTS, "--interface", "near0")
        self.assert_whole(job, self.open_of(HOSTS), targets=320, closed=192)


class Tunnels(KernelTest):
    def test_ipip_and_gre(self):
        self.cable(9)
        for kind in "ipip", "gre":
            module(kind.replace("gre", "ip_gre"))
            with self.subTest(kind=kind):
                for side, own, other in ("near", 1, 2), ("far", 2, 1):
                    self.network.ip(side, f"link add {kind}9 type {kind} local 198.18.9.{own} remote 198.18.9.{other}", f"link set {kind}9 up",
                                    f"addr add 198.18.10.{own}/24 dev {kind}9")
                self.network.ip("near", f"route add {BLOCK} dev {kind}9")
                self.assert_scans(f"{kind}9")
                for side in "near", "far":
                    self.network.ip(side, f"link delete {kind}9")

    def test_wireguard_of_which_one_address_has_no_peer_and_one_peer_no_endpoint(self):
        module("wireguard")
        self.cable()
        keys = {}
        for side in "near", "far", "gone":
            private = self.network.run("near", "wg", "genkey").strip()
            keys[side] = private, self.network.run("near", "wg", "pubkey", text=private).strip()
        for side, own, other in ("near", 1, "far"), ("far", 2, "near"):
            self.network.ip(side, "link add wg0 type wireguard")
            allowed = f"198.18.9.0/24,{BLOCK}" if side == "near" else "198.18.9.1/32"
            self.network.run(side, "wg", "set", "wg0", "listen-port", "51820", "private-key", "/dev/stdin", "peer", keys[other][1], "allowed-ips", allowed,
                             "endpoint", f"198.18.0.{3 - own}:51820", text=keys[side][0])
            self.network.ip(side, f"addr add 198.18.9.{own}/24 dev wg0", "link set wg0 up")
        # Of the routed addresses those from 64 on belong to nobody, but for 96 and on, whose peer has never been heard of.
        self.network.run("near", "wg", "set", "wg0", "peer", keys["gone"][1], "allowed-ips", "198.18.64.96/27")
        self.network.ip("near", "route add 198.18.64.0/25 dev wg0")
        self.start_daemon()
        _, job = self.scan("198.18.64.0/25", "-p", PORTS, code=5)
        self.assert_account(job, targets=640, open=128, closed=192, filtered=0, untested=320)
        self.assertEqual({(line["address"], line["port"]) for line in self.daemon.lines(job, "port") if line["state"] == "open"}, self.open_of(HOSTS))
        self.assertLess(len(self.daemon.lines(job)), 500, "the log is full of a job that begins again and again")


class Policies(KernelTest):
    def test_an_ipsec_policy_has_its_esp(self):
        for name in "esp4", "xfrm_user":
            module(name)
        self.cable()
        self.route()
        keys = f"auth-trunc hmac(sha256) 0x{'a5' * 32} 128 enc cbc(aes) 0x{'5c' * 16}"
        for side, out in ("near", "out"), ("far", "in"):
            back = "in" if out == "out" else "out"
            for spi, source, target in ("0x100", "198.18.0.1", "198.18.0.2"), ("0x200", "198.18.0.2", "198.18.0.1"):
                self.network.ip(side, f"xfrm state add src {source} dst {target} proto esp spi {spi} mode tunnel {keys}")
            self.network.ip(side, f"xfrm policy add src 198.18.0.1/32 dst {BLOCK} dir {out} tmpl src 198.18.0.1 dst 198.18.0.2 proto esp mode tunnel",
                            f"xfrm policy add src {BLOCK} dst 198.18.0.1/32 dir {back} tmpl src 198.18.0.2 dst 198.18.0.1 proto esp mode tunnel")
        self.network.nft("far", """
            table netdev cable {
              counter plain { }
              counter sealed { }
              chain arriving {
                type filter hook ingress device far0 priority 0
                meta l4proto esp counter name sealed accept
                # What has been unpacked comes by once more.
                meta ipsec exists accept
                meta l4proto tcp counter name plain
              }
            }""")
        self.start_daemon()
        self.assertIn("raw-ip", self.daemon.run("plan", BLOCK, "-p", "80").out)
        _, job = self.scan(BLOCK, "-p", PORTS)
        self.assert_whole(job, self.open_of(HOSTS), targets=320, closed=192, filtered=0)
        counted = self.network.counters("far", "netdev cable")
        self.assertEqual(counted["plain"], 0, "probes left past the policy")
        self.assertGreaterEqual(counted["sealed"], 320)
