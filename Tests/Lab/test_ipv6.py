"""IPv6: everything that holds for IPv4, beside nmap -6."""

import contextlib
import pathlib

from harness import LabTest, addresses
from test_lab import KINDS6, nmap

PREFIX = "2001:2:0:40::/116"
FAR, FAR_ON_LINK, NEAR, NEAR_TOO = "2001:2::2", "fe80::2", "2001:2::1", "2001:2:0:1::1"
OPEN, PORTS = range(1000, 1005), "1000-1019"


def remove_if_empty(folder):
    with contextlib.suppress(OSError):
        folder.rmdir()


class IPv6(LabTest):
    prefix = f"198.18.64.0/24 {PREFIX}"
    open_ports = ["1000-1004"]
    allow = ["198.18.64.0/24", "2001:2::/48", "link-local", "loopback"]
    sections = {"limits": {"max_rate": 100_000}, "results": {"states": ["open", "closed", "filtered"]}}

    def open_of(self, hosts):
        return {(host, port) for host in hosts for port in OPEN}

    def test_4096_addresses_are_scanned_whole(self):
        result, job = self.scan(PREFIX, "-p", PORTS, "--rate", 20_000, "--states", "open")
        self.assertLess(result.seconds, 81_920 / 20_000 + 1.0)
        self.assert_account(job, targets=81_920, open=20_480, closed=61_440, filtered=0)
        self.assert_logged_once(job, self.open_of(addresses("2001:2:0:40::", 4096)))
        self.assertEqual({line["interface"] for line in self.daemon.lines(job, "port")}, {"near0"})

    def test_5_percent_loss_each_way_costs_at_most_one_open_target_in_2000(self):
        self.lab("loss", 5)
        self.addCleanup(self.lab, "loss", 0)
        _, job = self.scan(PREFIX, "-p", PORTS, "--rate", 20_000, "--recall", "0.9995", "--states", "open")
        found = set(self.daemon.findings(job))
        self.assertLessEqual(found, self.open_of(addresses("2001:2:0:40::", 4096)))
        self.assertGreaterEqual(len(found), 0.9995 * 20_480)
        self.assert_account(job, targets=81_920, open=len(found))
        self.assertLess(self.daemon.job(job)["account"]["probes_sent"], 1.2 * 81_920)
        self.assert_logged_once(job, found)

    def test_every_state_and_reason_is_what_nmap_says(self):
        self.addCleanup(self.lab, "clear")
        self.lab("silent", "2001:2:0:40::8/125", "[2001:2:0:40::14-2001:2:0:40::1d]:1000", "[2001:2:0:40::1e]:1000-1006")
        self.lab("closed", "[2001:2:0:40::28-2001:2:0:40::31]:1001", "2001:2:0:40::32")
        for index, kind in enumerate(KINDS6):
            self.lab("reject", kind, f"2001:2:0:40::{0x40 + index:x}", f"[2001:2:0:40::{0x50 + index:x}]:1001-1006")
        theirs = nmap(self.lab, "1000-1009", "2001:2:0:40::/121")
        self.assertEqual(len(theirs), 128 * 10)
        _, job = self.scan("2001:2:0:40::/121", "-p", "1000-1009", "--rate", 5000)
        ours = {target: (found["state"], found["reason"]) for target, found in self.daemon.findings(job).items()}
        self.assertEqual({target: (theirs.get(target), ours.get(target)) for target in theirs if theirs.get(target) != ours.get(target)}, {})
        self.assert_logged_once(job, theirs)
        states = [state for state, _ in theirs.values()]
        self.assert_account(job, **{state: states.count(state) for state in ("open", "closed", "filtered")})

    def test_a_host_that_answers_everything_is_one_event(self):
        self.addCleanup(self.lab, "clear")
        self.lab("everything", 1000, "2001:2:0:40::77")
        _, job = self.scan("2001:2:0:40::70/124", "-p", "900-2399", "--states", "open")
        self.assertEqual([(line["address"], line["state"]) for line in self.daemon.lines(job, "host")],
                         [("2001:2:0:40::77", "answers-everything")])
        self.assert_account(job, filtered=0, closed=15 * 1495, hosts_answering_everything=1)

    def test_a_link_local_address_is_scanned_on_its_interface(self):
        self.lab("scope", PREFIX, FAR_ON_LINK)
        self.addCleanup(self.lab, "scope", "198.18.64.0/24", PREFIX)
        theirs = {port: state for (_, port), state in nmap(self.lab, "1000-1009", f"{FAR_ON_LINK}%near0").items()}
        _, job = self.scan(f"{FAR_ON_LINK}%near0", "-p", "1000-1009")
        found = self.daemon.lines(job, "port")
        self.assertEqual({row["port"]: (row["state"], row["reason"]) for row in found}, theirs)
        self.assertEqual({(row["address"].split("%")[0], row["interface"]) for row in found}, {(FAR_ON_LINK, "near0")})
        self.assert_account(job, targets=10, open=5, closed=5)

    def test_a_link_local_address_without_an_interface_is_refused_in_a_sentence(self):
        self.assert_refused(["scan", FAR_ON_LINK, "-p", "80"], 2, FAR_ON_LINK, "%")
        self.assert_refused(["scan", f"{FAR_ON_LINK}%nowhere0", "-p", "80"], 1, "nowhere0")

    def test_a_neighbour_with_a_global_address_is_found(self):
        self.lab("scope", PREFIX, FAR)
        self.addCleanup(self.lab, "scope", "198.18.64.0/24", PREFIX)
        _, job = self.scan(FAR, "-p", PORTS, "--states", "open")
        self.assert_logged_once(job, self.open_of([FAR]))
        self.assert_account(job, targets=20, open=5, closed=15)

    def test_the_machines_own_addresses_give_exactly_the_listeners(self):
        self.lab("listen", "near", "::1", "5432", "8125")
        self.lab("listen", "near", NEAR, "22", "8443")
        self.lab("listen", "near", NEAR_TOO, "25")
        listeners = {"::1": [5432, 8125], NEAR: [22, 8443], NEAR_TOO: [25]}
        for address, ports in listeners.items():
            with self.subTest(address=address):
                theirs = [port for (_, port), (state, _) in nmap(self.lab, "1-9000", address).items() if state == "open"]
                self.assertEqual(sorted(theirs), ports)
                _, job = self.scan(address, "-p", "1-65535", "--states", "open")
                self.assert_logged_once(job, [(address, port) for port in ports])
                self.assert_account(job, targets=65_535, open=len(ports), closed=65_535 - len(ports))
        self.assertEqual(self.lab.counters()["syn"], 0, "what is for this machine went onto the wire")

    def test_one_job_scans_addresses_of_both_families(self):
        _, job = self.scan("198.18.64.0/26", "2001:2:0:40::100/122", "[2001:2:0:40::5]:1003", "-p", PORTS, "--states", "open")
        hosts = addresses("198.18.64.0", 64) + addresses("2001:2:0:40::100", 64)
        self.assert_logged_once(job, self.open_of(hosts) | {("2001:2:0:40::5", 1003)})
        self.assert_account(job, targets=128 * 20 + 1, open=128 * 5 + 1)


