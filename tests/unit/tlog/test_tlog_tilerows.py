"""The rows of a growing tree: every tile handed out once, with the bytes that a reader of the whole tree finds."""

from hashlib import sha256

import pytest

from placet.tlog.hashing import EMPTY_ROOT
from placet.tlog.tilerows import TileRows
from placet.tlog.tiles import Tile, encode_tile, tiles_for
from placet.tlog.tree import LevelTree

LEAVES = [sha256(number.to_bytes(4, "big")).digest() for number in range(66_000)]
SIZES = (0, 1, 2, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_537, 66_000)


def grown(size, step=256):
    handed = {}
    rows = TileRows(lambda tile, data: handed.update({tile: data}))
    for at in range(0, size, step):
        rows.extend(LEAVES[at : min(size, at + step)])
    return rows, handed


@pytest.fixture(scope="module")
def tree():
    return LevelTree.from_leaves(b"".join(LEAVES))


@pytest.mark.parametrize("size", SIZES)
def test_full_and_partial_tiles_are_those_of_the_tree(size, tree):
    rows, handed = grown(size, step=100 if size < 1_000 else 4_000)
    found = {**handed, **dict(rows.partial())}
    assert set(found) == set(tiles_for(0, size))
    assert all(found[tile] == encode_tile(tile, tree) for tile in found)
    assert all(tile.width == 256 for tile in handed)


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_tree_and_a_resumed_one_grows_like_it(size):
    rows, _ = grown(size)
    whole = LevelTree.from_leaves(b"".join(LEAVES[:size]))
    assert rows.root() == whole.root()
    assert rows.end == size
    resumed = TileRows.resume(size, whole)
    assert resumed.hashes == rows.hashes
    more = LEAVES[size : size + 300]
    rows.extend(more)
    resumed.extend(more)
    assert rows.root() == resumed.root()
    assert list(rows.partial()) == list(resumed.partial())
    assert rows.row(0) == resumed.row(0)


def test_an_empty_tree_has_no_tiles():
    rows, handed = grown(0)
    assert (list(rows.partial()), handed, rows.root()) == ([], {}, EMPTY_ROOT)
    assert Tile(level=0, index=0) not in handed
