"""The way to each address is the kernel's, whatever its routing tables look like."""

import contextlib
import ipaddress
import random

from harness import Daemon
from networks import NetworkTest

LINKS, RULES, COUNT = 4, 12, 10_000
# A plan names at most so many ranges of addresses that go one way.
EACH = 16
V4, V6 = ipaddress.ip_network("198.18.0.0/15"), ipaddress.ip_network("2001:2::/48")
SOURCES = {4: "198.18.{}.1", 6: "2001:2:0:{:x}::1"}
GATEWAYS = {4: ["198.18.{}.2", "198.18.{}.3"], 6: ["2001:2:0:{:x}::2", "2001:2:0:{:x}::3"]}


class Tables:
    """Routing tables by chance: blocks of any length by way of any gateway or on any link, metrics, several ways, and rules."""

    def __init__(self, seed):
        self.draw = random.Random(seed)
        self.blocks = {4: [], 6: []}

    def lines(self, version, routes=120):
        """What `ip -batch` makes the tables of."""
        made, lines = set(), [f"route add {V4 if version == 4 else V6} via {self.gateway(version, 0)} metric 5000"]
        while len(made) < routes:
            table, block, metric = self.draw.choice(["main", "main", 101, 102]), self.block(version), self.draw.choice([10, 20, 300])
            if (table, block, metric) not in made:
                made.add((table, block, metric))
                lines.append(f"route add {block} table {table} metric {metric} {self.way(version)}")
                self.blocks[version].append(block)
        for i in range(RULES):
            block = self.block(version, shorter=True)
            self.blocks[version].append(block)
            lines.append(f"rule add to {block} table {self.draw.choice([101, 102])} preference {1000 + i}")
        return lines

    def block(self, version, shorter=False):
        whole = V4 if version == 4 else V6
        length = self.draw.randint(17, 20 if shorter else 30) if version == 4 else self.draw.randint(50, 55 if shorter else 124)
        # Above the links' own networks.
        least = 1 << 16 if version == 4 else 1 << 72
        address = int(whole.network_address) + self.draw.randrange(least, whole.num_addresses)
        return ipaddress.ip_network((address, length), strict=False)

    def gateway(self, version, link):
        return self.draw.choice(GATEWAYS[version]).format(10 + link)

    def way(self, version):
        kind, link = self.draw.random(), self.draw.randrange(LINKS)
        if kind < 0.2:
            others = self.draw.sample(range(LINKS), 2)
            return " ".join(f"nexthop via {self.gateway(version, other)} dev near{other}" for other in others)
        if kind < 0.3:
            return f"dev near{link}"
        source = f" src {SOURCES[version].format(10 + self.draw.randrange(LINKS))}" if kind < 0.45 else ""
        return f"via {self.gateway(version, link)} dev near{link}{source}"

    def addresses(self, version, count):
        """Addresses of which most lie in a block, some at its edges."""
        whole, found = V4 if version == 4 else V6, set()
        least = 1 << 16 if version == 4 else 1 << 72
        while len(found) < count:
            block = self.draw.choice(self.blocks[version])
            first, last = int(block[0]), int(block[-1])
            place = self.draw.choice([first, last, first - 1, last + 1, self.draw.randint(first, last), self.draw.randint(first, last),
                                      int(whole.network_address) + self.draw.randrange(least, whole.num_addresses)])
            if int(whole.network_address) + least <= place < int(whole.broadcast_address):
                found.add(str(ipaddress.ip_address(place)))
        return sorted(found, key=lambda text: int(ipaddress.ip_address(text)))


class Routes(NetworkTest):
    def build(self, network):
        network.add("far")
        for link in range(LINKS):
            network.cable("near", f"near{link}", "far", f"far{link}")
            for version, options in (4, ""), (6, " nodad"):
                length = 24 if version == 4 else 64
                network.ip("near", f"addr add {SOURCES[version].format(10 + link)}/{length} dev near{link}{options}")
                for gateway in GATEWAYS[version]:
                    network.ip("far", f"addr add {gateway.format(10 + link)}/{length} dev far{link}{options}")

    def planned(self, targets):
        """address → (interface, source, next hop), as plans tell."""
        ways = {}
        for start in range(0, len(targets), EACH):
            plan = self.daemon.ask("POST", "/v1/plans", {"targets": targets[start:start + EACH], "ports": "80"})
            for path in plan["paths"]:
                for part in path["destinations"]:
                    for address in self.each_of(part):
                        self.assertNotIn(address, ways, "told twice")
                        ways[address] = path["interface"], path["source"], path.get("next_hop")
        return ways

    def each_of(self, words):
        first, _, last = words.partition("-")
        if "/" in words:
            block = ipaddress.ip_network(words)
            first, last = block[0], block[-1]
        first = ipaddress.ip_address(first)
        # The second part of a range may be the end of an address alone.
        last = ipaddress.ip_address(last) if last and ("." in str(last) or ":" in str(last)) else first
        return [str(first + i) for i in range(int(last) - int(first) + 1)]

    def assert_is_the_kernels(self, version, seed, tables=2):
        for turn in range(tables):
            with self.subTest(version=version, seed=seed + turn), contextlib.ExitStack() as undo:
                drawn = Tables(seed + turn)
                self.network.ip("near", *drawn.lines(version), options=[f"-{version}"])
                undo.callback(self.clear, version)
                targets = drawn.addresses(version, COUNT // 2 // tables)
                kernels = {way["dst"]: (way["dev"], way["prefsrc"], way.get("gateway")) for way in self.network.routes("near", targets)}
                self.assertEqual(len(kernels), len(targets))
                self.assertGreater(len(set(kernels.values())), 8, "the tables do not differ enough")
                ours = self.planned(targets)
                self.assertEqual([(address, ours.get(address), way) for address, way in kernels.items() if ours.get(address) != way][:5], [])

    def clear(self, version):
        flushed = [f"route flush table {table} proto boot" for table in ("main", 101, 102)]
        self.network.ip("near", *flushed, *(f"rule del preference {1000 + i}" for i in range(RULES)), options=[f"-{version}"])

    def start_daemon(self):
        self.daemon = Daemon(self.network, ["198.18.0.0/15", "2001:2::/48"])
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    def test_interface_source_and_next_hop_of_5000_addresses_are_the_kernels(self):
        self.start_daemon()
        self.assert_is_the_kernels(4, 20_261_126)

    def test_interface_source_and_next_hop_of_5000_ipv6_addresses_are_the_kernels(self):
        self.start_daemon()
        self.assert_is_the_kernels(6, 20_261_127)
