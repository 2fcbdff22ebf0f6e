"""What is an answer, and what silence means: ICMP errors, hosts that leave, slow paths, and the end of all patience."""

import ipaddress
import multiprocessing
import time

from harness import Daemon, LabTest, wait_until
from responder import Answer, Ration, RespondedTest, icmp, rst, syn_ack

HOST_UNREACHABLE, ADMIN_PROHIBITED = (3, 1), (3, 13)
PACKAGED = {"limits": {"max_rate": 10_000, "max_rate_per_host": 1000, "max_rate_per_network": 5000}}


class Flag:
    """Something that a responder's process sees change."""

    def __init__(self):
        self.value = multiprocessing.RawValue("b", 0)

    def __call__(self):
        return bool(self.value.value)

    def set(self, value=True):
        self.value.value = value


class RationedErrors(RespondedTest):
    """Hosts and routers that send few ICMP errors, as Linux does: six at once, then one a second."""

    alone = True

    def scan(self, *targets, seconds=60, **request):
        job = self.daemon.post_job(*targets, **request)
        shown = self.daemon.reach(job, "finished", "failed", seconds=seconds)
        self.assertEqual(shown["state"], "finished", shown)
        self.assertFalse(any(line["event"] == "job.waiting" for line in self.daemon.lines(job)), "it took the errors for answers")
        return job, shown

    def test_a_host_with_firewalld_s_rules(self):
        ration = Ration(1, 6)

        def behave(probe):
            if probe.port == 22:
                return [Answer(syn_ack(probe), 0.0003)]
            return [Answer(icmp(probe, *ADMIN_PROHIBITED, router=probe.target), 0.0003)] if ration.take() else None

        self.respond(behave)
        self.start_daemon(**PACKAGED)
        for host in (9, 10, 11):
            started = time.monotonic()
            done = self.daemon.run("scan", f"198.18.64.{host}")
            self.assertLess(time.monotonic() - started, 12)
            self.assertEqual(done.code, 0, done.out + done.err)
            self.assert_account(self.daemon.last_job(), open=1, closed=0, filtered=999, untested=0)

    def test_a_router_without_a_way_to_a_network(self):
        for living in (set(), {"198.18.64.7", "198.18.66.200"}):
            with self.subTest(living=living):
                ration = Ration(1, 6)

                def behave(probe):
                    if probe.target in living:
                        return [Answer(syn_ack(probe) if probe.port == 80 else rst(probe), 0.0003)]
                    return [Answer(icmp(probe, *HOST_UNREACHABLE), 0.0003)] if ration.take() else None

                responder = self.respond(behave)
                if not self.daemon:
                    self.start_daemon()
                job, shown = self.scan("198.18.64.0/22", ports="80,443")
                self.assert_account(job, open=len(living), closed=len(living), filtered=2048 - 2 * len(living), untested=0)
                self.assertNotEqual(shown["account"].get("goal_reached"), False)
                responder.stop()


