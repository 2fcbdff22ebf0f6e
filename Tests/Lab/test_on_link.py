"""Hosts on the scanner's own link, which nobody but the link itself can tell of: ARP and neighbour discovery."""

import ipaddress
import random
import time
import unittest

from networks import NetworkTest, hardware_address, peers_find
from harness import Daemon, addresses, link, wait_until
from test_lab import nmap

NEAR, NEAR6 = "198.18.0.1", "2001:2::1"
PORTS = 22, 80, 443, 8080


class Segment:
    """A link with hosts: each has a hardware address of its own, and takes only frames that are addressed to it."""

    def __init__(self, network, prefix=16):
        self.network = network
        network.add("far")
        network.cable("near", "near0", "far", "far0")
        network.ip("near", f"addr add {NEAR}/{prefix} dev near0", f"addr add {NEAR6}/64 dev near0 nodad")
        self.know_near()

    def know_near(self):
        hardware = self.network.hardware("near", "near0")
        for near in NEAR, NEAR6:
            self.network.ip("far", f"neigh replace {near} lladdr {hardware} dev far0 nud permanent", f"route replace {near} dev far0")

    def populate(self, hosts, answering=None, loss=0):
        """Hosts, address → (hardware address, open ports), and who answers for whom where that differs; `loss` of a thousand questions who has an
        address get no answer."""
        network, homes = self.network, [(host, hardware) for host, (hardware, _) in hosts.items()]
        network.ip("far", *(f"route add local {host} dev lo" for host in hosts))
        for address in ("0.0.0.0", "::"):
            network.listen("far", address, *sorted({port for _, ports in hosts.values() for port in ports}))
        self.rules(homes, {(host, port) for host, (_, ports) in hosts.items() for port in ports})
        self.responder = network.neighbours("far", "far0", answering or homes, loss)

    def rules(self, homes, is_open):
        def elements(pairs, is_v6):
            words = ", ".join(f"{host} . {value}" for host, value in pairs if (":" in host) == is_v6)
            return f"elements = {{ {words} }}" if words else ""

        self.network.nft("far", f"""
            table netdev link {{
              set homes {{ type ipv4_addr . ether_addr; {elements(homes, False)} }}
              set homes6 {{ type ipv6_addr . ether_addr; {elements(homes, True)} }}
              counter asked {{ }}
              counter syn {{ }}
              counter misaddressed {{ }}
              chain arriving {{
                type filter hook ingress device far0 priority 0; policy accept;
                meta protocol arp counter name asked
                icmpv6 type nd-neighbor-solicit counter name asked
                tcp flags & (syn | ack) == syn counter name syn
                ip daddr . ether daddr @homes meta pkttype set host accept
                ip6 daddr . ether daddr @homes6 meta pkttype set host accept
                meta l4proto tcp counter name misaddressed drop
              }}
            }}
            table inet hosts {{
              set open {{ type ipv4_addr . inet_service; {elements(is_open, False)} }}
              set open6 {{ type ipv6_addr . inet_service; {elements(is_open, True)} }}
              chain arriving {{
                type filter hook input priority 0; policy accept;
                iifname lo accept
                meta nfproto ipv4 tcp flags & (syn | ack) == syn ip daddr . tcp dport != @open reject with tcp reset
                meta nfproto ipv6 tcp flags & (syn | ack) == syn ip6 daddr . tcp dport != @open6 reject with tcp reset
              }}
            }}""")

    def counters(self):
        return self.network.counters("far", "netdev link")


def draw_hosts(places, count, seed, ports=PORTS):
    """So many hosts among these places: address → (hardware address, open ports)."""
    draw = random.Random(seed)
    return {host: (hardware_address(int(ipaddress.ip_address(host)) & 0xFFFF_FFFF), draw.sample(ports, draw.randint(1, min(3, len(ports)))))
            for host in draw.sample(places, count)}


def open_targets(hosts):
    return {(host, port) for host, (_, ports) in hosts.items() for port in ports}


@unittest.skipIf(link == "raw-ip", "by raw-ip the kernel asks for neighbours")
class OnLinkTest(NetworkTest):
    def build(self, network):
        self.segment = Segment(network)

    def start_daemon(self, **sections):
        sections.setdefault("limits", {"max_rate": 50_000})
        self.daemon = Daemon(self.network, ["198.18.0.0/15", "2001:2::/48", "link-local"], **sections)
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    def kernels_neighbours(self):
        return len(self.network.run("near", "ip", "neigh", "show").splitlines())


