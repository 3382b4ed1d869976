"""A file system that shows what a power cut would leave: `python -m fault.cut_fs MOUNTPOINT CUTS EVERY NAMES`.

Owns the requests of the kernel over a `Tree`. Before every EVERY-th change or sync it writes into the directory CUTS
what a disk would hold if the power went at this moment: `<number>-lost` has nothing that was not synced,
`<number>-some` a random half of it, sector by sector. Beside them `<number>.told` is the file `told` as programs saw
it: what those who wrote it had been told by then, so that it can be asked of what is left. Serves until stdin ends.
"""

import errno
import select
import stat
import sys
from pathlib import Path

from fault import fuse
from fault.cut_tree import File, Folder, Names, Node, Tree
from fault.fuse import Attributes, Op

ROOT = 1
TOLD = "told"
# What a cut may come before: everything that changes or syncs something.
CHANGES = (Op.WRITE, Op.SETATTR, Op.MKDIR, Op.UNLINK, Op.RMDIR, Op.RENAME, Op.RENAME2, Op.CREATE, Op.FSYNC, Op.FSYNCDIR)


class CutFs:
    """The requests over one tree."""

    def __init__(self, tree: Tree, cuts: Path, every: int) -> None:
        self.tree = tree
        self._cuts = cuts
        self._every = every
        self._changes = 0
        self._nodes: dict[int, Node] = {ROOT: tree.root}
        self._numbers: dict[int, int] = {id(tree.root): ROOT}

    def handle(self, op: Op, node: int, body: bytes) -> bytes:
        """Answer one request of the kernel; raises OSError."""
        if op in CHANGES:
            self._changes += 1
            if self._changes % self._every == 0:
                self._show_cut()
        answer: bytes = getattr(self, f"_{op.name.lower()}")(node, body)
        return answer

    def _show_cut(self) -> None:
        told = self.tree.root.names.get(TOLD.encode())
        name = f"{self._changes:06}"
        (self._cuts / f"{name}.told").write_bytes(told.data if isinstance(told, File) else b"")
        self.tree.survive(self._cuts / f"{name}-lost")
        self.tree.survive(self._cuts / f"{name}-some", seed=self._changes, keep=0.5)

    def _number(self, node: Node) -> int:
        number = self._numbers.setdefault(id(node), len(self._numbers) + 1)
        self._nodes[number] = node
        return number

    def _shown(self, node: Node) -> Attributes:
        kind, size = (stat.S_IFREG, len(node.data)) if isinstance(node, File) else (stat.S_IFDIR, 0)
        return Attributes(self._number(node), kind | node.mode, size)

    def _folder(self, number: int) -> Folder:
        found = self._nodes[number]
        assert isinstance(found, Folder)
        return found

    def _file(self, number: int) -> File:
        found = self._nodes[number]
        assert isinstance(found, File)
        return found

    def _named(self, folder: int, name: bytes) -> Node:
        found = self._folder(folder).names.get(name)
        if found is None:
            raise OSError(errno.ENOENT, name)
        return found

    def _init(self, _node: int, body: bytes) -> bytes:
        return fuse.init(body)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return fuse.entry(self._shown(self._named(node, fuse.strings(body)[0])))

    def _getattr(self, node: int, _body: bytes) -> bytes:
        return fuse.attributes(self._shown(self._nodes[node]))

    def _setattr(self, node: int, body: bytes) -> bytes:
        size, mode = fuse.setattr_in(body)
        if size is not None:
            self._file(node).write(size, None)
        if mode is not None:
            self._nodes[node].mode = mode & 0o7777
        return self._getattr(node, body)

    def _make(self, folder: int, name: bytes, made: Node) -> bytes:
        if name in self._folder(folder).names:
            raise OSError(errno.EEXIST, name)
        self.tree.rename([(self._folder(folder), name, made)])
        return fuse.entry(self._shown(made))

    def _mkdir(self, node: int, body: bytes) -> bytes:
        return self._make(node, fuse.strings(body[8:])[0], Folder(int.from_bytes(body[:4], "little") & 0o7777))

    def _create(self, node: int, body: bytes) -> bytes:
        mode = int.from_bytes(body[4:8], "little") & 0o7777
        return self._make(node, fuse.strings(body[16:])[0], File(mode)) + fuse.opened()

    def _unlink(self, node: int, body: bytes) -> bytes:
        name = fuse.strings(body)[0]
        self._named(node, name)
        self.tree.rename([(self._folder(node), name, None)])
        return b""

    def _rmdir(self, node: int, body: bytes) -> bytes:
        gone = self._named(node, fuse.strings(body)[0])
        if isinstance(gone, Folder) and gone.names:
            raise OSError(errno.ENOTEMPTY, "not empty")
        return self._unlink(node, body)

    def _rename(self, node: int, body: bytes, *, names_at: int = 8) -> bytes:
        target = self._folder(int.from_bytes(body[:8], "little"))
        old, new = fuse.strings(body[names_at:])
        moved = self._named(node, old)
        self.tree.rename([(self._folder(node), old, None), (target, new, moved)])
        return b""

    def _rename2(self, node: int, body: bytes) -> bytes:
        return self._rename(node, body, names_at=16)

    def _open(self, _node: int, _body: bytes) -> bytes:
        return fuse.opened()

    _opendir = _open

    def _read(self, node: int, body: bytes) -> bytes:
        offset, size = fuse.read_in(body)
        return bytes(self._file(node).data[offset : offset + size])

    def _write(self, node: int, body: bytes) -> bytes:
        offset, content = fuse.write_in(body)
        self._file(node).write(offset, content)
        return fuse.written(len(content))

    def _readdir(self, node: int, body: bytes) -> bytes:
        offset, size = fuse.read_in(body)
        shown = [(name, self._shown(found)) for name, found in self._folder(node).names.items()]
        return fuse.listing([(name, one.node, one.mode) for name, one in shown], offset, size)

    def _fsync(self, node: int, _body: bytes) -> bytes:
        self.tree.sync(self._nodes[node])
        return b""

    _fsyncdir = _fsync

    def _statfs(self, _node: int, _body: bytes) -> bytes:
        return fuse.space()

    def _nothing(self, _node: int, _body: bytes) -> bytes:
        return b""

    _release = _releasedir = _flush = _forget = _batch_forget = _interrupt = _destroy = _nothing


def main(point: str, cuts: str, every: str, names: str = Names.JOURNALLED) -> None:
    """Serve until stdin ends."""
    fs = CutFs(Tree(Names(names)), Path(cuts), int(every))
    device = fuse.mount(point)
    try:
        print("mounted", flush=True)
        while True:
            ready, _, _ = select.select([device, sys.stdin], [], [])
            if sys.stdin in ready or not fuse.serve_one(device, fs.handle):
                return
    finally:
        fuse.unmount(point)


if __name__ == "__main__":
    main(*sys.argv[1:])
