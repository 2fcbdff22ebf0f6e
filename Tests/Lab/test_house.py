"""The map of the code, Sources/README.md, is true: what it lists is there, and arrows point down only."""

import collections
import pathlib
import re
import unittest

SOURCES = pathlib.Path(__file__).resolve().parent.parent.parent / "Sources"
DECLARATION = re.compile(r"^(?:package |final |indirect )*(?:struct|enum|class|actor|protocol|typealias) (\w+)", re.M)
# What each target may import of this project; Package.swift says the same to the compiler.
TARGETS = {
    "ScanTargets": set(), "ScanCore": {"ScanTargets", "CMath"}, "PacketIO": {"ScanTargets", "ScanCore", "CPcap", "CLinux", "CFrames"},
    "ScanEngine": {"ScanTargets", "ScanCore", "PacketIO"}, "ScanAPI": {"ScanTargets"}, "ScanFiles": set(),
    "ScanService": {"ScanTargets", "ScanCore", "PacketIO", "ScanEngine", "ScanAPI", "ScanFiles", "CLinux"},
    "ScanClient": {"ScanTargets", "ScanAPI", "ScanFiles"}, "synscand": {"ScanService", "ScanAPI"}, "synscan": {"ScanClient"},
}
HEADERS = {"CMath", "CPcap", "CLinux", "CFrames"}


def files(place):
    return sorted((SOURCES / place).rglob("*.swift"))


def code(file):
    """Without comments."""
    return re.sub(r"//.*", "", file.read_text())


class House(unittest.TestCase):
    def folders(self):
        """Those of the map, in its order, by target."""
        found = collections.defaultdict(list)
        for row in re.findall(r"^\| (`\w+/.*?) \|", (SOURCES / "README.md").read_text(), re.M):
            for target, folder in re.findall(r"`(\w+)/(\w+)`", row):
                found[target].append(folder)
        return found

    def test_the_map_names_each_target_and_each_folder(self):
        self.assertEqual({path.name for path in SOURCES.iterdir() if path.is_dir()}, TARGETS.keys() | HEADERS)
        for target, folders in self.folders().items():
            there = {path.name for path in (SOURCES / target).iterdir() if path.is_dir()}
            self.assertEqual(there, set(folders), target)

    def test_a_target_imports_only_what_lies_below_it(self):
        ours = TARGETS.keys() | HEADERS
        for target, below in TARGETS.items():
            for file in files(target):
                imported = set(re.findall(r"^(?:package )?import (\w+)", file.read_text(), re.M)) & ours
                self.assertLessEqual(imported, below, file)

    def test_the_scanners_rules_know_no_libc(self):
        for file in files("ScanCore"):
            imported = set(re.findall(r"^(?:package )?import (\w+)", file.read_text(), re.M))
            self.assertLessEqual(imported, {"ScanTargets", "CMath", "Synchronization"}, file)

    def test_a_folder_uses_only_folders_that_stand_before_it(self):
        for target in ("ScanCore", "PacketIO"):
            folders = self.folders()[target]
            homes = {name: folder for folder in folders for file in files(f"{target}/{folder}") for name in DECLARATION.findall(code(file))}
            for number, folder in enumerate(folders):
                for file in files(f"{target}/{folder}"):
                    used = {homes[word] for word in re.findall(r"\b[A-Z]\w+", code(file)) if word in homes}
                    self.assertLessEqual(used, set(folders[:number + 1]), file)
