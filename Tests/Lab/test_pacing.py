"""The rate on the wire."""

from harness import LabTest


class Pacing(LabTest):
    sections = {"limits": {"max_rate": 100_000}}

    def test_the_rate_on_the_wire_is_the_rate_that_was_asked_for_and_never_ahead_of_it(self):
        # Targets, as many as the rate sends in about ten seconds when it is low, in two to five when it is high.
        for rate, targets in (
            (1, ["198.18.64.1", "-p", "1-11"]),
            (10, ["198.18.64.1", "-p", "1-101"]),
            (1000, ["198.18.64.0/24", "-p", "1-20"]),
            (20_000, ["198.18.64.0/20", "-p", "1-15"]),
            (100_000, ["198.18.64.0/20", "-p", "1-60"]),
        ):
            with self.subTest(rate=rate):
                self.lab("reset")
                with self.lab.arrivals() as times:
                    _, job = self.scan(*targets, "--rate", rate, "--retries", 0)
                count = self.assert_account(job, filtered=0)["probes_sent"]
                counted = self.lab.counters()
                self.assertEqual((counted["syn"], counted["rst"], len(times)), (count, 0, count))
                expected = rate * (times[-1] - times[0])
                self.assertLessEqual(abs(count - 1 - expected), max(1, 0.01 * expected), f"{expected:.1f} probes in that time")
                ahead = max(i - rate * (time - times[0]) for i, time in enumerate(times))
                self.assertLessEqual(ahead, max(64, rate / 1000), "ahead of the rate")
