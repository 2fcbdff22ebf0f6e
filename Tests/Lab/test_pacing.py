"""The rate on the wire."""

from harness import LabTest


class Pacing(LabTest):
    alone = True
    prefix = "198.18.64.0/19"
    sections = {"limits": {"max_rate": 100_000}, "scope": {"allow": [prefix]}}

    def test_the_rate_on_the_wire_is_the_rate_that_was_asked_for_and_never_ahead_of_it(self):
        # The far side works on the sender's core. Above some 80,000 a second its answers would fill it, so there it counts and is silent.
        self.lab("silent", "198.18.80.0/20:1-60")
        # As many targets as the rate sends in about ten seconds when it is low, in two to five when it is high.
        for rate, *targets in (
            (1, "198.18.64.1", "-p", "1-11"),
            (10, "198.18.64.1", "-p", "1-101"),
            (1000, "198.18.64.0/24", "-p", "1-20"),
            (20_000, "198.18.64.0/20", "-p", "1-15"),
            (100_000, "198.18.80.0/20", "-p", "1-60"),
        ):
            with self.subTest(rate=rate):
                # A machine that is busy with something else can hold a sender up, never push it ahead.
                errors = [self.error_of(rate, targets)]
                while errors[-1] > 1 and len(errors) < 3:
                    errors.append(self.error_of(rate, targets))
                self.assertLessEqual(errors[-1], 1, f"off the rate, in allowed errors, at each attempt: {errors}")

    def error_of(self, rate, targets):
        """How far the SYNs of a scan are off its rate, as a share of what is allowed; fails when they are ahead of it."""
        self.lab("reset")
        with self.lab.arrivals() as times:
            _, job = self.scan(*targets, "--rate", rate, "--retries", 0)
        count = self.assert_account(job)["probes_sent"]
        counted = self.lab.counters()
        self.assertEqual((counted["syn"], counted["rst"], len(times)), (count, 0, count))
        ahead = max(i - rate * (time - times[0]) for i, time in enumerate(times))
        self.assertLessEqual(ahead, max(64, rate / 1000), "probes ahead of the rate")
        expected = rate * (times[-1] - times[0])
        return abs(count - 1 - expected) / max(1, 0.01 * expected)
