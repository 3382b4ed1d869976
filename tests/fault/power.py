"""Running programs on a file system whose power is cut, as it were, again and again: `cut_fs` in a process of its own.

Owns mounting it where the machine allows: as root, or else in a user namespace, which most Linux systems let anybody
make. Where neither works the tests fail and say what is missing: a promise that was not tested is not kept.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fault.cut_fs import TOLD
from fault.cut_tree import Names

TESTS = Path(__file__).parents[1]
HOW = (
    "the power-cut tests need a file system in user space: /dev/fuse, readable and writable, and either root or "
    "unprivileged user namespaces (unshare -Urm)"
)


@dataclass(frozen=True)
class Cut:
    """What one cut left in `folder`, and the lines that had been told by then."""

    name: str
    folder: Path
    told: list[str]


@dataclass(frozen=True)
class CutDisk:
    """A mounted file system; start programs that use it with `prefix` before their command."""

    point: Path
    cuts: Path
    prefix: list[str]

    def run(self, module: str, *arguments: str) -> None:
        """Run a Python module of the tests on it until it ends."""
        command = [*self.prefix, sys.executable, "-m", module, str(self.point), *arguments]
        subprocess.run(command, cwd=TESTS, check=True, timeout=600)

    def all(self) -> Iterator[Cut]:
        """Return every cut so far, two for each moment."""
        for told in sorted(self.cuts.glob(f"*.{TOLD}")):
            # The last line may have been on its way.
            lines = told.read_text().rpartition("\n")[0].splitlines()
            for kind in ("lost", "some"):
                name = f"{told.stem}-{kind}"
                yield Cut(name, self.cuts / name, lines)


@contextmanager
def cut_disk(folder: Path, *, every: int, names: Names = Names.JOURNALLED) -> Iterator[CutDisk]:
    """Mount below `folder`; its power is cut, as it were, at every `every`-th change or sync."""
    point, cuts = folder / "disk", folder / "cuts"
    point.mkdir()
    cuts.mkdir()
    alone = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*alone, sys.executable, "-m", "fault.cut_fs", str(point), str(cuts), str(every), names.value]
    serving = subprocess.Popen(command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert serving.stdin is not None
    assert serving.stdout is not None
    try:
        assert serving.stdout.readline() == "mounted\n", HOW
        inside = ["nsenter", "--user", "--mount", "--preserve-credentials", f"--target={serving.pid}"] if alone else []
        yield CutDisk(point, cuts, inside)
    finally:
        serving.stdin.close()
        serving.wait(60)
