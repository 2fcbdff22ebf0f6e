"""The networks that are scanned, drawn from the seed."""

import contextlib

from harness import Lab, addresses
from peers import Ground

SINGLE_PORT = 2000  # zmap's, which scans one port of more addresses instead


@contextlib.contextmanager
def lab_of(*prefixes):
    """A lab that goes when its scenario is over."""
    lab = Lab(*prefixes)
    # The gateway belongs to the scope: masscan's heartbeat comes from there, and is answered.
    lab("scope", *prefixes, "198.18.0.2")
    try:
        yield lab
    finally:
        lab.close()


def uniform(hosts, ports, open_ports, names):
    """The ground of all these ports of all hosts, where the same ones are open everywhere; names are what scanners are told."""
    truth = {f"{host}:{port}" for host in hosts for port in open_ports}
    return Ground(names, f"{ports[0]}-{ports[-1]}", len(hosts) * len(ports), truth)


class Grid:
    """Hosts with 20 ports of which 5 are open, for zmap the same number of targets as addresses with one port, in the same shares."""

    def __init__(self, bench, scenario, silent=0):
        draw = bench.random(scenario)
        self.hosts, self.block = (1024, "198.18.64.0/22") if bench.short else (4096, "198.18.64.0/20")
        self.prefixes = ["198.18.64.0/20", "198.19.0.0/18"] if bench.short else ["198.18.64.0/18", "198.19.0.0/16"]
        self.ports = list(range(1000, 1020))
        drawn = draw.sample(self.ports, 5 + silent)
        self.open_ports, self.silent_ports = drawn[:5], drawn[5:]
        self.many = uniform(addresses("198.18.64.0", self.hosts), self.ports, self.open_ports, [self.block])
        self.nmap = uniform(addresses("198.18.64.0", 256), self.ports, self.open_ports, ["198.18.64.0/24"])
        networks = [f"198.{second}.{third}" for second, third in self.networks(bench.short)]
        draw.shuffle(networks)
        quarter, tenth = len(networks) // 4, len(networks) * silent // 20
        self.answering, self.silent, self.closed = networks[:quarter], networks[quarter:quarter + tenth], networks[quarter + tenth:]
        single = {f"{network}.{host}:{SINGLE_PORT}" for network in self.answering for host in range(256)}
        self.single = Ground(self.prefixes, str(SINGLE_PORT), 256 * len(networks), single)

    def networks(self, short):
        low, high = (80, 64) if short else (128, 256)
        return [(18, third) for third in range(64, low)] + [(19, third) for third in range(high)]

    @contextlib.contextmanager
    def lab(self):
        with lab_of(*self.prefixes) as lab:
            lab("open", *self.open_ports, SINGLE_PORT)
            lab("closed", "-", lines=[f"{network}.0/24:{SINGLE_PORT}" for network in self.closed])
            silent = [f"{network}.0/24:{SINGLE_PORT}" for network in self.silent]
            silent += [f"{self.block}:{port}" for port in self.silent_ports]
            if silent:
                lab("silent", "-", lines=silent)
            yield lab


def wait(bench):
    """The fixed waits of masscan and zmap: their own, but in the short form."""
    return ("--wait", 2 if bench.short else 10), ("-c", 2 if bench.short else 8)
