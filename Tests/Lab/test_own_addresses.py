"""The machine's own addresses."""

from harness import LabTest


class OwnAddresses(LabTest):
    allow = ["127.0.0.0/8", "198.18.0.1", "198.18.1.1"]
    sections = {"limits": {"max_rate": 100_000}}
    private = [22, 53, 631, 3306, 5432, 6379, 8125, 9000, 11211, 27017]
    public = [21, 25, 80, 110, 143, 443, 993, 8080, 8443, 60999]

    @classmethod
    def prepare(cls):
        cls.lab("listen", "near", "127.0.0.1", *cls.private)
        cls.lab("listen", "near", "0.0.0.0", *cls.public)

    def test_all_ports_of_the_loopback_give_exactly_the_20_listeners(self):
        _, job = self.scan("127.0.0.1", "-p", "1-65535")
        self.assert_logged_once(job, [("127.0.0.1", port) for port in self.private + self.public])
        self.assert_account(job, targets=65_535, open=20, closed=65_515)

    def test_an_own_address_gives_only_what_listens_there(self):
        for address in ("198.18.0.1", "198.18.1.1"):
            _, job = self.scan(address, "-p", "1-65535")
            self.assert_logged_once(job, [(address, port) for port in self.public])
            self.assert_account(job, targets=65_535, open=10, closed=65_525)
        self.assertEqual(self.lab.counters()["syn"], 0, "what is for this machine went onto the wire")
