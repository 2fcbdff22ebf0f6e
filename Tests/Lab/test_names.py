"""Lists of names of which some are dead: the others are scanned, and the dead ones are told wherever somebody looks."""

import json
import pathlib
import shutil
import subprocess
import time

from harness import HERE, LabTest, end_quietly, leftovers, wait_until

# A name server in a namespace: hN.example is 198.18.64.0 + N, what begins with slow is never answered, others are unknown.
SERVER = r"""
import ipaddress, socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", flush=True)
while True:
    question, client = server.recvfrom(4096)
    end = question.index(b"\0", 12)
    labels, place = [], 12
    while place < end:
        labels.append(question[place + 1:place + 1 + question[place]].decode())
        place += 1 + question[place]
    kind, copy = question[end + 1:end + 3], question[12:end + 5]
    if labels[0].startswith("slow"):
        continue
    known = labels[0][:1] == "h" and labels[0][1:].isdigit()
    is_a = known and kind == b"\0\1"
    flags = b"\x81\x80" if known else b"\x81\x83"
    answer = question[:2] + flags + b"\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0" + copy
    if is_a:
        answer += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + (ipaddress.ip_address("198.18.64.0") + int(labels[0][1:])).packed
    server.sendto(answer, client)
"""


class Names(LabTest):
    open_ports = (22,)
    sections = {"limits": {"max_rate": 100_000}}

    @classmethod
    def prepare(cls):
        super().prepare()
        # ip-netns(8) puts these files in the place of those of /etc.
        folder = pathlib.Path("/etc/netns", f"synscan-{cls.lab.suffix}-near")
        folder.mkdir(parents=True)
        cls.addClassCleanup(shutil.rmtree, folder)
        (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:3 attempts:2\n")
        cls.lab("exec", "near", "ip", "link", "set", "lo", "up")
        server = subprocess.Popen(cls.lab.near("python3", "-c", SERVER), stdout=subprocess.PIPE, text=True, start_new_session=True)
        cls.addClassCleanup(end_quietly, server)
        assert server.stdout.readline() == "ready\n"

    def scan_list(self, names, *options):
        result = self.daemon.run("scan", "-iL", "-", "-p", "22", "--name", f"names-{time.time_ns()}", *options, text="\n".join(names) + "\n")
        return result, self.daemon.last_job()

    def test_the_others_are_scanned_and_the_dead_ones_are_told(self):
        names = ["h1.example", "gone1.example", "h2.example", "gone2.example:80"]
        result, job = self.scan_list(names)
        self.assertEqual(result.code, 5, result)
        self.assertEqual(sorted(self.daemon.findings(job)), [("198.18.64.1", 22), ("198.18.64.2", 22)])
        dead = ["gone1.example", "gone2.example"]
        self.assertIn("2 names did not resolve: gone1.example, gone2.example", result.err)
        self.assertIn("2 names did not resolve: gone1.example, gone2.example", self.daemon.run("show", job).out)
        shown = self.daemon.job(job)
        self.assertEqual((shown["unresolved"], shown["account"]["unresolved_names"]), (dead, 2))
        for event in "job.queued", "job.finished":
            self.assertEqual([line["unresolved"] for line in self.daemon.lines(job, event)], [dead], event)
        plan = self.daemon.run("plan", *names, "-p", "22")
        self.assertEqual(plan.code, 5, plan)
        for name in dead:
            self.assertIn(f"{name}", plan.out)
        told = json.loads(self.daemon.run("plan", *names, "-p", "22", "--json").out)
        self.assertEqual([each["name"] for each in told["unresolved"]], dead)
        self.assertEqual(told["targets"], 2)

    def test_strict_and_lists_of_dead_names_alone_and_dead_exclusions_refuse_and_name_all(self):
        before = self.daemon.last_job()
        for arguments in (["h1.example", "gone1.example", "gone2.example", "--strict"], ["gone1.example", "gone2.example"],
                          ["h1.example", "--exclude", "gone1.example,gone2.example"]):
            with self.subTest(arguments=arguments):
                result = self.daemon.run("scan", *arguments, "-p", "22")
                self.assertEqual(result.code, 2, result)
                self.assertIn("gone1.example", result.err)
                self.assertIn("gone2.example", result.err)
        self.assertEqual(self.daemon.run("plan", "h1.example", "h2.example", "-p", "22", "--strict").code, 0)
        self.assertEqual(self.daemon.last_job(), before)

    def test_a_job_file_can_be_strict(self):
        file = self.daemon.directory / "strict.toml"
        file.write_text('targets = ["h1.example", "gone1.example"]\nports = 22\nstrict = true\n')
        self.assertEqual(self.daemon.run("scan", "--job", file).code, 2)
        file.write_text('targets = ["h1.example", "gone1.example"]\nports = 22\n')
        self.assertEqual(self.daemon.run("scan", "--job", file).code, 5)

    def test_1500_names_are_scanned(self):
        names = [f"h{number}.example" for number in range(1, 1301)] + [f"gone{number}.example" for number in range(200)]
        result, job = self.scan_list(names)
        self.assertEqual(result.code, 5, result)
        account = self.daemon.job(job)["account"]
        self.assertEqual((account["open"], account["unresolved_names"]), (1300, 200))
        self.assertIn("200 names did not resolve", result.err)
        print(f"       1500 names scanned in {result.seconds:.1f} s", flush=True)