class RateBesideErrors(RespondedTest):
    """The rate is found by what answers, however few errors are rationed to how many silent addresses. The far kernel answers."""

    alone = True

    def build(self, network):
        super().build(network)
        network.run("far", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratemask=6168")

    def found_rate(self, living, rest, between=1000):
        """The rate that is found where some addresses of a network live; the errors about the others are `between` ms apart."""
        self.network.run("far", "sysctl", "-qw", f"net.ipv4.icmp_ratelimit={between}")
        self.network.ip("far", f"route replace {rest} 198.18.64.0/19", f"route add local {living} dev lo")
        job = self.daemon.post_job("198.18.64.0/19", ports="1-20")
        self.daemon.reach(job, "finished", seconds=60)
        account = self.assert_account(job, closed=20 * ipaddress.ip_network(living).num_addresses, untested=0)
        self.network.ip("far", f"route del local {living} dev lo")
        return account["found_rate"]

    def test_the_rate_is_that_of_a_network_without_errors(self):
        self.daemon = Daemon(self.network, self.allow, limits={"max_rate": 40_000})
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        for living in ("198.18.64.0/22", "198.18.64.0/25"):
            alone = self.found_rate(living, "blackhole")
            for between in (1000, 10):
                with self.subTest(living=living, between=between):
                    self.assertGreaterEqual(self.found_rate(living, "unreachable", between), 0.8 * alone)


class RouterErrors(RespondedTest):
    """A router on the way that reports an outage."""

    def outage(self, is_out, seconds=3, hosts="198.18.64.0/22", rate=4000):
        """A scan in whose midst `is_out` says of whom the router reports that he cannot be reached."""
        began = [None]

        def behave(probe):
            began[0] = began[0] or time.monotonic()
            if 3 < time.monotonic() - began[0] < 3 + seconds and is_out(probe.target):
                return [Answer(icmp(probe, *HOST_UNREACHABLE), 0.0003)]
            return [Answer(syn_ack(probe) if probe.port in (22, 80) else rst(probe), 0.0003)]

        self.respond(behave)
        self.start_daemon(results={"states": ["open", "filtered"]})
        job = self.daemon.post_job(hosts, ports="1-40,80", rate=rate)
        shown = self.daemon.reach(job, "finished", "failed", seconds=60)
        self.assertEqual(shown["state"], "finished", shown)
        return shown["account"]

    def test_an_outage_of_all(self):
        account = self.outage(lambda _: True)
        self.assertEqual((account["open"], account["filtered"]), (2048, 0))

    def test_an_outage_of_some_networks(self):
        account = self.outage(lambda target: target.split(".")[2] == "65")
        self.assertEqual((account["open"], account["filtered"]), (2048, 0))

    def test_an_outage_at_the_very_beginning(self):
        began = [None]

        def behave(probe):
            began[0] = began[0] or time.monotonic()
            if time.monotonic() - began[0] < 2:
                return [Answer(icmp(probe, *HOST_UNREACHABLE), 0.0003)]
            return [Answer(syn_ack(probe) if probe.port in (22, 80) else rst(probe), 0.0003)]

        self.respond(behave)
        self.start_daemon()
        job = self.daemon.post_job("198.18.64.0/22", ports="21-30", rate=4000)
        self.daemon.reach(job, "finished", seconds=60)
        self.assert_account(job, open=1024, closed=9216, filtered=0)


class Leavers(RespondedTest):
    """Hosts that fall silent while the path is there."""

    lasts = 39

    def test_the_only_host_known_so_far_leaves_and_the_pass_goes_on(self):
        began = [None]

        def behave(probe):
            if probe.target == "198.19.67.9" and probe.port == 22:
                # Asked late: it answers from when the other one has left.
                return [Answer(syn_ack(probe), 0.0003)] if began[0] and time.monotonic() - began[0] > 3 else None
            if probe.target != "198.19.64.7":
                return None
            began[0] = began[0] or time.monotonic()
            if time.monotonic() - began[0] < 3:
                return [Answer(syn_ack(probe) if probe.port in (22, 80) else rst(probe), 0.0003)]
            return None

        self.respond(behave)
        self.start_daemon()
        job = self.daemon.post_job("198.19.64.0/22", ports="1-60", rate=6000)
        shown = self.daemon.reach(job, "finished", "failed", seconds=180)
        self.assertEqual(shown["state"], "finished", shown)
        self.assertIn(("198.19.67.9", 22), {(line["address"], line["port"]) for line in self.daemon.lines(job, "port")})
        self.assertEqual(shown["account"]["untested"], 0)

    def test_hosts_that_are_gone_when_a_job_goes_on(self):
        gone = Flag()
        old = {f"198.18.64.{number}" for number in range(1, 4)}

        def behave(probe):
            if probe.target in old:
                return None if gone() else [Answer(rst(probe), 0.0003)]
            return [Answer(syn_ack(probe), 0.0003)] if gone() and probe.target.startswith("198.18.65.2") and probe.port == 22 else None

        self.respond(behave)
        self.start_daemon()
        job = self.daemon.post_job("198.18.64.0/23", ports="1-40", rate=2000)
        wait_until(lambda: self.daemon.ask("GET", f"/v1/jobs/{job}")["account"]["closed"] > 12, 20, "the hosts have answered")
        self.daemon.run("pause", job)
        self.daemon.reach(job, "paused")
        gone.set()
        self.daemon.run("resume", job)
        shown = self.daemon.reach(job, "finished", "failed", seconds=120)
        self.assertEqual(shown["state"], "finished", shown)
        self.assertGreater(shown["account"]["open"], 0)

    def test_whoever_waits_is_quiet_and_gives_up_in_the_end(self):
        gone = Flag()

        def behave(probe):
            return None if gone() else [Answer(syn_ack(probe) if probe.port == 22 else rst(probe), 0.0003)]

        self.respond(behave)
        self.start_daemon(limits={"give_up": "12s"})
        for targets, ports in ((["198.18.64.9"], "1-4000"), (["198.18.65.0/24"], "1-60")):
            with self.subTest(targets=targets):
                job = self.daemon.post_job(*targets, ports=ports, rate=1000)
                wait_until(lambda: self.daemon.ask("GET", f"/v1/jobs/{job}")["account"]["closed"] > 300, 20, "the scan runs")
                gone.set()
                self.daemon.reach(job, "waiting", seconds=10)
                before = self.daemon.ask("GET", f"/v1/jobs/{job}")["account"]["probes_sent"]
                waited = self.daemon.run("wait", job)
                shown = self.daemon.ask("GET", f"/v1/jobs/{job}")
                self.assertEqual((waited.code, shown["state"]), (5, "finished"), shown)
                self.assertIn("give_up", shown["reason"])
                account = shown["account"]
                self.assertLessEqual(account["probes_sent"] - before, 12)
                self.assertFalse(account["goal_reached"])
                self.assertGreater(account["untested"], 1000)
                self.assertEqual(account["filtered"], 0)
                self.assertEqual([line["event"] for line in self.daemon.lines(job)][-2:], ["job.waiting", "job.finished"])
                gone.set(False)


class SlowPaths(LabTest):
    """Long round trips: whether the path is back is judged with their patience."""

    shares_daemon = False
    open_ports = ["22", "80"]

    def interrupted(self, how, round_trip):
        self.lab("delay", round_trip)
        daemon = self.own_daemon().start()
        job = daemon.post_job("198.18.64.0/22", ports="1-20,22,80", rate=4000)
        wait_until(lambda: daemon.ask("GET", f"/v1/jobs/{job}")["account"]["closed"] > 2000, 20, "the scan runs")
        how(daemon, job)
        shown = daemon.reach(job, "finished", "failed", seconds=60)
        self.assertEqual(shown["state"], "finished", shown)
        self.assert_account(job, open=2048, closed=20 * 1024, filtered=0, untested=0)
        daemon.terminate()

    def pause(self, daemon, job):
        daemon.run("pause", job)
        daemon.reach(job, "paused")
        daemon.run("resume", job)

    def kill(self, daemon, job):
        daemon.kill()
        daemon.start()

    def cut(self, daemon, job):
        self.lab("loss", 100)
        time.sleep(3)
        self.lab("loss", 0)

    def test_a_pause(self):
        self.interrupted(self.pause, 250)
        self.interrupted(self.pause, 2000)

    def test_a_kill(self):
        self.interrupted(self.kill, 600)

    def test_a_cut(self):
        self.interrupted(self.cut, 160)
        self.interrupted(self.cut, 1000)
