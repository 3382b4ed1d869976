"""The right edge of a growing tree as rows of its tiles: what one reading of a log needs to check every tile of it.

Owns the order in which tiles become complete (C2SP `tlog-tiles`); each is handed out once, with its bytes. Holds at
most 255 hashes a level. Never reads a tile itself; not safe for use by several threads at once.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Self

from placet.tlog.hashing import fold
from placet.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, Tile
from placet.tlog.tree import CompactRange, NodeReader

OnTile = Callable[[Tile, bytes], None]


def _nothing(_tile: Tile, _data: bytes) -> None:
    """Look at no tile."""


class TileRows:
    """A tree that grows leaf by leaf; `on_tile` is called with each full tile as it becomes complete."""

    __slots__ = ("_on_tile", "_rows", "end")

    # Invariant: row L holds the last (end >> 8L) % 256 roots of the subtrees of 256**L leaves.

    def __init__(self, on_tile: OnTile = _nothing) -> None:
        self._on_tile = on_tile
        self._rows: list[list[bytes]] = [[]]
        self.end = 0

    @classmethod
    def resume(cls, size: int, reader: NodeReader, on_tile: OnTile = _nothing) -> Self:
        """Return the rows of the tree of `size` leaves whose nodes can be read; compare `root` before believing it."""
        made = cls(on_tile)
        made.end = size
        levels = range(max(1, (size.bit_length() + TILE_HEIGHT - 1) // TILE_HEIGHT))
        made._rows = [_row(size >> (TILE_HEIGHT * level), TILE_HEIGHT * level, reader) for level in levels]
        return made

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes (32 bytes each) in order."""
        at = 0
        while at < len(leaves):
            row = self._rows[0]
            taken = leaves[at : at + TILE_WIDTH - len(row)]
            row.extend(taken)
            at += len(taken)
            self.end += len(taken)
            if len(row) == TILE_WIDTH:
                self._complete(0)

    @property
    def hashes(self) -> list[bytes]:
        """The roots of the perfect subtrees that cover [0, end), from left to right."""
        return [one for row in reversed(self._rows) for one in _cover(row).hashes]

    def root(self) -> bytes:
        """Return the root of the tree of `end` leaves."""
        return fold(self.hashes)

    def row(self, level: int) -> Sequence[bytes]:
        """Return the hashes of the tile of that level that is not full yet."""
        return self._rows[level]

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """Return the tiles at the right edge that are not full, with their bytes, lowest level first."""
        for level, row in enumerate(self._rows):
            if row:
                index = (self.end >> (TILE_HEIGHT * level)) // TILE_WIDTH
                yield Tile(level=level, index=index, width=len(row)), b"".join(row)

    def _complete(self, level: int) -> None:
        row, self._rows[level] = self._rows[level], []
        index = (self.end >> (TILE_HEIGHT * (level + 1))) - 1
        self._on_tile(Tile(level=level, index=index), b"".join(row))
        if level + 1 == len(self._rows):
            self._rows.append([])
        self._rows[level + 1].append(_cover(row).root())
        if len(self._rows[level + 1]) == TILE_WIDTH:
            self._complete(level + 1)


def _row(count: int, height: int, reader: NodeReader) -> list[bytes]:
    """Return the last of `count` nodes of a level, those that do not fill a tile."""
    return [reader.node(height, at) for at in range(count - count % TILE_WIDTH, count)]


def _cover(row: Sequence[bytes]) -> CompactRange:
    made = CompactRange()
    made.extend(row)
    return made
