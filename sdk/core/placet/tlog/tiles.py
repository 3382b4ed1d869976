"""Tiles: the tree and the entries of a log as static files, 256 hashes or entries each (C2SP `tlog-tiles`).

Owns paths and bytes, and which tiles a growing tree needs; reading and writing files is the caller's. Hash i of tile
(level, index) is the root over the 256**level leaves that start at (index * 256 + i) * 256**level. A partial tile
(fewer than 256) is never hashed into the level above and never empty.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from placet.tlog.errors import TileError
from placet.tlog.hashing import HASH_SIZE, pair_hash
from placet.tlog.tree import MAX_SIZE, NodeReader

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
MAX_LEVEL: Final = 63
MAX_INDEX: Final = MAX_SIZE // TILE_WIDTH
MAX_ENTRY_BYTES: Final = 65_535
_LENGTH_SIZE = 2
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile of hashes."""

    level: int
    index: int
    width: int = TILE_WIDTH

    # Invariant: 0 <= level <= 63, 0 <= index < 2**55, 1 <= width <= 256.

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            _refuse("LEVEL", f"a tile's level is 0 to {MAX_LEVEL}, not {self.level}", "level")
        _require_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where the tile is served, below the log's prefix."""
        return f"tile/{self.level}/{_place(self.index, self.width)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBundle:
    """The entries whose leaf hashes are the level-0 tile of the same index and width."""

    index: int
    width: int = TILE_WIDTH

    # Invariant: 0 <= index < 2**55, 1 <= width <= 256.

    def __post_init__(self) -> None:
        _require_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where the bundle is served, below the log's prefix."""
        return f"tile/entries/{_place(self.index, self.width)}"


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return `tile/<L>/<N>[.p/<W>]`, without a slash before it; raises TileError if there is no such tile."""
    return Tile(level=level, index=index, width=width).path


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return `tile/entries/<N>[.p/<W>]`, without a slash before it; raises TileError if there is no such bundle."""
    return EntryBundle(index=index, width=width).path


def parse_tile_path(path: str) -> Tile | EntryBundle:
    """Return what a path (without a slash before it) names; raises TileError if it is not the one path of anything."""
    match = _PATH.fullmatch(path)
    if match is None:
        _refuse("PATH", f"{path[:80]!r} is no tile path: tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>]", "path")
    kind, groups, partial = match.groups()
    index = int(groups.replace("x", "").replace("/", ""))
    width = int(partial) if partial else TILE_WIDTH
    named = (
        EntryBundle(index=index, width=width) if kind == "entries" else Tile(level=int(kind), index=index, width=width)
    )
    if named.path != path:
        _refuse("PATH", f"{path!r} is not how a tile is named; use {named.path!r}", "path")
    return named


