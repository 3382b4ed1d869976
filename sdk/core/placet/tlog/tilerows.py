"""The right edge of a growing tree as rows of its tiles: what one reading of a log needs to check every tile of it.

Owns the order in which tiles become complete (C2SP `tlog-tiles`); each is handed out once, with its bytes. Holds at
most 255 hashes a level. Never reads a tile itself; not safe for use by several threads at once.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from placet.tlog.hashing import HASH_SIZE, fold
from placet.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, Tile
from placet.tlog.tree import CompactRange, NodeReader

OnTile = Callable[[Tile, bytes], None]
_TILE_BYTES = TILE_WIDTH * HASH_SIZE


def _nothing(_tile: Tile, _data: bytes) -> None:
    """Look at no tile."""


class TileRows:
    """A tree that grows leaf by leaf; `on_tile` is called with each full tile as it becomes complete."""

    __slots__ = ("_on_tile", "_rows", "end")

    # Invariant: row L holds the last (end >> 8L) % 256 roots of the subtrees of 256**L leaves, end to end.

    def __init__(self, on_tile: OnTile = _nothing) -> None:
        self._on_tile = on_tile
        self._rows: list[bytearray] = [bytearray()]
        self.end = 0

    @classmethod
    def resume(cls, size: int, reader: NodeReader, on_tile: OnTile = _nothing) -> Self:
        """Return the rows of the tree of `size` leaves whose nodes can be read; compare `root` before believing it."""
        made = cls(on_tile)
        made.end = size
        made._rows = []
        level = 0
        while not made._rows or size >> (TILE_HEIGHT * level):
            count = size >> (TILE_HEIGHT * level)
            first = count - count % TILE_WIDTH
            row = b"".join(reader.node(TILE_HEIGHT * level, at) for at in range(first, count))
            made._rows.append(bytearray(row))
            level += 1
        return made

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes (32 bytes each) in order."""
        row = self._rows[0]
        for leaf in leaves:
            row += leaf
            self.end += 1
            if len(row) == _TILE_BYTES:
                self._complete(0)
                row = self._rows[0]

    @property
    def hashes(self) -> list[bytes]:
        """The roots of the perfect subtrees that cover [0, end), from left to right."""
        return [one for row in reversed(self._rows) for one in _cover(bytes(row)).hashes]

    def root(self) -> bytes:
        """Return the root of the tree of `end` leaves."""
        return fold(self.hashes)

    def row(self, level: int) -> list[bytes]:
        """Return the hashes of the tile of that level that is not full yet."""
        return _split(bytes(self._rows[level]))

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """Return the tiles at the right edge that are not full, with their bytes, lowest level first."""
        for level, row in enumerate(self._rows):
            if row:
                index = (self.end >> (TILE_HEIGHT * level)) // TILE_WIDTH
                yield Tile(level=level, index=index, width=len(row) // HASH_SIZE), bytes(row)

    def _complete(self, level: int) -> None:
        data = bytes(self._rows[level])
        self._rows[level] = bytearray()
        self._on_tile(Tile(level=level, index=(self.end >> (TILE_HEIGHT * (level + 1))) - 1), data)
        if level + 1 == len(self._rows):
            self._rows.append(bytearray())
        self._rows[level + 1] += _cover(data).root()
        if len(self._rows[level + 1]) == _TILE_BYTES:
            self._complete(level + 1)


def _cover(row: bytes) -> CompactRange:
    made = CompactRange()
    made.extend(_split(row))
    return made


def _split(row: bytes) -> list[bytes]:
    return [row[at : at + HASH_SIZE] for at in range(0, len(row), HASH_SIZE)]