class LargeLink(OnLinkTest):
    """A /16 of which one address in 218 is there."""

    alone = True

    def populate(self, **settings):
        # Some of them close together, so that nmap, too, finds some in seconds.
        close, everywhere = addresses("198.18.77.0", 256), addresses("198.18.0.2", 65_533)
        self.live = {**draw_hosts(close, 20, 1), **draw_hosts(sorted(set(everywhere) - set(close)), 280, 2)}
        self.segment.populate(self.live, **settings)
        self.start_daemon()

    def assert_found(self, job):
        self.assert_logged_once(job, open_targets(self.live))
        up, down = self.hosts(job, "up"), self.hosts(job, "down")
        self.assertEqual(set(up) - {NEAR}, set(self.live))
        self.assertEqual({row["reason"] for row in down.values()}, {"no-arp-response"})
        # The first and the last address of the block may be its broadcast addresses, which are nobody's.
        self.assertEqual(len(down) + len(set(up) | {NEAR}), 65_536 - len({"198.18.0.0", "198.18.255.255"} - down.keys()))
        open_count = len(open_targets(self.live))
        self.assert_account(job, targets=65_536 * 4, open=open_count, closed=301 * 4 - open_count, filtered=0, down=len(down) * 4,
                            untested=65_536 * 4 - (len(down) + 301) * 4)
        self.assertEqual(self.segment.counters()["misaddressed"], 0, "a frame for one host was sent to another")

    def test_a_whole_16_is_scanned_in_a_minute_and_who_is_not_there_is_down(self):
        self.populate()
        started, most, job = time.monotonic(), 0, self.daemon.submit("198.18.0.0/16", "-p", "22,80,443,8080", "--report-hosts")
        while self.daemon.state(job) in ("queued", "running") and time.monotonic() - started < 70:
            most = max(most, self.kernels_neighbours())
        self.assertLess(time.monotonic() - started, 60)
        self.assert_found(job)
        # Nobody but the hosts that are there, to which the kernel sends its resets: others find room in its table, too.
        self.assertLessEqual(most, len(self.live) + 16)
        self.assertLessEqual(self.segment.counters()["asked"], 4 * 65_536)
        theirs = nmap(self.network, "22,80,443,8080", "198.18.77.0/24")
        ours = {target for target in self.daemon.findings(job) if target[0].startswith("198.18.77.")}
        self.assertEqual(ours, {target for target, (state, _) in theirs.items() if state == "open"})
        self.assertEqual(len({host for host, _ in ours}), 20)

    def test_hosts_whose_answers_get_lost_are_asked_again(self):
        self.populate(loss=50)
        _, job = self.scan("198.18.64.0/18", "-p", "22,80,443,8080", "--report-hosts")
        expected = {target for target in open_targets(self.live) if 64 <= int(target[0].split(".")[2]) < 128}
        missing = expected - set(self.daemon.findings(job))
        # All of three requests get lost once in 8000 times.
        self.assertLessEqual(len({host for host, _ in missing}), 1, missing)

class LossyLink(OnLinkTest):
    """ARP and neighbour discovery lose 20 % each way, so that 36 of 100 questions stay without an answer; nothing else is lost."""

    def assert_whole_within_the_estimate(self, block, hosts):
        self.segment.populate(hosts, loss=360)
        self.start_daemon()
        _, job = self.scan(block, "-p", "22,80,443,8080")
        account = self.assert_account(job, filtered=0, goal_reached=True)
        recall = account["open"] / len(open_targets(hosts))
        # Three questions miss 46 of 1000 hosts.
        self.assertGreater(recall, 0.99)
        self.assertLessEqual(account["recall_low"], recall)
        self.assertLessEqual(recall, account["recall_high"])
        self.assertEqual(self.segment.counters()["misaddressed"], 0)

    def test_hosts_are_asked_for_until_as_few_are_missing_as_the_goal_asks(self):
        self.assert_whole_within_the_estimate("198.18.4.0/22", draw_hosts(addresses("198.18.4.1", 1022), 600, 12))

    def test_hosts_on_an_ipv6_link_are_too(self):
        self.assert_whole_within_the_estimate("2001:2::1000/118", draw_hosts(addresses("2001:2::1000", 1024), 600, 13))

    def test_what_may_be_missing_is_part_of_the_estimate(self):
        # Hardly anybody is found so, however often he is asked.
        hosts = draw_hosts(addresses("198.18.9.0", 256), 200, 14)
        self.segment.populate(hosts, loss=960)
        self.start_daemon()
        _, job = self.scan("198.18.9.0/24", "-p", "22,80,443,8080", code=5)
        account = self.assert_account(job, goal_reached=False)
        self.assertLessEqual(account["recall_low"], account["open"] / len(open_targets(hosts)))
        self.assertLess(account["recall_low"], 0.95)


