"""Tiles and entry bundles: the examples of the specification, and what is refused."""

from collections import Counter

import pytest

from placet.tlog.errors import TileError
from placet.tlog.hashing import leaf_hash
from placet.tlog.tiles import (
    MAX_INDEX,
    EntryBundle,
    Tile,
    TileReader,
    bundles_for,
    decode_entries,
    decode_tile,
    encode_entries,
    encode_tile,
    entries_path,
    parse_tile_path,
    tile_path,
    tiles_for,
)
from placet.tlog.tree import MAX_SIZE, LevelTree


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(level=0, index=1234067), "tile/0/x001/x234/067"),
        (Tile(level=0, index=0), "tile/0/000"),
        (Tile(level=63, index=999, width=1), "tile/63/999.p/1"),
        (Tile(level=1, index=1000, width=255), "tile/1/x001/000.p/255"),
        (EntryBundle(index=1234067), "tile/entries/x001/x234/067"),
        (EntryBundle(index=5, width=112), "tile/entries/005.p/112"),
        (Tile(level=0, index=MAX_INDEX), "tile/0/x036/x028/x797/x018/x963/967"),
    ],
)
def test_paths(tile: Tile | EntryBundle, path: str) -> None:
    assert tile.path == path
    assert parse_tile_path(path) == tile
    written = (
        tile_path(tile.level, tile.index, tile.width)
        if isinstance(tile, Tile)
        else entries_path(tile.index, tile.width)
    )
    assert written == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/x/000",
        "tile/entry/000",
        "tile/0/000/001",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/x001/x002",
        "tile/0/001/x002",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/1/",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/../000",
        "tile/0/\u0660\u0660\u0660",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x001/x999/x999/x999/x999/x999/x999/999",
    ],
)
def test_a_path_that_names_nothing_is_refused(path: str) -> None:
    with pytest.raises(TileError):
        parse_tile_path(path)


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_a_tile_that_cannot_be_has_no_path(level: int, index: int, width: int) -> None:
    with pytest.raises(TileError):
        tile_path(level, index, width)


def test_the_tree_of_seventy_thousand_leaves() -> None:
    tiles = tiles_for(0, 70_000)
    widths = Counter((tile.level, tile.width) for tile in tiles)
    assert widths == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    assert len(bundles_for(0, 70_000)) == 274
    assert bundles_for(0, 70_000)[-1] == EntryBundle(index=273, width=112)


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        (0, 0, []),
        (70_000, 70_000, []),
        (0, 1, ["tile/0/000.p/1"]),
        (0, 256, ["tile/0/000", "tile/1/000.p/1"]),
        (255, 256, ["tile/0/000", "tile/1/000.p/1"]),
        (256, 257, ["tile/0/001.p/1"]),
        (250, 600, ["tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"]),
        (65_535, 65_536, ["tile/0/255", "tile/1/000", "tile/2/000.p/1"]),
        (65_536, 65_537, ["tile/0/256.p/1"]),
    ],
)
def test_a_growing_tree_needs_only_what_changed(old: int, new: int, paths: list[str]) -> None:
    assert [tile.path for tile in tiles_for(old, new)] == paths


@pytest.mark.parametrize(("old", "new"), [(-1, 0), (2, 1), (0, MAX_SIZE + 1)])
def test_a_tree_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(TileError, match="does not grow"):
        tiles_for(old, new)


def test_a_tile_is_its_hashes_end_to_end() -> None:
    leaves = [leaf_hash(b"%d" % at) for at in range(300)]
    tree = LevelTree.from_leaves(b"".join(leaves))
    assert encode_tile(Tile(level=0, index=1, width=44), tree) == b"".join(leaves[256:])
    assert encode_tile(Tile(level=1, index=0, width=1), tree) == tree.node(8, 0)
    assert decode_tile(b"".join(leaves[256:]), 44) == leaves[256:]
    for wrong in (b"", b"".join(leaves[257:]), b"".join(leaves[256:]) + b"\x00"):
        with pytest.raises(TileError, match="44 hashes"):
            decode_tile(wrong, 44)


def test_entry_bundles_keep_empty_and_largest_entries() -> None:
    entries = [b"", b"a", bytes(65_535), b""]
    data = encode_entries(entries)
    assert data[:7] == b"\x00\x00\x00\x01a\xff\xff"
    assert decode_entries(data, 4) == entries
    assert decode_entries(encode_entries([b"x"] * 256)) == [b"x"] * 256


def test_entry_bundles_that_cannot_be_are_refused() -> None:
    for entries in ([], [b""] * 257):
        with pytest.raises(TileError, match="1 to 256 entries"):
            encode_entries(entries)
    with pytest.raises(TileError, match="entry 1 has 65536 bytes"):
        encode_entries([b"", bytes(65_536)])
    data = encode_entries([b"abc", b"def"])
    for end in range(1, len(data)):
        with pytest.raises(TileError):
            decode_entries(data[:end], 2)
    for width in (1, 3, 256):
        with pytest.raises(TileError, match="has 2 entries"):
            decode_entries(data, width)
    with pytest.raises(TileError, match="inside entry 2"):
        decode_entries(data + b"\x00", 2)


def test_a_tile_reader_reads_each_tile_once_and_only_what_the_tree_has() -> None:
    size = 700
    tree = LevelTree.from_leaves(b"".join(leaf_hash(b"%d" % at) for at in range(size)))
    read: list[str] = []

    def tile(wanted: Tile) -> bytes:
        read.append(wanted.path)
        return encode_tile(wanted, tree)

    reader = TileReader(size, tile)
    for level in range(10):
        for index in range(size >> level):
            assert reader.node(level, index) == tree.node(level, index)
    assert sorted(read) == sorted(wanted.path for wanted in tiles_for(0, size))
    for level, index in ((0, 700), (-1, 0), (0, -1), (8, 2), (10, 0), (64, 0)):
        with pytest.raises(TileError, match="has no node"):
            reader.node(level, index)


def test_a_tile_reader_refuses_a_tile_of_the_wrong_length() -> None:
    with pytest.raises(TileError, match="fetch it again"):
        TileReader(2, lambda tile: bytes(32)).node(0, 0)
