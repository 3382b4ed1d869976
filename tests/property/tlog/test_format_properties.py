"""Every format reads back what it wrote: keys, notes, checkpoints, tile paths, entry bundles."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from property.tlog import naive_tree as naive

from placet.tlog.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import EncodingError, NoteError, TileError
from placet.tlog.note import Signer, Verifier, format_vkey, open_note, parse_vkey, sign_note, split_note
from placet.tlog.tiles import (
    MAX_INDEX,
    EntryBundle,
    Tile,
    TileReader,
    decode_entries,
    encode_entries,
    encode_tile,
    parse_tile_path,
    tiles_for,
)
from placet.tlog.tree import MAX_SIZE, LevelTree

hashes = st.binary(min_size=32, max_size=32)
seeds = st.binary(min_size=32, max_size=32)
names = st.text(st.characters(exclude_categories=("Cs", "Cc", "Z"), exclude_characters="+"), min_size=1, max_size=40)
origins = names.filter(lambda name: "://" not in name and not name.endswith("/") and len(name.encode()) <= 255)
letters = st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n")
texts = st.text(letters, max_size=80).map(lambda text: text + "\n")


@given(st.binary())
def test_base64_reads_back(data: bytes) -> None:
    assert decode_base64(encode_base64(data)) == data
    assert encode_base64(data) == base64.b64encode(data).decode()


@given(st.text(st.sampled_from("AQgw+/=-_ \n\u00e9"), max_size=12))
def test_base64_has_one_text_for_its_bytes(text: str) -> None:
    try:
        data = decode_base64(text)
    except EncodingError:
        return
    assert base64.b64encode(data).decode() == text


@given(names, seeds)
def test_a_key_reads_back(name: str, seed: bytes) -> None:
    vkey = Signer.from_seed(name, seed).vkey
    assert parse_vkey(format_vkey(vkey)) == vkey


@given(texts, st.lists(st.tuples(names, seeds), min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
def test_a_note_reads_back(text: str, keys: list[tuple[str, bytes]]) -> None:
    signers = [Signer.from_seed(name, seed) for name, seed in keys]
    note = sign_note(text, signers)
    opened = open_note(note, [Verifier(signer.vkey) for signer in signers])
    assert opened.text == text
    assert [vkey for vkey, _ in opened.verified] == [signer.vkey for signer in signers]


@given(st.text(max_size=60) | st.builds("{}\n\n\u2014 {} {}\n".format, st.text(max_size=9), names, st.text(max_size=9)))
def test_any_text_is_a_note_or_a_typed_error(text: str) -> None:
    try:
        body, signatures = split_note(text)
    except NoteError:
        return
    assert body + "\n" + "".join(signature.line() for signature in signatures) == text


@given(origins, st.integers(1, MAX_SIZE), hashes, seeds)
def test_a_checkpoint_reads_back(origin: str, size: int, root: bytes, seed: bytes) -> None:
    checkpoint = Checkpoint(origin=origin, size=size, root=root)
    signer = Signer.from_seed(origin, seed)
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint
    assert open_checkpoint(sign_checkpoint(checkpoint, signer), [Verifier(signer.vkey)]) == checkpoint


@given(st.integers(0, 63), st.integers(0, MAX_INDEX), st.integers(1, 256))
def test_a_tile_path_reads_back(level: int, index: int, width: int) -> None:
    for tile in (Tile(level=level, index=index, width=width), EntryBundle(index=index, width=width)):
        assert parse_tile_path(tile.path) == tile


@given(st.from_regex(r"tile/(entries|[0-9]{1,2})/(x[0-9]{3}/){0,7}[0-9]{3}(\.p/[0-9]{1,3})?", fullmatch=True))
def test_a_tile_has_one_path(path: str) -> None:
    try:
        tile = parse_tile_path(path)
    except TileError:
        return
    assert tile.path == path


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=256))
def test_entries_read_back(entries: list[bytes]) -> None:
    assert decode_entries(encode_entries(entries), len(entries)) == entries


@given(st.binary(max_size=40), st.integers(1, 256))
def test_any_bytes_are_a_bundle_or_a_typed_error(data: bytes, width: int) -> None:
    try:
        entries = decode_entries(data, width)
    except TileError:
        return
    assert encode_entries(entries) == data


@given(st.lists(st.integers(0, 400), min_size=1, max_size=5))
def test_tiles_written_as_a_log_grows_are_the_tiles_of_the_grown_log(steps: list[int]) -> None:
    leaves = naive.some_leaves(sum(steps))
    files: dict[str, bytes] = {}
    size = 0
    for step in steps:
        tree = LevelTree.from_leaves(b"".join(leaves[: size + step]))
        for tile in tiles_for(size, size + step):
            assert tile.path not in files, "what changed is new"
            files[tile.path] = encode_tile(tile, tree)
        size += step
        assert {tile.path for tile in tiles_for(0, size)} <= files.keys()
        if size:
            reader = TileReader(size, lambda tile: files[tile.path])
            at = size // 2
            assert reader.node(0, at) == leaves[at]
            assert tree.root() == naive.root(leaves[:size])


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 513])
def test_every_perfect_subtree_is_read_from_tiles(size: int) -> None:
    leaves = naive.some_leaves(size)
    tree = LevelTree.from_leaves(b"".join(leaves))
    reader = TileReader(size, lambda tile: encode_tile(tile, tree))
    slow = naive.NaiveReader(leaves)
    for level in range(size.bit_length()):
        for index in range(size >> level):
            assert reader.node(level, index) == slow.node(level, index)
