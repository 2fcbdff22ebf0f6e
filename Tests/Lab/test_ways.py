"""What this machine's kernel says about the ways to targets: refusals of single packets, policies, rules, and routes that lead nowhere."""

import errno
import json
import time

from harness import Daemon, addresses, compile_helper, wait_until
from networks import NetworkTest

BLOCK, OPEN, PORTS = "198.18.64.0/24", (1000, 1001), "1000-1002"
HOSTS = addresses("198.18.64.0", 256)
REFUSED = addresses("198.18.64.64", 64)


class RefusingDaemon(Daemon):
    """A daemon whose kernel refuses some sends, see refuse.c."""

    def __init__(self, network, code, calls=(0, 0), **sections):
        self.refusing = f"REFUSE_ERRNO={code}", f"REFUSE_FROM={calls[0]}", f"REFUSE_TO={calls[1]}"
        super().__init__(network, ["198.18.0.0/15", "2001:2::/48"], **sections)

    def command(self, *prefix):
        library = compile_helper("refuse", "-shared", "-fPIC")
        return super().command("env", f"LD_PRELOAD={library}", *self.refusing, *prefix)


class WaysTest(NetworkTest):
    """Two cables to the far side, where the block's hosts are; each has a gateway of its own."""

    def build(self, network):
        network.add("far")
        for cable in 0, 1:
            network.cable("near", f"near{cable}", "far", f"far{cable}")
            network.ip("near", f"addr add 198.18.{cable}.1/24 dev near{cable}")
            network.ip("far", f"addr add 198.18.{cable}.2/24 dev far{cable}")
        network.ip("near", f"route add {BLOCK} via 198.18.0.2")
        network.answer("far", BLOCK, ports=OPEN)
        network.nft("far", """
            table netdev seen {
              counter first { }
              counter second { }
              counter plain { }
              counter mail_first { }
              counter mail_second { }
              chain first {
                type filter hook ingress device far0 priority 0;
                tcp flags & (syn | ack) == syn counter name first
                ip daddr 198.18.64.0/28 tcp flags & (syn | ack) == syn counter name plain
                tcp dport 25 tcp flags & (syn | ack) == syn counter name mail_first
              }
              chain second {
                type filter hook ingress device far1 priority 0;
                tcp flags & (syn | ack) == syn counter name second
                tcp dport 25 tcp flags & (syn | ack) == syn counter name mail_second
              }
            }""")

    def start_daemon(self, daemon=None, **sections):
        self.daemon = daemon or Daemon(self.network, ["198.18.0.0/15", "2001:2::/48"], **sections)
        self.addCleanup(self.daemon.close)
        return self.daemon.start()

    def seen(self):
        return self.network.counters("far", "netdev seen")

    def open_of(self, hosts):
        return {(host, port) for host in hosts for port in OPEN}

    def plan(self, *targets, **keys):
        return self.daemon.ask("POST", "/v1/plans", {"targets": targets, "ports": PORTS, **keys})

    def events(self, job):
        return [line["event"] for line in self.daemon.lines(job) if line["event"].startswith("job.")]


