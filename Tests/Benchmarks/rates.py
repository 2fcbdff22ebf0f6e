"""Scenarios about the rate that is found: paths that carry only so much, and paths that lose for other reasons."""

from grounds import Grid, lab_of, uniform, wait
from harness import addresses
from peers import Masscan, Nmap, Synscan, Zmap

RATE = 20_000  # packets a second that the path carries
BURST = 400  # packets that the policer lets through at once


def ideal(ground):
    """Seconds that the path needs for what must pass: a SYN for each target, and the kernel's reset to each open port."""
    return (ground.count + len(ground.open)) / RATE


def many_hosts(bench, scenario, hosts):
    """A larger ground: so many hosts from 198.19.0.0 on, with 20 ports of which 5 are open and some silent."""
    ports = list(range(1000, 1020))
    drawn = bench.random(scenario).sample(ports, 7)
    last = addresses("198.19.0.0", hosts)[-1]
    return uniform(addresses("198.19.0.0", hosts), ports, drawn[:5], [f"198.19.0.0-{last}"]), drawn[:5], drawn[5:]


def policed(bench):
    """A path that is policed at 20,000 packets a second, and nobody says so."""
    grid = Grid(bench, "policed", silent=2)
    masscan, zmap = wait(bench)
    with grid.lab() as lab:
        lab("limit", RATE, BURST, "all")
        daemon = bench.daemon(lab, max_rate=100_000)
        scanners = [Synscan("synscan", grid.many, daemon=daemon)]
        for name, rate in ("at 20,000/s", 20_000), ("at 100,000/s", 100_000), ("unlimited", None):
            if bench.short and rate != RATE:
                continue
            scanners.append(Zmap(f"zmap {name}", grid.single, "-r", rate or -1, *zmap))
            scanners.append(Masscan(f"masscan {name}", grid.many, "--rate", rate or 10_000_000, "--seed", bench.seed, *masscan))
        if not bench.short:
            scanners.append(Nmap("nmap -T4", grid.many, "-T4", runs=1))
        row, *_ = bench.compare("policed", lab, scanners, ideal(grid.many))
    promise(bench, "policed", row, 1.6, 6)
    if not bench.short:
        policed_long(bench)


def policed_long(bench):
    """The same with a million targets."""
    scenario = "policed, 1,000,000 targets"
    ground, open_ports, silent = many_hosts(bench, scenario, 50_000)
    with lab_of("198.19.0.0/16") as lab:
        lab("open", *open_ports)
        lab("silent", *(f"198.19.0.0/16:{port}" for port in silent))
        lab("limit", RATE, BURST, "all")
        daemon = bench.daemon(lab, max_rate=100_000)
        row, _ = bench.compare(scenario, lab, [
            Synscan("synscan", ground, daemon=daemon),
            Masscan("masscan at 20,000/s", ground, "--rate", RATE, "--seed", bench.seed, "--wait", 10, runs=1)], ideal(ground))
    promise(bench, scenario, row, 1.6)


def promise(bench, scenario, row, bound, short=None):
    bench.promise(scenario, "recall", row.median("recall"), "≥", 0.999, 0.995)
    bench.promise(scenario, "time ÷ ideal", row.median("seconds") / row.ideal, "≤", bound, short)


def constant(bench):
    """5 % are lost each way at any rate, which is no reason to slow down."""
    ground, open_ports, _ = many_hosts(bench, "constant", 20_000)
    cap = 50_000
    with lab_of("198.19.0.0/16") as lab:
        lab("open", *open_ports)
        lab("loss", 5)
        daemon = bench.daemon(lab, max_rate=cap)
        row, = bench.compare("constant", lab, [Synscan("synscan", ground, daemon=daemon)])
    bench.promise("constant", "found rate ÷ cap", row.median("found_rate") / cap, "≥", 0.8)


def delayed(bench):
    """The policer stands behind a path of 300 ms."""
    behind(bench, "delayed", ("delay", 300), ("limit", RATE, BURST, "all"))


def queue(bench):
    """Nothing is dropped until a queue of one second is full."""
    behind(bench, "queue", ("queue", RATE, 1000))


def behind(bench, scenario, *path):
    ground, open_ports, _ = many_hosts(bench, scenario, 2000 if bench.short else 20_000)
    with lab_of("198.19.0.0/16") as lab:
        lab("open", *open_ports)
        for command in path:
            lab(*command)
        daemon = bench.daemon(lab, max_rate=100_000)
        row, = bench.compare(scenario, lab, [Synscan("synscan", ground, daemon=daemon)], ideal(ground))
    promise(bench, scenario, row, 2, 8)
