"""The packet path allocates nothing and does not grow."""

import json
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "Benchmarks"))

import operations

GROWTH = 1.05


class PacketPath(unittest.TestCase):
    alone = True

    def test_no_operation_of_a_packet_allocates(self):
        for operation in operations.PACKET:
            with self.subTest(operation=operation):
                # What a second or a batch costs is less than this; one in a packet would be 1.
                self.assertLess(operations.allocations(operation, 2_000_000), 0.01)

    def test_no_operation_of_a_packet_takes_more_instructions_than_were_committed(self):
        committed = json.loads(operations.COMMITTED.read_text())
        self.assertEqual(set(committed), set(operations.PACKET))
        for operation, count in committed.items():
            with self.subTest(operation=operation):
                self.assertLessEqual(operations.instructions(operation, 200_000), GROWTH * count)
