"""The tail gives the same nodes, roots and tiles as a whole tree, across window boundaries, and resumes from stored
tiles.
"""

import hashlib

import pytest

from placet.audit.tail import WINDOW, FullTile, Tail
from placet.tlog.tree import LevelTree, cover


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(n.to_bytes(8, "big")).digest() for n in range(count)]


class Stored:
    """Full tiles as a database would keep them, read back as nodes."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}

    def keep(self, tiles: list[FullTile]) -> None:
        for tile in tiles:
            assert (tile.level, tile.number) not in self.tiles
            self.tiles[tile.level, tile.number] = tile.hashes

    def node(self, level: int, index: int) -> bytes:
        tile_level, within = divmod(level, 8)
        number, offset = divmod(index, 256 >> within)
        return LevelTree.from_leaves(self.tiles[tile_level, number]).node(within, offset)


@pytest.fixture(scope="module")
def whole() -> LevelTree:
    tree = LevelTree()
    for leaf in leaves(WINDOW + 700):
        tree.append(leaf)
    return tree


def test_every_root_and_node_is_that_of_the_whole_tree(whole: LevelTree) -> None:
    stored = Stored()
    tail = Tail(stored)
    for leaf in leaves(WINDOW + 700):
        stored.keep(tail.extend([leaf]))
    assert tail.size == whole.size
    assert tail.root() == whole.root()
    for size in (1, 255, 256, 257, 65_535, WINDOW, WINDOW + 1, WINDOW + 512):
        for level, index in cover(0, size):
            assert tail.node(level, index) == whole.node(level, index)


def test_completed_tiles_are_rows_of_the_tree(whole: LevelTree) -> None:
    stored = Stored()
    tail = Tail(stored)
    for leaf in leaves(WINDOW + 700):
        stored.keep(tail.extend([leaf]))
    assert set(stored.tiles) == {(0, n) for n in range(258)} | {(1, 0)}
    for (level, number), hashes in stored.tiles.items():
        row = [whole.node(8 * level, i) for i in range(number * 256, number * 256 + 256)]
        assert hashes == b"".join(row)


@pytest.mark.parametrize("size", [0, 1, 300, WINDOW - 1, WINDOW, WINDOW + 300])
def test_resumes_where_it_stopped(whole: LevelTree, size: int) -> None:
    windows = size // WINDOW
    resumed = Tail(
        Stored(),
        window_roots=b"".join(whole.node(16, n) for n in range(windows)),
        leaves=b"".join(whole.node(0, i) for i in range(windows * WINDOW, size)),
    )
    assert resumed.size == size
    resumed.extend(leaves(WINDOW + 700)[size:])
    assert resumed.root() == whole.root()


def test_levels_above_the_window_become_tiles_too() -> None:
    tail = Tail(Stored(), window_roots=b"".join(leaves(255)))
    tail._window = LevelTree.from_leaves(b"".join(leaves(WINDOW - 1)))
    completed = tail.extend([leaves(1)[0]])
    assert [(tile.level, tile.number) for tile in completed] == [(0, 255 * 256 + 255), (1, 255), (2, 0)]
    assert completed[2].hashes[: 32 * 255] == b"".join(leaves(255))
    assert completed[2].hashes[32 * 255 :] == completed[1].root