class Refusals(WaysTest):
    def assert_scans_the_rest(self, kind, code, words):
        self.start_daemon(RefusingDaemon(self.network, code, scan={"link": kind}, results={"states": ["open", "filtered", "untested"]}))
        result, job = self.scan(BLOCK, "-p", PORTS, code=5)
        rest = [host for host in HOSTS if host not in REFUSED]
        account = self.assert_account(job, open=len(rest) * 2, closed=len(rest), filtered=0, untested=len(REFUSED) * 3, goal_reached=True)
        self.assertEqual(account["send_errors"], len(REFUSED) * 3)
        self.assertEqual(len(account["untested_reasons"]), 1)
        for word in ("198.18.64.64/26", *words):
            self.assertIn(word, account["untested_reasons"][0])
            self.assertIn(word, result.err)
        untested = {(line["address"], line["port"], line["reason"]) for line in self.daemon.lines(job, "port") if line["state"] == "untested"}
        self.assertEqual(untested, {(host, port, "send-refused") for host in REFUSED for port in (1000, 1001, 1002)})
        self.assertEqual(self.events(job), ["job.queued", "job.started", "job.finished"])
        self.daemon.terminate()

    def test_an_address_that_no_peer_has_is_untested_and_the_rest_is_scanned(self):
        for kind in "raw-ip", "packet":
            with self.subTest(link=kind):
                self.assert_scans_the_rest(kind, errno.ENOKEY, ["Required key not available", "no WireGuard peer has this address"])

    def test_every_other_refusal_of_one_packet_is_that_packets(self):
        for code in errno.EDESTADDRREQ, errno.EIO, errno.EPERM, errno.EPROTO, errno.EOPNOTSUPP, errno.EHOSTUNREACH:
            with self.subTest(code=errno.errorcode[code]):
                self.assert_scans_the_rest("raw-ip", code, [])

    def refuse_in_ring(self, kind):
        """A scan some of whose calls are refused that have the kernel read the ring."""
        self.start_daemon(RefusingDaemon(self.network, errno.EIO, (30, 36), scan={"link": kind, "send_threads": 1},
                                         results={"states": ["open", "closed", "untested"]}))
        _, job = self.scan(BLOCK, "-p", PORTS, "--rate", 500, code=5)
        self.assertEqual(self.events(job), ["job.queued", "job.started", "job.finished"])
        return job

    def test_a_ring_goes_on_behind_a_frame_that_is_refused(self):
        job = self.refuse_in_ring("xdp")
        # A frame is offered three times.
        account = self.assert_account(job, link="xdp", untested=2, filtered=0, send_errors=2)
        self.assertEqual(account["open"] + account["closed"], 768 - 2)

    def test_a_transmit_ring_is_left_for_the_rest_of_a_batch_of_which_a_frame_is_refused(self):
        job = self.refuse_in_ring("ring")
        self.assert_account(job, link="ring", filtered=0)
        untested = {(line["address"], line["port"]) for line in self.daemon.lines(job, "port") if line["state"] == "untested"}
        self.assertTrue(untested)
        # What is sent past the ring is refused by its address, the rest arrives.
        self.assertLessEqual({host for host, _ in untested}, set(REFUSED))
        self.assertEqual(len(self.daemon.lines(job, "port")), 768)

    def test_a_refusal_survives_a_kill_and_a_pause(self):
        self.start_daemon(RefusingDaemon(self.network, errno.ENOKEY, scan={"link": "raw-ip"}))
        job = self.daemon.submit(BLOCK, "-p", "1000-1019", "--rate", 1000)
        wait_until(lambda: len(self.daemon.lines(job, "port")) > 150, 20, "the scan runs")
        self.daemon.kill()
        self.daemon.start()
        self.daemon.finish(job)
        account = self.assert_account(job, open=192 * 2, closed=192 * 18, filtered=0, untested=64 * 20)
        self.assertIn("198.18.64.", account["untested_reasons"][0])


class Changes(WaysTest):
    def test_routes_that_change_leave_no_lines_in_the_log(self):
        self.start_daemon()
        job = self.daemon.submit(BLOCK, "-p", "1000-1039", "--rate", 700)
        wait_until(lambda: len(self.daemon.lines(job, "port")) > 20, 30, "the scan runs")
        for turn in range(4):
            self.network.ip("near", f"route replace {BLOCK} via 198.18.{(turn + 1) % 2}.2")
            # The run begins again after a second, and lasts then: changes without a break are told as waiting, once.
            time.sleep(3.5)
        self.daemon.finish(job)
        self.assert_account(job, open=512, closed=256 * 38, filtered=0)
        self.assertEqual(self.events(job), ["job.queued", "job.started", "job.finished"])

    def test_a_link_that_stays_down_is_told_once_and_so_is_its_return(self):
        self.start_daemon()
        job = self.daemon.submit(BLOCK, "-p", "1000-1039", "--rate", 1000)
        wait_until(lambda: len(self.daemon.lines(job, "port")) > 20, 30, "the scan runs")
        self.network.ip("near", "link set near0 down")
        self.daemon.reach(job, "waiting")
        wait_until(lambda: "job.waiting" in self.events(job), 20, "the log is told")
        time.sleep(3)
        self.network.ip("near", "link set near0 up", f"route replace {BLOCK} via 198.18.0.2")
        self.daemon.finish(job)
        self.assert_account(job, open=512, closed=256 * 38, filtered=0)
        self.assertEqual(self.events(job), ["job.queued", "job.started", "job.waiting", "job.resumed", "job.finished"])