class Names(LabTest):
    """Names come from a file of the near namespace alone, which `ip netns exec` puts in the place of /etc/hosts."""

    prefix = f"198.18.64.0/24 {PREFIX}"
    open_ports = ["1000-1004"]
    allow = ["198.18.64.0/24", "2001:2::/48"]

    @classmethod
    def prepare(cls):
        folder = pathlib.Path("/etc/netns", f"synscan-{cls.lab.suffix}-near")
        folder.mkdir(parents=True)
        cls.lab.before_close(lambda: remove_if_empty(folder.parent))
        cls.lab.before_close(folder.rmdir)
        hosts = folder / "hosts"
        hosts.write_text("127.0.0.1 localhost\n2001:2:0:40::a six.test\n198.18.64.10 both.test\n2001:2:0:40::b both.test\n")
        cls.lab.before_close(hosts.unlink)

    def test_a_name_with_an_ipv6_address_is_scanned_there(self):
        _, job = self.scan("six.test", "-p", "1000-1009")
        self.assert_logged_once(job, [("2001:2:0:40::a", port) for port in OPEN])

    def test_a_name_of_both_families_is_scanned_at_all_its_addresses(self):
        _, job = self.scan("both.test", "-p", "1000-1009")
        self.assert_logged_once(job, [(address, port) for address in ("198.18.64.10", "2001:2:0:40::b") for port in OPEN])


class Addressing(LabTest):
    """What stays outside of an IPv6 scope is never sent to."""

    prefix = PREFIX
    open_ports = [1000]
    allow = ["2001:2:0:40::/117"]
    sections = {"scope": {"deny": ["2001:2:0:40::7", "2001:2:0:40::100/120"]}}

    @classmethod
    def prepare(cls):
        cls.lab("scope", *cls.allow, "except", *cls.sections["scope"]["deny"])

    def test_what_is_denied_is_refused_and_what_is_excluded_is_not_probed(self):
        for target, named in (("2001:2:0:40::/120", "2001:2:0:40::7"), ("2001:2:0:40::180", "2001:2:0:40::180"),
                              ("2001:2:0:40::800", "2001:2:0:40::800"), ("ff02::1", "ff02::1")):
            with self.subTest(target=target):
                self.assert_refused(["scan", target, "-p", "1000"], 3, named)
        _, job = self.scan("2001:2:0:40::200/120", "-p", "1000", "--exclude", "2001:2:0:40::200/124")
        self.assert_logged_once(job, [(address, 1000) for address in addresses("2001:2:0:40::210", 240)])
        self.assert_account(job, targets=240, open=240)
