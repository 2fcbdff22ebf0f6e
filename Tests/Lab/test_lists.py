"""Lists and options as people have them: no exclusion is lost without a word, own output is input, nmap's lists are read."""

import json
import os
import subprocess
import tempfile

from harness import LabTest

PREFIX6 = "2001:2:0:40::/116"


def feed_back(output):
    """The README's recipe, without jq."""
    rows = [row for row in map(json.loads, output.splitlines()) if row["state"] == "open" and "port" in row]
    return "".join(f"[{row['address']}]:{row['port']}\n" if ":" in row["address"] else f"{row['address']}:{row['port']}\n" for row in rows)


class Lists(LabTest):
    prefix = f"198.18.64.0/20 {PREFIX6}"
    open_ports = [22, 80]
    allow = ["198.18.0.0/15", "2001:2::/48", "fe80::/10"]

    def write(self, content, name="list.txt"):
        path = self.daemon.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def plan(self, *arguments, **options):
        result = self.daemon.run("plan", *arguments, "--json", **options)
        self.assertEqual(result.code, 0, result)
        return json.loads(result.out)

    def test_lists_of_old_macs_are_read_whole(self):
        targets = self.write("198.18.64.1 # printer\r198.18.64.2\r198.18.64.3\r")
        self.assertEqual(self.plan("-iL", targets, "-p", "22")["targets"], 3)
        for content, left in (("# never scan these\r198.18.64.2\r", 3), ("198.18.64.1 # plc\r198.18.64.2 # plc\r198.18.64.3 # plc\r", 1),
                              ("# never\u2028198.18.64.2", 3), ("# never\f198.18.64.2", 3), ("# never\v198.18.64.2", 3),
                              ("# never\x85198.18.64.2", 3), ("\ufeff# never\r\n198.18.64.2", 3)):
            with self.subTest(content=content):
                self.assertEqual(self.plan("198.18.64.0/30", "--excludefile", self.write(content), "-p", "22")["targets"], left)

    def test_published_lists_with_semicolons_are_read(self):
        path = self.write("; DROP List\n; Last-Modified: x\n198.18.64.16/28 ; SBL1\n")
        plan = self.plan("198.18.64.0/24", "--excludefile", path, "-p", "22")
        self.assertEqual(plan["targets"], 240)
        self.assertEqual(plan["exclusions"], [{"name": str(path), "entries": 1, "addresses": 16, "targets": 16}])

    def test_every_exclusion_is_told_with_what_it_left_out(self):
        files = [self.write("198.18.64.1\n198.18.64.2\n", "some.txt"), self.write("198.18.99.1\n", "other.txt"), self.write("# none\n", "empty.txt")]
        lines = [argument for path in files for argument in ("--excludefile", path)]
        arguments = ["198.18.64.0/29", *lines, "--exclude", "198.18.64.7,198.18.77.7", "-p", "22"]
        self.assertEqual([(row["name"].split("/")[-1], row["addresses"]) for row in self.plan(*arguments)["exclusions"]],
                         [("198.18.64.7", 1), ("198.18.77.7", 0), ("some.txt", 2), ("other.txt", 0), ("empty.txt", 0)])
        result = self.daemon.run("scan", *arguments)
        self.assertEqual(result.code, 0, result)
        for words in ("empty.txt has no entry", "some.txt 2 addresses, by 2 entries", "other.txt nothing, by 1 entry", "198.18.77.7 nothing"):
            self.assertIn(words, result.err)
        self.assertEqual(self.daemon.job(self.daemon.last_job())["account"]["targets"], 5)
        shown = self.daemon.run("show", self.daemon.last_job()).out
        self.assertIn("198.18.77.7: nothing", shown)

    def test_what_is_not_sure_is_an_error_that_names_the_line(self):
        for content, *words in (
            ("198.18.64.1\n198.18.64.2 198.18.64.9\n", "line 2", "two columns", "198.18.64.2-198.18.64.9"),
            ("198.18.64.0\t255.255.255.0\n", "line 1", "two columns", "198.18.64.0/255.255.255.0"),
            ("198.18.64.2,plc\n", "line 1", "two columns"),
            ("198.18.64.2;198.18.64.3\n", "line 1", ";"),
            ("198.18.64.2 ; 198.18.64.3\n", "line 1", ";"),
            ("198.18.64.1\r\n198.18.64.2\n".encode("utf-16"), "line 1", "UTF-16", "UTF-8"),
            ("198.18.64.1\r\n198.18.64.2\n".encode("utf-16-be"), "line 1", "UTF-16", "UTF-8"),
            ("198.18.64.1\u20139\n", "line 1", "typographic dash"),
            ("198.18.64.1\u00a0\n", "line 1", "no-break space"),
        ):
            with self.subTest(content=content):
                path = self.write(content)
                self.assert_refused(["scan", "198.18.64.0/24", "--excludefile", path, "-p", "80"], 2, str(path), *words)
                self.assert_refused(["scan", "-iL", path, "-p", "80"], 2, str(path), *words)

    def test_options_that_hold_lists_add_up(self):
        self.assertEqual(self.plan("198.18.64.1", "-p", "22", "-p", "80")["ports"], 2)
        self.assertEqual(self.plan("198.18.64.1", "-p22", "--ports", "80")["ports"], 2)
        with self.lab.probes() as probes:
            result = self.daemon.run("scan", "198.18.64.1", "-p", "20-25", "--exclude-ports", "22", "--exclude-ports", "23", "--recall", "none")
        self.assertEqual(result.code, 0, result)
        self.assertEqual({probe.port for probe in probes}, {20, 21, 24, 25})

    def test_nmaps_lists_are_read(self):
        path = self.write("198.18.64-65.1-9\n198.18.66.1,3,5\n198.18.67.*\n")
        self.assertEqual(self.plan("-iL", path, "-p", "22")["addresses"], 18 + 3 + 256)
        for texts, targets in ((["198.18.64.1 - 198.18.64.9"], 9), (["198.18.64.1", "-", "198.18.64.9"], 9), (["198.18.64.0/255.255.255.0"], 256),
                               (["198.18.64.1,198.18.64.5"], 2), (["198.18.64.1:22,80"], 2), (["https://198.18.64.1:8443/x"], 1),
                               (["::ffff:198.18.64.5"], 1)):
            with self.subTest(texts=texts):
                self.assertEqual(self.plan(*texts, "-p", "22")["targets"], targets)
                self.assertEqual(self.plan("-iL", "-", "-p", "22", text=" ".join(texts) + "\n")["targets"], targets)
        self.assertEqual(self.plan("198.18.64.1", "-p", "T:22,80/tcp")["ports"], 2)
        self.assert_refused(["plan", "198.18.64.1", "-p", "U:53"], 2, "UDP")
        self.assert_refused(["plan", "198[.]18[.]64[.]1", "-p", "22"], 2, "defanged", "198.18.64.1")
        self.assert_refused(["plan", "10.*.*.1,3", "-p", "22"], 2, "65536")

    def test_the_daemon_reads_the_same_without_the_client(self):
        plan = self.daemon.ask("POST", "/v1/plans", {"targets": ["198.18.64-65.1-9", "198.18.66.1,198.18.66.9", "::ffff:198.18.67.1"], "ports": "22/tcp"})
        self.assertEqual(plan["targets"], 18 + 2 + 1)
        for targets, *words in ((["2001:2:0:40::1:22", "198.18.64.1:22"], "[2001:2:0:40::1]:22"), (["198.18.64.1\u2013"], "dash"),
                                ([f"10.*.*.{last}" for last in range(0, 20, 2)], "separate blocks")):
            status, answer = self.daemon.http("POST", "/v1/plans", {"targets": targets, "ports": "22"})
            self.assertEqual(status, 400)
            for word in words:
                self.assertIn(word, json.dumps(answer, ensure_ascii=False))

    def test_what_was_found_can_be_fed_back(self):
        self.lab("scope", *self.prefix.split(), "fe80::2")
        self.addCleanup(self.lab, "scope", *self.prefix.split())
        for targets in (["2001:2:0:40::1-2001:2:0:40::3", "198.18.64.1-3"], ["fe80::2%near0"]):
            with self.subTest(targets=targets):
                result, job = self.scan(*targets, "-p", "22,80", "--report-hosts")
                found = feed_back(self.daemon.run("results", job, "--json").out)
                self.assertEqual(len(found.splitlines()), 2 * sum(3 if "-" in target else 1 for target in targets))
                again = self.daemon.run("scan", "-iL", "-", text=found)
                self.assertEqual(again.code, 0, again)
                second = self.daemon.last_job()
                self.assertEqual(set(self.daemon.findings(second)), set(self.daemon.findings(job)))
                self.assert_account(second, targets=len(found.splitlines()), open=len(found.splitlines()))
        self.assertIn("fe80::2%near0", result.out)
        addresses = "".join(row["address"] + "\n" for row in map(json.loads, self.daemon.run("results", job, "--json").out.splitlines()))
        self.assertEqual(self.plan("-iL", "-", "-p", "22", text=addresses)["targets"], 1)
        self.assertEqual({row["address"] for row in self.daemon.lines(job) if "address" in row}, {"fe80::2%near0"})
        self.lab("reset")
        self.assert_refused(["scan", "-iL", "-"], 2, "line 1", "[2001:2:0:40::1]:22", text="2001:2:0:40::1:22\n198.18.64.1:22\n")

    def test_nmaps_options_are_taken_or_explained(self):
        self.assertEqual(self.daemon.run("plan", "-sS", "-Pn", "-n", "198.18.64.1", "-p", "22").code, 0)
        self.assert_refused(["scan", "-sS", "-Pn", "-T4", "-oX", "out.xml", "198.18.64.1", "-p", "22"], 2, "-oX", "-T4", "synscan results")