class Policies(WaysTest):
    TEMPLATE = "tmpl src 198.18.0.1 dst 198.18.0.2 proto esp mode tunnel"

    def test_what_an_ipsec_policy_wants_encrypted_never_leaves_in_plain_text(self):
        self.network.ip("near", f"xfrm policy add dst 198.18.64.0/28 dir out {self.TEMPLATE}")
        self.start_daemon()
        paths = self.plan(BLOCK)["paths"]
        self.assertEqual([(path["destinations"], path["link"]) for path in paths if "198.18.64.0/28" in path["destinations"]],
                         [(["198.18.64.0/28"], "raw-ip")])
        self.assertIn("IPsec policy", next(path["link_reason"] for path in paths if path["link"] == "raw-ip"))
        _, job = self.scan("198.18.64.0/27", "-p", PORTS, "--recall", "none")
        self.assertEqual(self.seen()["plain"], 0)
        self.assert_account(job, open=16 * 2, closed=16)

    def test_a_policy_for_tcp_alone_and_one_by_port_are_obeyed(self):
        self.network.ip("near", f"xfrm policy add dst 198.18.64.0/29 proto tcp dir out {self.TEMPLATE}",
                        f"xfrm policy add dst 198.18.64.8/29 proto tcp dport 1001 dir out {self.TEMPLATE}")
        self.start_daemon()
        _, job = self.scan("198.18.64.0/28", "-p", PORTS, "--recall", "none", code=5)
        self.assertEqual(self.seen()["plain"], 16)
        account = self.assert_account(job, open=8, closed=8, untested=8)
        self.assertIn("198.18.64.8/29 port 1001: an IPsec policy", account["untested_reasons"][0])

    def test_a_policy_that_comes_while_a_job_runs_is_obeyed(self):
        self.start_daemon()
        job = self.daemon.submit("198.18.64.0/28", "-p", "1000-1999", "--rate", 1000, "--retries", 0)
        wait_until(lambda: self.seen()["plain"] > 1000, 20, "the scan runs")
        self.network.ip("near", f"xfrm policy add dst 198.18.64.0/24 dir out {self.TEMPLATE}")
        wait_until(lambda: self.daemon.job(job)["account"]["link"] == "raw-ip", 20, "the kernel sends")
        before = self.seen()["plain"]
        time.sleep(2)
        self.assertEqual(self.seen()["plain"], before)
        self.daemon.run("cancel", job)

    def test_a_route_that_wraps_packets_is_left_to_the_kernel(self):
        self.network.ip("near", "route add 198.18.64.16/28 encap ip id 1 dst 198.18.0.2 via 198.18.0.2 dev near0")
        self.start_daemon()
        path = next(path for path in self.plan(BLOCK)["paths"] if path["destinations"] == ["198.18.64.16/28"])
        self.assertEqual(path["link"], "raw-ip")
        self.assertIn("encap ip", path["link_reason"])

    def test_rules_by_protocol_and_by_port_decide_as_the_kernel_says(self):
        self.network.ip("near", f"route add {BLOCK} via 198.18.1.2 table 100", "rule add ipproto tcp dport 25 lookup 100")
        self.start_daemon()
        told = self.network.run("near", "ip", "-j", "route", "get", "198.18.64.5", "ipproto", "tcp", "dport", "25")
        self.assertEqual(json.loads(told)[0]["dev"], "near1")
        path, = self.plan(BLOCK, ports="25")["paths"]
        self.assertEqual((path["interface"], path["source"], path["next_hop"]), ("near1", "198.18.1.1", "198.18.1.2"))
        self.assertIn("dport 25", path["link_reason"])
        _, job = self.scan(BLOCK, "-p", "25")
        self.assert_account(job, closed=256)
        result, job = self.scan(BLOCK, "-p", "25,1000", code=5)
        self.assert_account(job, open=256, untested=256)
        self.assertIn("with -p 25", result.err)
        seen = self.seen()
        self.assertEqual((seen["mail_first"], seen["second"]), (0, seen["mail_second"]))
        self.network.ip("near", "rule del ipproto tcp dport 25 lookup 100", "rule add ipproto tcp lookup 100")
        path, = self.plan(BLOCK)["paths"]
        self.assertEqual((path["interface"], path["link"]), ("near1", "raw-ip"))
        before = self.seen()["first"]
        _, job = self.scan(BLOCK, "-p", PORTS)
        self.assert_account(job, open=512, closed=256, filtered=0)
        self.assertEqual(self.seen()["first"], before)