class SmallLink(OnLinkTest):
    def test_exactly_the_hosts_that_are_there_are_found_as_nmap_finds_them(self):
        hosts = draw_hosts(addresses("198.18.9.0", 256), 40, 3)
        self.segment.populate(hosts)
        self.start_daemon(results={"states": ["open", "closed", "filtered"]})
        _, job = self.scan("198.18.9.0/24", "-p", "22,80,443,8080,8443", "--report-hosts")
        ours = {target: row["state"] for target, row in self.daemon.findings(job).items()}
        theirs = {target: state for target, (state, _) in nmap(self.network, "22,80,443,8080,8443", "198.18.9.0/24").items()
                  if target[0] in hosts}
        self.assertEqual(ours, theirs)
        down = self.hosts(job, "down")
        self.assertEqual(down.keys(), set(addresses("198.18.9.0", 256)) - hosts.keys())
        self.assertEqual({row["reason"] for row in down.values()}, {"no-arp-response"})
        self.assert_account(job, targets=1280, open=len(open_targets(hosts)), down=216 * 5, filtered=0)

    def test_a_link_without_a_carrier_is_waited_for_and_makes_nobody_down(self):
        hosts = draw_hosts(addresses("198.18.9.0", 64), 20, 9)
        self.network.ip("far", "link set far0 down")
        self.start_daemon()
        job = self.daemon.submit("198.18.9.0/26", "-p", "22,80,443,8080")
        self.assertIn("cable", self.daemon.reach(job, "waiting", seconds=20)["reason"])
        self.network.ip("far", "link set far0 up")
        self.segment.know_near()
        self.segment.populate(hosts)
        self.daemon.finish(job)
        self.assert_logged_once(job, open_targets(hosts))
        self.assert_account(job, open=len(open_targets(hosts)), filtered=0)

    def test_hosts_on_an_ipv6_link_are_found_by_their_neighbour_advertisements(self):
        hosts = draw_hosts(addresses("2001:2::1000", 1024), 30, 4)
        self.segment.populate(hosts)
        self.start_daemon()
        _, job = self.scan("2001:2::1000/118", "-p", "22,80,443,8080", "--report-hosts")
        self.assert_logged_once(job, open_targets(hosts))
        self.assertEqual(set(self.hosts(job, "up")), set(hosts))
        down = self.hosts(job, "down")
        self.assertEqual(down.keys(), set(addresses("2001:2::1000", 1024)) - hosts.keys())
        self.assertEqual(len({row["reason"] for row in down.values()}), 1)
        self.assert_account(job, open=len(open_targets(hosts)), down=994 * 4, filtered=0)
        self.assertEqual(self.segment.counters()["misaddressed"], 0)
        self.assertLessEqual(self.kernels_neighbours(), len(hosts) + 16)

    def test_hosts_beside_a_gateway_and_hosts_behind_it_are_found_in_one_job(self):
        beside = draw_hosts(addresses("198.18.3.0", 256), 30, 5)
        behind = draw_hosts(addresses("198.19.3.0", 256), 256, 6)
        gateway = hardware_address(0xFFFF)
        behind = {host: (gateway, ports) for host, (_, ports) in behind.items()}
        answering = [(host, hardware) for host, (hardware, _) in beside.items()] + [("198.18.0.2", gateway)]
        self.segment.populate({**beside, **behind}, answering=answering)
        self.network.ip("near", "route add 198.19.0.0/16 via 198.18.0.2")
        self.start_daemon()
        _, job = self.scan("198.18.3.0/24", "198.19.3.0/24", "-p", "22,80,443,8080")
        targets = open_targets(beside) | open_targets(behind)
        self.assert_logged_once(job, targets)
        self.assert_account(job, targets=2048, open=len(targets), closed=286 * 4 - len(targets), filtered=0, down=226 * 4)
        self.assertEqual(self.segment.counters()["misaddressed"], 0, "a frame for one host was sent to another")

    def test_a_host_that_goes_while_it_is_scanned_and_one_that_comes_make_no_finding_that_is_none(self):
        hosts = draw_hosts(addresses("198.18.9.0", 256), 40, 7)
        self.segment.populate(hosts)
        self.start_daemon()
        job = self.daemon.submit("198.18.9.0/24", "-p", "22,80,443,8080,9000-9099", "--rate", 2000)
        wait_until(lambda: self.segment.counters()["syn"] > 500, 20, "the scan runs")
        gone = sorted(hosts)[:10]
        self.network.nft("far", "".join(f"delete element netdev link homes {{ {host} . {hosts[host][0]} }}\n" for host in gone))
        self.daemon.finish(job)
        found = set(self.daemon.findings(job))
        self.assertLessEqual(found, open_targets(hosts))
        self.assertGreaterEqual(found, {target for target in open_targets(hosts) if target[0] not in gone})
        self.assert_account(job, targets=256 * 104, open=len(found))


