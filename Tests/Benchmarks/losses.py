"""Scenarios about packets that are lost: how complete a scan is, what that costs, and what it says about it."""

import contextlib
import threading
import time

from grounds import Grid, lab_of, wait
from harness import addresses
from peers import Ground, Masscan, Nmap, Synscan, Zmap


def loss(bench):
    """5 % are lost each way, and closed ports answer."""
    grid = Grid(bench, "loss")
    masscan, zmap = wait(bench)
    with grid.lab() as lab:
        lab("loss", 5)
        daemon = bench.daemon(lab, max_rate=50_000)
        scanners = [
            Synscan("synscan --rate 40000 --recall 0.9995", grid.many, "--rate", 40_000, "--recall", 0.9995, daemon=daemon),
            Zmap("zmap -r 40000 -P 1", grid.single, "-r", 40_000, "-P", 1, *zmap),
            Zmap("zmap -r 40000 -P 3", grid.single, "-r", 40_000, "-P", 3, *zmap),
            Masscan("masscan --rate 40000 --retries 0", grid.many, "--rate", 40_000, "--retries", 0, "--seed", bench.seed, *masscan),
        ]
        if not bench.short:
            scanners.append(Nmap("nmap -T4, 256 hosts", grid.nmap, "-T4"))
            options = "--rate", 40_000, "--retries", 2, "--seed", bench.seed
            scanners.append(Masscan("masscan --rate 40000 --retries 2", grid.many, *options, *masscan))
        row, *_ = bench.compare("loss", lab, scanners)
    bench.promise("loss", "recall", row.median("recall"), "≥", 0.9995, 0.998)
    bench.promise("loss", "probes for each target", row.median("probes_each"), "≤", 1.15, 1.25)


def sparse(bench):
    """One address in fifty exists, what is not open is silent, and six ports are open far more often than others."""
    draw = bench.random("sparse")
    prefix, first, size = ("198.18.64.0/20", "198.18.64.0", 4096) if bench.short else ("198.19.0.0/16", "198.19.0.0", 65_536)
    ports = list(range(1000, 1100))
    shares = dict(zip(draw.sample(ports, 6), (0.7, 0.5, 0.3, 0.2, 0.1, 0.05)))
    hosts = draw.sample(addresses(first, size), size // 50)
    truth = {f"{host}:{port}" for host in hosts for port, share in shares.items() if draw.random() < share}
    ground = Ground([prefix], "1000-1099", size * len(ports), truth)
    with lab_of(prefix) as lab:
        lab("open", *shares)
        lab("only", "-", lines=sorted(truth))
        lab("loss", 3)
        daemon = bench.daemon(lab, max_rate=100_000)
        # Few open ports cannot tell by themselves that no more than one in a thousand is missing.
        goal = ("--recall", 0.99) if bench.short else ()
        scanners = [Synscan("synscan --rate 100000" + " --recall 0.99" * bench.short, ground, "--rate", 100_000, *goal, daemon=daemon)]
        if not bench.short:
            scanners.append(Masscan("masscan --rate 100000 --retries 0", ground, "--rate", 100_000, "--retries", 0, "--wait", 10, runs=1))
        row, *_ = bench.compare("sparse", lab, scanners)
    bench.promise("sparse", "recall", row.median("recall"), "≥", 0.999, 0.98)
    # In small, once in a few runs, some luck of the draw has all targets asked a second time.
    bench.promise("sparse", "probes for each target", row.median("probes_each"), "≤", 1.5, 2.5)


def small(bench):
    """Few hosts and the automatic rate: here the time is what starting, waiting and ending take."""
    grid = Grid(bench, "small")
    for percent in 0, 5:
        scenario = f"small, {percent} % loss" if percent else "small"
        with grid.lab() as lab:
            lab("loss", percent)
            raised = bench.daemon(lab, max_rate=100_000)
            packaged = bench.daemon(lab, max_rate=10_000, max_rate_per_host=1000, max_rate_per_network=5000)
            row, _, nmap = bench.compare(scenario, lab, [
                Synscan("synscan, host caps raised", grid.nmap, daemon=raised),
                Synscan("synscan, packaged limits", grid.nmap, daemon=packaged),
                Nmap("nmap -T4", grid.nmap, "-T4")])
        share, short = (0.2, 0.5) if percent else (1, 3)
        bench.promise(scenario, "time beside nmap's", row.median("seconds") / nmap.median("seconds"), "≤", share, short)
        bench.promise(scenario, "recall beside nmap's", row.median("recall") - nmap.median("recall"), "≥", 0, -0.002)


def coverage(bench):
    """Once for each kind of loss: whether the interval that is told holds the truth. Long series run on the simulated link."""
    grid = Grid(bench, "coverage")
    half = "198.18.64.0/23" if bench.short else "198.18.64.0/21"
    paths = [(f"{percent} % each way", ("loss", percent)) for percent in (0, 1, 5, 10, 20)]
    paths += [("half of the hosts at 30 %", ("loss", 30, half)), ("bursts: 200 ms of nothing now and then", ("loss", 0))]
    inside = 0
    for name, command in paths[2:5:2] if bench.short else paths:
        with grid.lab() as lab:
            lab(*command)
            daemon = bench.daemon(lab, max_rate=20_000)
            scanner = Synscan(name, grid.many, "--rate", 20_000, daemon=daemon)
            bench.write_truth("coverage", grid.many)
            with bursts(lab, bench.random("bursts")) if "bursts" in name else contextlib.nullcontext():
                outcome = bench.measure("coverage", lab, scanner, 1)
            account = outcome.account
            # The account has six digits.
            holds = account["recall_low"] <= round(outcome.recall, 6) <= account["recall_high"]
            inside += holds
            bench.add(
                "path|loss measured:|true recall:|estimate:|interval:|inside|probes/target:", name, f"{account['loss']:.3f}", f"{outcome.recall:.6f}", f"{account['estimated_recall']:.6f}",
                f"{account['recall_low']:.6f} to {account['recall_high']:.6f}", "yes" if holds else "no", f"{outcome.probes_each:.3f}")
    # In 95 of 100 cases; two of seven outside would come in one run of twenty-five.
    bench.promise("coverage", "truth inside the interval", inside, "≥", 5, 1)


@contextlib.contextmanager
def bursts(lab, draw):
    """Loses everything for 200 ms, once in about two seconds."""
    over = threading.Event()

    def lose():
        while not over.wait(draw.uniform(0.5, 3)):
            lab("loss", 100)
            time.sleep(0.2)
            lab("loss", 0)

    thread = threading.Thread(target=lose)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
