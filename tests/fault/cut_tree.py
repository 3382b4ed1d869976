"""What a disk holds, and what of it outlives a power cut: files, directories, and which of their changes were synced.

Owns the model of the file system that tests cut. A change is only *pending* until it is synced. Syncing a file makes
its contents durable and, like the journal of ext4 or XFS, every earlier change of a name (`Names.JOURNALLED`); under
`Names.STRICT`, all that POSIX promises, a name is durable only once its directory was synced. At a cut every pending
change is lost, or, with `keep`, each 512 bytes of it are kept or lost by themselves, as a disk may write in any order.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

SECTOR = 512


class Names(StrEnum):
    """When a created, renamed or removed name is durable."""

    JOURNALLED = "journalled"
    STRICT = "strict"


@dataclass(eq=False)
class File:
    """A file: its contents as seen, as durable, and the changes in between: (offset, bytes) or (new size, None)."""

    mode: int
    data: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def write(self, offset: int, content: bytes | None) -> None:
        """Write at an offset, or cut to (fill to) a size."""
        apply(self.data, offset, content)
        self.pending.append((offset, content))

    def sync(self) -> None:
        """Make all contents durable."""
        for offset, content in self.pending:
            apply(self.durable, offset, content)
        self.pending.clear()

    def survivor(self, dice: random.Random, keep: float) -> bytes:
        """Return the contents after a cut; each pending sector is kept with probability `keep`."""
        found = bytearray(self.durable)
        for offset, content in self.pending:
            for begin, part in sectors(offset, content):
                if dice.random() < keep:
                    apply(found, begin, part)
        return bytes(found)


@dataclass(eq=False)
class Folder:
    """A directory: its names as seen and as durable."""

    mode: int
    names: "dict[bytes, Node]" = field(default_factory=dict)
    durable: "dict[bytes, Node]" = field(default_factory=dict)


Node = File | Folder
# One change of names, whole or not at all: name in folder is now this node, or none.
Change = list[tuple[Folder, bytes, Node | None]]


class Tree:
    """A whole file system."""

    def __init__(self, names: Names = Names.JOURNALLED) -> None:
        self.root = Folder(0o755)
        self._names = names
        self._pending: list[Change] = []

    def rename(self, change: Change) -> None:
        """Change names: create, remove and rename are all this."""
        make(change, durable=False)
        self._pending.append(change)

    def sync(self, node: Node) -> None:
        """Do what fsync of a file or directory promises."""
        if isinstance(node, File):
            node.sync()
        due = [
            change
            for change in self._pending
            if self._names is Names.JOURNALLED or any(folder is node for folder, _, _ in change)
        ]
        for change in due:
            make(change, durable=True)
        self._pending = [change for change in self._pending if change not in due]

    def survive(self, target: Path, *, seed: int = 0, keep: float = 0.0) -> None:
        """Write what is there after a cut into a directory; the tree itself is left as it is."""
        dice = random.Random(seed)
        names = {id(folder): dict(folder.durable) for folder in _folders(self.root)}
        kept = len(self._pending) if keep >= 1 else 0
        if self._names is Names.JOURNALLED and 0 < keep < 1:
            kept = dice.randint(0, len(self._pending))  # a journal is written in order
        for at, change in enumerate(self._pending):
            if at < kept or (self._names is Names.STRICT and dice.random() < keep):
                for folder, name, node in change:
                    found = names.setdefault(id(folder), {})
                    found.pop(name, None) if node is None else found.update({name: node})
        _store(self.root, target, names, dice, keep)


def apply(data: bytearray, offset: int, content: bytes | None) -> None:
    """Write at an offset, filling a gap with zeros; without content: cut or fill to the size `offset`."""
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    if content is None:
        del data[offset:]
    else:
        data[offset : offset + len(content)] = content


def sectors(offset: int, content: bytes | None) -> Iterator[tuple[int, bytes | None]]:
    """Cut one change into those that a disk makes by themselves."""
    if content is None:
        yield offset, None
        return
    end = offset + len(content)
    while offset < end:
        stop = min(end, (offset // SECTOR + 1) * SECTOR)
        yield offset, content[len(content) - (end - offset) : len(content) - (end - stop)]
        offset = stop


def make(change: Change, *, durable: bool) -> None:
    """Apply a change of names to what is seen or to what is durable."""
    for folder, name, node in change:
        names = folder.durable if durable else folder.names
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _folders(top: Folder) -> Iterator[Folder]:
    yield top
    for node in {id(node): node for node in (*top.names.values(), *top.durable.values())}.values():
        if isinstance(node, Folder):
            yield from _folders(node)


def _store(folder: Folder, target: Path, names: dict[int, dict[bytes, Node]], dice: random.Random, keep: float) -> None:
    target.mkdir(parents=True)
    for name, node in names.get(id(folder), {}).items():
        path = target / name.decode()
        if isinstance(node, Folder):
            _store(node, path, names, dice, keep)
        else:
            path.write_bytes(node.survivor(dice, keep))
        path.chmod(node.mode)
