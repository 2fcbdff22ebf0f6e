"""A power failure for a program's files, see volatile.c."""

import os
import pathlib
import shutil
import tempfile

from harness import compile_helper


class Power:
    """Takes away from the files of one directory, after their program was killed, what it had not made durable. The image lies beside.

    Each sync takes `delay` milliseconds longer.
    """

    def __init__(self, directory, delay=0):
        self.directory = pathlib.Path(directory)
        self.delay = delay
        self.image = pathlib.Path(tempfile.mkdtemp(prefix="synscan-image-", dir=self.directory.parent))
        self._library = compile_helper("volatile", "-shared", "-fPIC")

    @property
    def environment(self):
        """What the program must be started with. It makes the image anew."""
        beside = self.image / "image"
        beside.mkdir(exist_ok=True)
        return {
            "LD_PRELOAD": self._library, "VOLATILE_DIRECTORY": self.directory, "VOLATILE_IMAGE": beside, "VOLATILE_DELAY": str(self.delay),
        }

    def cut(self):
        """Makes the directory what a power failure would have left of it. Inodes keep their numbers, owners and modes."""
        beside = self.image / "image"
        if not (beside / "names").exists():
            return  # killed before it could write anything
        aside = self.image / "aside"
        aside.mkdir()
        for path in [*self.directory.rglob("*"), *(beside / "kept").iterdir()]:
            if path.is_file() and not path.is_symlink():
                path.replace(aside / str(path.stat().st_ino))
        for line in (beside / "names").read_text().splitlines():
            inode, name = line.split(" ", 1)
            if not (aside / inode).exists():
                (aside / inode).touch()
            shutil.copyfile(beside / "content" / inode, aside / inode)  # into the same inode
            os.link(aside / inode, self.directory / name)
        shutil.rmtree(aside)
        shutil.rmtree(beside)
