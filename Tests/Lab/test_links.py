"""The ways onto the wire: each carries a scan whole, and what is refused is replaced by the next."""

import subprocess

from harness import LabTest, addresses, compile_helper, link

HOSTS, PORTS = addresses("198.18.64.0", 1024), (1000, 1001, 1002)
TARGETS = {(host, port) for host in HOSTS for port in PORTS}
GATEWAY = "198.18.64.0/22"


class EachLink(LabTest):
    open_ports = ["1000-1002"]
    shares_daemon = False

    def test_each_link_finds_everything_and_counts_what_it_sends(self):
        for link in "xdp", "ring", "packet", "raw-ip":
            with self.subTest(link=link):
                daemon = self.own_daemon(scan={"link": link}, limits={"max_rate": 50_000}).start()
                self.lab("reset")
                _, job = self.scan(GATEWAY, "-p", "1000-1009", "--rate", 50_000, "--recall", "none", "--retries", 0)
                account = self.assert_account(job, open=3072, closed=7168, link=link, link_drops=0, send_errors=0)
                self.assert_logged_once(job, TARGETS)
                self.assertEqual(self.lab.counters()["syn"], account["probes_sent"])
                self.assertIn(link, daemon.run("show", job).out)
                self.assertRegex(daemon.run("plan", GATEWAY, "-p", "80").out, rf"198\.18\.0\.2 \(.*\) +{link} +by way of a gateway")
                self.assertEqual(daemon.terminate()[0], 0)

    def test_each_set_of_tcp_options_fits_each_link(self):
        for link in "xdp", "ring":
            daemon = self.own_daemon(scan={"link": link}).start()
            for options in "none", "mss", "linux", "windows":
                with self.subTest(link=link, options=options):
                    _, job = self.scan(GATEWAY, "-p", "1000-1001", "--tcp-options", options)
                    self.assert_account(job, open=2048, link=link)
            daemon.terminate()

    def test_jobs_share_an_interface(self):
        daemon = self.own_daemon(limits={"max_rate": 40_000, "max_running_jobs": 8}, scan={"link": "xdp"}).start()
        jobs = [daemon.post_job(GATEWAY, ports="1000-1004", rate=5000, recall="none", retries=0) for _ in range(8)]
        for job in jobs:
            daemon.reach(job, "finished")
            self.assert_account(job, open=3072, closed=2048, link="xdp")
            self.assert_logged_once(job, TARGETS)

    def test_what_must_go_through_the_kernel_does(self):
        daemon = self.own_daemon(scan={"link": "auto"}).start()
        plan = daemon.run("plan", "198.18.0.1", "127.0.0.1", "198.18.0.2", GATEWAY, "-p", "80").out
        self.assertRegex(plan, r"198\.18\.0\.2 +near0 .* xdp +on the link itself")
        self.assertRegex(plan, r"127\.0\.0\.1 +lo .*raw-ip +the machine's own address")
        self.assertRegex(plan, r"198\.18\.64\.0/22 +near0 .* xdp ")


class Refused(LabTest):
    open_ports = ["1000-1002"]
    shares_daemon = False

    def hold_queues(self):
        holder = subprocess.Popen(self.lab.near(compile_helper("holdqueue"), "near0"), stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.kill)
        self.assertGreater(int(holder.stdout.readline()), 0)

    def test_an_interface_that_another_program_has_is_sent_through_by_the_next_link(self):
        self.hold_queues()
        daemon = self.own_daemon(scan={"link": "auto"}).start()
        plan = daemon.run("plan", GATEWAY, "-p", "80").out
        self.assertRegex(plan, r" ring +by way of a gateway on Ethernet; not xdp: AF_XDP on near0: .*busy")
        _, job = self.scan(GATEWAY, "-p", "1000-1002")
        account = self.assert_account(job, open=3072, link="ring")
        self.assertIn("not xdp: AF_XDP on near0", account["link_reason"])
        self.assertIn("not xdp: AF_XDP on near0", daemon.run("show", job).out)
        self.assertIn(f"Job {job} sends by ring, not xdp: AF_XDP on near0", daemon.output())

    def test_a_link_that_is_none_is_refused_with_what_there_is(self):
        done = self.own_daemon(scan={"link": "zero-copy"}).fails_to_start()
        self.assertGreater(done.code, 0)
        self.assert_sentence(done.err, "zero-copy", "auto", "xdp", "ring", "packet", "raw-ip")


class Internet(LabTest):
    """Answers as fast as anybody can send: what the interface or the path cannot take must not get lost."""

    alone = True
    prefix = "198.19.0.0/16"
    allow = ["198.19.0.0/16"]
    sections = {"limits": {"max_rate": 2_000_000, "max_rate_per_host": 100_000_000, "max_rate_per_network": 100_000_000}}

    @classmethod
    def prepare(cls):
        cls.lab("internet", cls.prefix, 10, 200)
        cls.addClassCleanup(cls.lab, "internet", "off")

    def truth(self, first, count, ports):
        lines = self.lab("truth", 10, first, count, *ports).split()
        return {(address, int(port)) for address, port in (line.split(":") for line in lines)}

    def test_a_scan_at_full_speed_finds_what_is_there(self):
        _, job = self.scan("198.19.0.0/16", "-p", "1000-1007")
        truth = self.truth("198.19.0.0", 65_536, (1000, 1007))
        found = set(self.daemon.findings(job))
        self.assertEqual(found - truth, set())
        self.assertGreaterEqual(len(found & truth) / len(truth), 0.998)
        account = self.assert_account(job)
        self.assertGreater(account["probes_sent"] / account["seconds"], 50_000)

    def test_a_given_rate_above_what_the_path_takes_is_repaired(self):
        _, job = self.scan("198.19.0.0/18", "-p", "1000-1007", "--rate", 2_000_000)
        truth = self.truth("198.19.0.0", 16_384, (1000, 1007))
        found = set(self.daemon.findings(job))
        self.assertEqual(found - truth, set())
        self.assertGreaterEqual(len(found & truth) / len(truth), 0.998)

    def test_jobs_of_different_rates_share_an_interface_that_is_full(self):
        fast = self.daemon.post_job("198.19.0.0/16", ports="1000-1007")
        slow = self.daemon.post_job("198.19.0.0/24", ports="2000-2049", rate=5000)
        for job, area in (slow, ("198.19.0.0", 256, (2000, 2049))), (fast, ("198.19.0.0", 65_536, (1000, 1007))):
            self.daemon.reach(job, "finished", seconds=60)
            truth, found = self.truth(*area), set(self.daemon.findings(job))
            self.assertEqual(found - truth, set())
            self.assertGreaterEqual(len(found & truth) / len(truth), 0.99)
            self.assert_account(job, link="xdp" if link == "auto" else link)