class LargeLists(LabTest):
    """Two million entries that no range joins."""

    alone = True
    allow = ["127.0.0.0/8"]
    sections = {"limits": {"max_rate": 1_000_000}}
    shares_daemon = False

    def test_a_list_of_two_million_addresses_takes_little_memory(self):
        self.own_daemon().start()
        code, memory, err = self.measured("scan", "-p", "9", "-iL", self.every_second_address("targets.txt"), "--states", "open")
        self.assertEqual(code, 0, err)
        self.assert_account(self.daemon.last_job(), closed=2_000_000)
        self.assertLess(memory, 128 << 10)
        self.assertLess(self.daemon.memory("VmHWM"), 256 << 10)

    def test_so_does_a_list_of_two_million_exclusions(self):
        self.own_daemon().start()
        path = self.every_second_address("exclusions.txt")
        code, memory, err = self.measured("scan", "-p", "9", "127.0.0.0-127.0.1.255", "--excludefile", path, "--states", "open")
        self.assertEqual(code, 0, err)
        self.assertIn("256 addresses, by 2,000,000 entries", err)
        self.assert_account(self.daemon.last_job(), closed=256)
        self.assertLess(memory, 128 << 10)
        self.assertLess(self.daemon.memory("VmHWM"), 256 << 10)

    def every_second_address(self, name):
        path = self.daemon.directory / name
        with path.open("w") as file:
            for high in range(62):
                count = min(32_768, 2_000_000 - 32_768 * high)
                file.write("".join(f"127.{high}.{low >> 7}.{2 * low & 255}\n" for low in range(count)))
        return path

    def measured(self, *arguments):
        """A command's exit code, the most KiB that it had in memory, and what it said."""
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(self.daemon.synscan(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=output)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            return process.returncode, usage.ru_maxrss, output.read()


class DenyFiles(LabTest):
    open_ports = [22]
    allow = ["198.18.0.0/15", "64:ff9b::/96", "2002::/16"]
    shares_daemon = False

    def daemon_denying(self, content):
        daemon = self.new_daemon(scope={"allow": self.allow, "deny_files": []})
        path = daemon.directory / "deny.txt"
        path.write_bytes(content)
        daemon.sections["scope"]["deny_files"] = [str(path)]
        daemon.configure()
        return daemon

    def test_whatever_ends_the_lines_of_a_deny_file_it_denies(self):
        daemon = self.daemon_denying(b"# never scan these\r198.18.64.2\r").start()
        refused = daemon.run("scan", "198.18.64.2", "-p", "22")
        self.assertEqual(refused.code, 3, refused)
        self.assertIn("denies", refused.err)
        for address in ("64:ff9b::198.18.64.2", "2002:c612:4002::1"):
            self.assertIn("denies", daemon.run("scan", address, "-p", "22").err)
        self.assertIn("deny.txt (1 entry, ", daemon.run("status").out)

    def test_a_deny_file_without_an_entry_is_told(self):
        daemon = self.daemon_denying(b"# 198.18.64.2\n").start()
        self.assertIn("deny.txt has no entry", daemon.output())
        self.assertIn("no entry", daemon.run("status").out)
        check = subprocess.run(daemon.command() + ["--check-config"], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0)
        self.assertIn("deny.txt has no entry", check.stderr)

    def test_a_deny_file_that_cannot_be_read_for_sure_keeps_the_daemon_from_starting(self):
        for content, *words in (("198.18.64.2\n".encode("utf-16"), "UTF-16"), (b"198.18.64.1\n198.18.64.2 198.18.64.9\n", "line 2", "two columns")):
            result = self.daemon_denying(content).fails_to_start()
            self.assertGreater(result.code, 0, result)
            self.assert_sentence(result.err, "deny.txt", *words)
