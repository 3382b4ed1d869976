"""Full tiles against the leaf hashes of the entries, level by level (C2SP tlog-tiles)."""

from typing import Final

from sqlalchemy import Connection

from placet.audit.checking.findings import Findings
from placet.audit.checking.streaming import Rows
from placet.audit.statements import Session
from placet.tlog.hashing import HASH_SIZE
from placet.tlog.tree import LevelTree

TILE_BYTES: Final = 256 * HASH_SIZE
_LEVEL: Final = "SELECT number, root, hashes FROM tile WHERE log = ? AND level = ? ORDER BY number"
_BEYOND: Final = (
    "SELECT level, number FROM tile WHERE log = ? AND (level < 0 OR level >= ?) ORDER BY level, number LIMIT 1"
)


class TileCheck:
    """Takes leaf hashes in order and compares each tile that they complete."""

    def __init__(self, connection: Connection, log: int, found: Findings) -> None:
        self._connection = connection
        self._log = log
        self._found = found
        self._levels: list[_Level] = []

    def leaf(self, leaf: bytes) -> None:
        """Take the next leaf hash."""
        level, node = 0, leaf
        while True:
            if level == len(self._levels):
                rows = Rows(self._connection, self._found, f"tile {level}", _LEVEL, self._log, level)
                self._levels.append(_Level(rows))
            hashes = self._levels[level].complete_with(node)
            if hashes is None:
                return
            node = LevelTree.from_leaves(hashes).root()
            self._levels[level].compare(node, hashes, self._found)
            level += 1

    def close(self) -> None:
        """Read no more."""
        for level in self._levels:
            level.rows.close()

    def end(self) -> None:
        """Note the tiles that no entries give."""
        for level in self._levels:
            level.rows.end()
        beyond = Session.over(self._connection).run(_BEYOND, self._log, len(self._levels)).fetchone()
        if beyond is not None:
            self._found.add(f"tile {beyond[0]}", beyond[1], "a row stands here that no entry gives")


class _Level:
    """One level: the hashes since its last full tile, and the stored tiles from there on."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._hashes = bytearray()
        self._number = 0

    def complete_with(self, node: bytes) -> bytes | None:
        """Add a hash; return the hashes of the tile that it completed."""
        self._hashes += node
        if len(self._hashes) < TILE_BYTES:
            return None
        full = bytes(self._hashes)
        self._hashes.clear()
        return full

    def compare(self, root: bytes, hashes: bytes, found: Findings) -> None:
        """Compare the stored tile with what the entries give."""
        stored = self.rows.take(self._number)
        if not stored:
            found.add(self.rows.part, self._number, "is missing")
        elif tuple(stored[0][1:]) != (root, hashes):
            found.add(self.rows.part, self._number, "is not what its entries give")
        self._number += 1
