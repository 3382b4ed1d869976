"""Tree nodes read back from stored tiles: for proofs about positions that are past, on any replica.

A full tile is one row (256 hashes and its root). The ragged right edge is rebuilt from what is below it: leaf hashes
from the entries after the last full tile, higher rows from the roots of full tiles. Tiles are immutable, so a bounded
cache of them needs no invalidation. Follows C2SP tlog-tiles; used by one thread at a time.
"""

from collections import OrderedDict
from typing import Final

from sqlalchemy import Connection, Engine

from placet.audit.errors import Corrupt
from placet.audit.statements import Session
from placet.tlog.hashing import leaf_hash
from placet.tlog.tree import LevelTree

CACHED_TILES: Final = 512
TILE_LEVELS: Final = 8
TILE_WIDTH: Final = 256
# For the driver itself: a cold process would spend longer on compiling them than on running them.
_TILE: Final = "SELECT hashes FROM tile WHERE log = ? AND level = ? AND number = ?"
_ROOTS: Final = "SELECT root FROM tile WHERE log = ? AND level = ? AND number >= ? AND number < ? ORDER BY number"
_ENTRIES: Final = "SELECT body FROM entry WHERE log = ? AND idx >= ? AND idx < ? ORDER BY idx"


class TileCache:
    """The full tiles of one log, each as a little tree with all its inner nodes (16 KiB); the least used go first."""

    def __init__(self, engine: Engine, log: int, *, capacity: int = CACHED_TILES) -> None:
        self._engine = engine
        self._log = log
        self._capacity = capacity
        self._trees: OrderedDict[tuple[int, int], LevelTree] = OrderedDict()

    def tile(self, level: int, number: int) -> LevelTree:
        """Return a full tile; raises Corrupt if it is not stored."""
        key = (level, number)
        tree = self._trees.get(key)
        if tree is not None:
            self._trees.move_to_end(key)
            return tree
        tree = self._trees[key] = LevelTree.from_leaves(self._load(level, number))
        if len(self._trees) > self._capacity:
            self._trees.popitem(last=False)
        return tree

    def node(self, level: int, index: int) -> bytes:
        """Return a node inside a full tile (`NodeReader`): what the tail asks for below its window."""
        tile_level, within = divmod(level, TILE_LEVELS)
        number, offset = divmod(index, TILE_WIDTH >> within)
        return self.tile(tile_level, number).node(within, offset)

    def _load(self, level: int, number: int) -> bytes:
        with self._engine.connect() as connection:
            row = Session.over(connection).run(_TILE, self._log, level, number).fetchone()
        if row is None:
            raise Corrupt(f"tile {level}/{number} is missing")
        hashes: bytes = row[0]
        return hashes


class StoredNodes:
    """The nodes of the tree of the first `size` entries, read from the database (`NodeReader`)."""

    def __init__(self, tiles: TileCache, engine: Engine, log: int, size: int) -> None:
        self._tiles = tiles
        self._engine = engine
        self._log = log
        self._size = size
        self._edges: dict[int, LevelTree] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2**level leaves number `index`, all below `size`."""
        tile_level, within = divmod(level, TILE_LEVELS)
        number, offset = divmod(index, TILE_WIDTH >> within)
        full = self._size >> (TILE_LEVELS * (tile_level + 1))
        if number < full:
            return self._tiles.tile(tile_level, number).node(within, offset)
        return self.edge(tile_level).node(within, offset)

    def edge(self, tile_level: int) -> LevelTree:
        """Return the partial tile at the right end of a tile level (it may be empty)."""
        if tile_level not in self._edges:
            with self._engine.connect() as connection:
                self._edges[tile_level] = edge(connection, self._log, self._size, tile_level)
        return self._edges[tile_level]


def edge(connection: Connection, log: int, size: int, tile_level: int) -> LevelTree:
    """Return the partial tile at the right end of `tile_level` in the tree of `size` leaves."""
    width = size >> (TILE_LEVELS * tile_level)
    begin = width // TILE_WIDTH * TILE_WIDTH
    return LevelTree.from_leaves(row_of_hashes(connection, log, tile_level, begin, width))


def row_of_hashes(connection: Connection, log: int, tile_level: int, begin: int, end: int) -> bytes:
    """Return the hashes [begin, end) of a tile level laid end to end.

    Level 0 is computed from the entries, a higher one read from the roots of the full tiles below it.
    Raises Corrupt if one is missing.
    """
    session = Session.over(connection)
    if tile_level == 0:
        hashes = [leaf_hash(body) for (body,) in session.run(_ENTRIES, log, begin, end)]
    else:
        hashes = [root for (root,) in session.run(_ROOTS, log, tile_level - 1, begin, end)]
    if len(hashes) != end - begin:
        raise Corrupt(f"hashes {begin} to {end} of tile level {tile_level}: {len(hashes)} of {end - begin} are stored")
    return b"".join(hashes)
