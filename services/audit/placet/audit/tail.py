"""The growing end of a log in memory: what the sequencer appends to and proves from, without reading the database.

Owns every node of the current window of 65,536 leaves (two tile levels) and the roots of all windows before it. What
lies below, in windows that are past, is read through `older` when an old tree has to be proven consistent. Never
touches a database itself and never undoes: after a failed commit the sequencer throws the tail away and recovers it.
Follows ledger.md sections 1 and 3; a full row of 256 hashes of a level is, byte for byte, a C2SP tile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from placet.tlog.hashing import fold
from placet.tlog.tree import LevelTree, NodeReader

TILE_LEVELS: Final = 8
WINDOW_LEVELS: Final = 16
WINDOW: Final = 1 << WINDOW_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTile:
    """A tile of 256 hashes that has just been completed; `root` is the hash it has one tile level higher."""

    level: int
    number: int
    hashes: bytes
    root: bytes


class Tail:
    """The tree of one log, as far as appending and proving recent positions needs it."""

    __slots__ = ("_older", "_upper", "_window", "_window_number")

    # Invariant: size == _window_number * WINDOW + _window.size, and 0 <= _window.size < WINDOW.

    def __init__(self, older: NodeReader, *, window_roots: bytes = b"", leaves: bytes = b"") -> None:
        """Resume from the roots of all full windows and the leaf hashes after them, each laid end to end."""
        self._older = older
        self._upper = LevelTree.from_leaves(window_roots)
        self._window = LevelTree.from_leaves(leaves)
        self._window_number = self._upper.size

    @property
    def size(self) -> int:
        """The number of leaves."""
        return (self._window_number << WINDOW_LEVELS) + self._window.size

    def extend(self, leaves: Sequence[bytes]) -> list[FullTile]:
        """Append leaf hashes in order; return the tiles they completed, each before those above it."""
        tiles: list[FullTile] = []
        at = 0
        while at < len(leaves):
            window, base = self._window, self._window_number << TILE_LEVELS
            full = window.size >> TILE_LEVELS
            part = leaves[at : at + WINDOW - window.size]
            window.extend(part)
            at += len(part)
            tiles.extend(_tile(window, 0, number, base) for number in range(full, window.size >> TILE_LEVELS))
            if window.size == WINDOW:
                tiles.extend(self._next_window())
        return tiles

    def _next_window(self) -> list[FullTile]:
        tiles = [_tile(self._window, 1, 0, self._window_number)]
        self._upper.append(tiles[0].root)
        self._window = LevelTree()
        self._window_number += 1
        return tiles + self._completed_above()

    def _completed_above(self) -> list[FullTile]:
        tiles, count, level = [], self._window_number, 2
        while count and count & 0xFF == 0:
            count >>= TILE_LEVELS
            shift = (level - 2) * TILE_LEVELS
            hashes = self._upper.row(shift, (count - 1) << TILE_LEVELS, count << TILE_LEVELS)
            root = self._upper.node(shift + TILE_LEVELS, count - 1)
            tiles.append(FullTile(level=level, number=count - 1, hashes=hashes, root=root))
            level += 1
        return tiles

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2**level leaves number `index` (`NodeReader`)."""
        if level >= WINDOW_LEVELS:
            return self._upper.node(level - WINDOW_LEVELS, index)
        number = index >> (WINDOW_LEVELS - level)
        if number == self._window_number:
            return self._window.node(level, index - (number << (WINDOW_LEVELS - level)))
        return self._older.node(level, index)

    def edge(self) -> list[bytes]:
        """Return the roots of the perfect subtrees that make up the tree, cover(0, size), from left to right."""
        return self._upper.edge() + self._window.edge()

    def root(self) -> bytes:
        """Return the RFC 6962 root over all leaves."""
        return fold(self.edge())


def _tile(window: LevelTree, tile_level: int, number: int, base: int) -> FullTile:
    level = tile_level * TILE_LEVELS
    first = number << TILE_LEVELS
    return FullTile(
        level=tile_level,
        number=base + number,
        hashes=window.row(level, first, first + (1 << TILE_LEVELS)),
        root=window.node(level + TILE_LEVELS, number),
    )