def tiles_for(old_size: int, new_size: int) -> list[Tile]:
    """Return the tiles of the tree of `new_size` leaves that the tree of `old_size` does not have, level by level.

    With old_size = 0 these are all of them. Raises TileError unless 0 <= old_size <= new_size < 2**63.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        _refuse("SIZE", f"a tree does not grow from {old_size} to {new_size} leaves", "old_size, new_size")
    tiles: list[Tile] = []
    level, old, new = 0, old_size, new_size
    while new > old:
        changed = range(old // TILE_WIDTH, (new - 1) // TILE_WIDTH + 1)
        tiles.extend(Tile(level=level, index=at, width=min(TILE_WIDTH, new - at * TILE_WIDTH)) for at in changed)
        level, old, new = level + 1, old // TILE_WIDTH, new // TILE_WIDTH
    return tiles


def bundles_for(old_size: int, new_size: int) -> list[EntryBundle]:
    """Return the entry bundles of the log of `new_size` entries that the log of `old_size` does not have."""
    return [EntryBundle(index=tile.index, width=tile.width) for tile in tiles_for(old_size, new_size) if not tile.level]


def encode_tile(tile: Tile, reader: NodeReader) -> bytes:
    """Return the bytes of a tile: its hashes end to end."""
    first, level = tile.index * TILE_WIDTH, tile.level * TILE_HEIGHT
    return b"".join(reader.node(level, first + at) for at in range(tile.width))


def decode_tile(data: bytes, width: int = TILE_WIDTH) -> list[bytes]:
    """Return the hashes of a tile of that width; raises TileError if the length is another."""
    if len(data) != width * HASH_SIZE:
        _refuse(
            "TILE", f"a tile of {width} hashes has {width * HASH_SIZE} bytes, got {len(data)}; fetch it again", "data"
        )
    return [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of an entry bundle: each entry after its length as two big-endian bytes.

    Raises TileError unless there are 1 to 256 entries of at most 65,535 bytes.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        _refuse("WIDTH", f"a bundle has 1 to {TILE_WIDTH} entries, not {len(entries)}", "entries")
    parts = []
    for position, entry in enumerate(entries):
        if len(entry) > MAX_ENTRY_BYTES:
            _refuse("ENTRY", f"entry {position} has {len(entry)} bytes, at most {MAX_ENTRY_BYTES} fit", "entries")
        parts.append(len(entry).to_bytes(_LENGTH_SIZE, "big"))
        parts.append(entry)
    return b"".join(parts)


def decode_entries(data: bytes, width: int = TILE_WIDTH) -> list[bytes]:
    """Return the entries of a bundle of that width; raises TileError if it is cut short or has another number."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at < end:
        begin = at + _LENGTH_SIZE
        at = begin + (data[at] << 8 | data[begin - 1]) if begin <= end else end + 1
        if at > end:
            _refuse("TRUNCATED", f"the bundle ends inside entry {len(entries)}; fetch it again", "data")
        entries.append(data[begin:at])
    if len(entries) != width:
        _refuse("WIDTH", f"the bundle has {len(entries)} entries, not {width}; fetch it again", "data")
    return entries


class TileReader:
    """Reads the nodes of a tree of `size` leaves out of its tiles; a NodeReader.

    `read` returns the bytes of a tile, which must stay the same: each is read once and kept as long as the reader.
    Hashes are not verified here; a proof made of them is, by whoever receives it.
    """

    __slots__ = ("_kept", "_read", "_size")

    def __init__(self, size: int, read: Callable[[Tile], bytes]) -> None:
        self._size = size
        self._read = read
        self._kept: dict[tuple[int, int], bytes] = {}

    def node(self, level: int, index: int) -> bytes:
        """Return the root of perfect subtree number `index` of 2**level leaves; raises TileError if there is none."""
        if not (0 <= level <= MAX_LEVEL and 0 <= index < self._size >> level):
            _refuse("NODE", f"a tree of {self._size} leaves has no node {index} at level {level}", "level, index")
        tile_level, below = divmod(level, TILE_HEIGHT)
        tile_index, at = divmod(index << below, TILE_WIDTH)
        row = self._tile(tile_level, tile_index)[at * HASH_SIZE : (at + (1 << below)) * HASH_SIZE]
        while len(row) > HASH_SIZE:
            pairs = range(0, len(row), 2 * HASH_SIZE)
            row = b"".join([pair_hash(row[pair : pair + 2 * HASH_SIZE]) for pair in pairs])
        return row

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._kept:
            width = min(TILE_WIDTH, (self._size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH)
            data = self._read(Tile(level=level, index=index, width=width))
            decode_tile(data, width)
            self._kept[level, index] = data
        return self._kept[level, index]


def _place(index: int, width: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(groups) + partial


def _require_place(index: int, width: int) -> None:
    if not 0 <= index <= MAX_INDEX:
        _refuse("INDEX", f"a tile's index is 0 to {MAX_INDEX}, not {index}", "index")
    if not 1 <= width <= TILE_WIDTH:
        _refuse("WIDTH", f"a tile has 1 to {TILE_WIDTH} hashes, not {width}", "width")


def _refuse(reason: str, message: str, field: str) -> NoReturn:
    raise TileError(reason, message, field=field)