class OneBadEntry(WaysTest):
    lasts = 34
    DEAD = "blackhole 198.18.65.0/26", "prohibit 198.18.65.64/26", "unreachable 198.18.65.128/26", "198.18.65.192/26 via 198.18.0.99"

    def test_dead_routes_and_gateways_are_named_and_the_rest_is_scanned(self):
        self.network.ip("near", *(f"route add {route}" for route in self.DEAD))
        self.start_daemon(results={"states": ["open", "untested"]})
        words = ("198.18.65.0/26: a blackhole route", "198.18.65.64/26: a prohibit route", "198.18.65.128/26: an unreachable route",
                 "198.18.65.192/26: the gateway 198.18.0.99 on near0 does not answer ARP", "198.19.9.0/24: there is no route")
        targets = "198.18.64.0/23", "198.19.9.0/24"
        result = self.daemon.run("plan", *targets, "-p", PORTS)
        self.assertEqual(result.code, 5)
        for word in words:
            self.assertIn(word, result.out)
        result, job = self.scan(*targets, "-p", PORTS, code=5)
        for word in words:
            self.assertIn(word, result.err)
        self.assert_account(job, open=512, closed=256, filtered=0, untested=512 * 3)
        before = self.daemon.last_job()
        strict = self.daemon.run("scan", *targets, "-p", PORTS, "--strict")
        self.assertEqual((strict.code, self.daemon.last_job()), (1, before))
        for word in (*words, "--exclude 198.18.65.0/24,198.19.9.0/24"):
            self.assertIn(word, strict.err)
        self.assertNotIn("Invalid argument", strict.err)

    def test_targets_of_which_none_can_be_reached_are_refused(self):
        self.start_daemon()
        result = self.daemon.run("scan", "198.19.9.0/24", "-p", "80")
        self.assertEqual((result.code, self.daemon.last_job()), (1, 0))
        self.assertIn("198.19.9.0/24: there is no route", result.err)

    def test_the_targets_of_a_gateway_that_comes_back_are_asked(self):
        self.network.ip("near", "route add 198.18.64.128/25 via 198.18.1.2")
        self.network.ip("far", "link set far1 arp off")
        self.start_daemon()
        job = self.daemon.submit(BLOCK, "-p", "1000-1049", "--rate", 500)
        wait_until(lambda: len(self.daemon.lines(job, "port")) > 50, 20, "the scan runs")
        self.assertEqual(self.seen()["second"], 0)
        self.network.ip("far", "link set far1 arp on")
        self.daemon.finish(job, seconds=90)
        self.assert_account(job, open=512, closed=256 * 48, filtered=0, untested=0)
        self.assertEqual(self.daemon.job(job)["account"].get("untested", 0), 0)
