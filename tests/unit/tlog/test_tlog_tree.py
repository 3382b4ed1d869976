"""The edges of trees, and what a status tree of a million bases costs."""

import random
import sys
from hashlib import sha256

import pytest

from placet.tlog.errors import RangeError
from placet.tlog.hashing import leaf_hash, pair_hash
from placet.tlog.tree import MAX_SIZE, CompactRange, LevelTree, cover

MILLION = 1_000_000
LEAF = leaf_hash(b"leaf")


@pytest.mark.parametrize(
    ("p", "q", "nodes"),
    [
        (0, 0, []),
        (5, 5, []),
        (0, 8, [(3, 0)]),
        (0, 7, [(2, 0), (1, 2), (0, 6)]),
        (1, 8, [(0, 1), (1, 1), (2, 1)]),
        (3, 13, [(0, 3), (2, 1), (2, 2), (0, 12)]),
        (MAX_SIZE - 1, MAX_SIZE, [(0, MAX_SIZE - 1)]),
    ],
)
def test_cover(p: int, q: int, nodes: list[tuple[int, int]]) -> None:
    assert cover(p, q) == nodes


@pytest.mark.parametrize(("p", "q"), [(-1, 4), (5, 4), (0, MAX_SIZE + 1)])
def test_cover_refuses_what_is_no_range(p: int, q: int) -> None:
    with pytest.raises(RangeError, match="no range of leaves"):
        cover(p, q)


def test_a_compact_range_refuses_what_does_not_fit() -> None:
    compact = CompactRange()
    compact.append(LEAF)
    with pytest.raises(RangeError, match="no subtree of level 1 starts at leaf 1"):
        compact.append_subtree(1, LEAF)
    with pytest.raises(RangeError, match="level -1"):
        compact.append_subtree(-1, LEAF)
    with pytest.raises(RangeError, match="has no root; begin at 0"):
        CompactRange(4).root()
    with pytest.raises(RangeError, match="covered by 2 nodes, got 1"):
        CompactRange.resume([LEAF], 3)


def test_a_compact_range_over_one_tile_folds_to_the_root_of_the_tile() -> None:
    leaves = [leaf_hash(b"%d" % at) for at in range(512)]
    whole, tile = CompactRange(), CompactRange(256)
    whole.extend(leaves)
    tile.extend(leaves[256:])
    first = CompactRange()
    first.extend(leaves[:256])
    assert tile.hashes == [tile.hashes[0]]
    assert whole.hashes == [pair_hash(first.hashes[0] + tile.hashes[0])]


def test_a_level_tree_refuses_what_it_does_not_have() -> None:
    tree = LevelTree()
    for _ in range(5):
        tree.append(LEAF)
    for level, index in ((0, 5), (0, -1), (-1, 0), (1, 2), (2, 1), (3, 0), (64, 0)):
        with pytest.raises(RangeError, match="has no node"):
            tree.node(level, index)
    for index in (5, -1):
        with pytest.raises(RangeError, match="has no node"):
            tree.update(index, LEAF)
    for size in (6, -1):
        with pytest.raises(RangeError, match="cannot be cut"):
            tree.truncate(size)
    for wrong in (b"", LEAF[:-1], LEAF + b"\x00"):
        with pytest.raises(RangeError, match="32 bytes"):
            tree.append(wrong)
        with pytest.raises(RangeError, match="32 bytes"):
            tree.update(0, wrong)
    with pytest.raises(RangeError, match="no row of 32-byte hashes"):
        LevelTree.from_leaves(LEAF[:-1])
    assert tree.size == 5


def test_a_change_at_a_million_leaves_costs_at_most_60_hashes_and_80_bytes_a_leaf() -> None:
    hashes = 0

    def counting(pair: bytes) -> bytes:
        nonlocal hashes
        hashes += 1
        return pair_hash(pair)

    tree = LevelTree(pair=counting)
    for at in range(MILLION):
        tree.append(at.to_bytes(32, "big"))
    assert tree.size == MILLION
    assert hashes < MILLION
    held = sys.getsizeof(tree) + sys.getsizeof(tree._levels) + sum(sys.getsizeof(row) for row in tree._levels)
    assert 64 * MILLION - 1000 < held <= 80 * MILLION

    chance = random.Random(1)
    for index in (0, 1, MILLION // 2, MILLION - 1, *(chance.randrange(MILLION) for _ in range(200))):
        hashes = 0
        tree.update(index, leaf_hash(b"%d" % index))
        root = tree.root()
        assert 0 < hashes <= 60
    assert LevelTree.from_leaves(bytes(tree._levels[0])).root() == root


@pytest.mark.parametrize("before", [0, 1, 2, 3, 7, 8, 255])
@pytest.mark.parametrize("more", [0, 1, 2, 5, 8, 300])
def test_a_level_tree_grows_in_bulk_as_leaf_by_leaf(before: int, more: int) -> None:
    one, bulk = LevelTree(), LevelTree()
    row = [sha256(b"%d" % n).digest() for n in range(before + more)]
    for leaf in row:
        one.append(leaf)
    for leaf in row[:before]:
        bulk.append(leaf)
    bulk.extend(row[before:])
    assert bulk.edge() == [one.node(level, index) for level, index in cover(0, before + more)]
    assert [bulk.node(k, i) for k in range(9) for i in range(bulk.size >> k)] == [
        one.node(k, i) for k in range(9) for i in range(one.size >> k)
    ]
    bulk.append(row[0] if row else bytes(32))
    one.append(row[0] if row else bytes(32))
    assert bulk.root() == one.root()


def test_a_level_tree_gives_rows_of_nodes_and_refuses_what_is_not_there() -> None:
    tree = LevelTree()
    tree.extend([bytes([n]) * 32 for n in range(6)])
    assert tree.row(0, 1, 3) == bytes([1]) * 32 + bytes([2]) * 32
    assert tree.row(1, 0, 3) == b"".join(tree.node(1, n) for n in range(3))
    assert tree.row(0, 6, 6) == b""
    for begin, end in ((5, 7), (-1, 2)):
        with pytest.raises(RangeError):
            tree.row(0, begin, end)
    with pytest.raises(RangeError):
        tree.extend([bytes(32), bytes(31)])
    assert tree.size == 6