class WhoAnswers(OnLinkTest):
    """Hardware addresses that say more than the hosts behind them."""

    def test_one_hardware_address_that_answers_for_many_is_told_with_each_host(self):
        proxy = hardware_address(0xBEEF)
        real = draw_hosts(addresses("198.18.9.0", 64), 10, 8)
        proxied = {host: (proxy, ports) for host, (_, ports) in draw_hosts(addresses("198.18.9.64", 64), 64, 9).items()}
        self.segment.populate({**real, **proxied})
        self.start_daemon()
        _, job = self.scan("198.18.9.0/25", "-p", "22,80,443,8080", "--report-hosts")
        self.assert_logged_once(job, open_targets({**real, **proxied}))
        up = self.hosts(job, "up")
        self.assertEqual({host: row.get("mac") for host, row in up.items()},
                         {host: hardware for host, (hardware, _) in {**real, **proxied}.items()})

    def test_an_address_for_which_two_machines_answer_is_told(self):
        hosts = draw_hosts(addresses("198.18.9.0", 16), 16, 10)
        answering = [(host, hardware) for host, (hardware, _) in hosts.items()] + [("198.18.9.5", hardware_address(0xD0B1E))]
        self.segment.populate(hosts, answering=answering)
        self.start_daemon()
        _, job = self.scan("198.18.9.0/28", "-p", "22,80,443,8080", "--report-hosts")
        twice = [line for line in self.daemon.lines(job) if line.get("address") == "198.18.9.5" and hardware_address(0xD0B1E) in str(line)]
        self.assertTrue(twice, self.hosts(job))
        self.assertIn(hosts["198.18.9.5"][0], str(twice), "both of them are told")
        self.assert_logged_once(job, open_targets({host: told for host, told in hosts.items() if host != "198.18.9.5"})
                                | {("198.18.9.5", line["port"]) for line in self.daemon.lines(job, "port")
                                   if line["address"] == "198.18.9.5"})


class PeersChoices(OnLinkTest):
    """What zmap and masscan send to the gateway's hardware address, whoever it is for. What they find is told, not judged."""

    def test_hosts_on_the_link_are_found_where_all_frames_to_the_gateway_would_be_lost(self):
        hosts = draw_hosts(addresses("198.18.9.0", 256), 60, 11, ports=[80])
        gateway = hardware_address(0xFFFF)
        self.segment.populate(hosts, answering=[(host, hardware) for host, (hardware, _) in hosts.items()] + [("198.18.0.2", gateway)])
        self.network.ip("near", "route add default via 198.18.0.2")
        self.start_daemon()
        _, job = self.scan("198.18.9.0/24", "-p", "80")
        self.assert_logged_once(job, open_targets(hosts))
        self.assertEqual(self.segment.counters()["misaddressed"], 0)
        # masscan looks at its clock only when a frame arrives.
        self.network.start("far", "bash", "-c", f"echo ready; while sleep 0.3; do echo >/dev/udp/{NEAR}/9; done")
        told = peers_find(self.network, "198.18.9.0/24", "near0", gateway, self.daemon.directory)
        print(f"       of {len(hosts)} hosts on the link: {told}", flush=True)
