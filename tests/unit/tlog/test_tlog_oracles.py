"""Other people's software agrees: `pymerkle` on roots and proofs, `tlog-scales` on logs written as files, both ways.

Both are used in tests only. The exporter here is the smallest possible one; the product has its own.
"""

from pathlib import Path

import pytest
from pymerkle import InmemoryTree
from tlog_scales import backend, reader, signing, tlog, writer

from placet.tlog.checkpoint import Checkpoint, format_checkpoint, open_checkpoint, sign_checkpoint
from placet.tlog.cosignature import CosignatureSigner, CosignatureVerifier
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import KeyType, Signer, Verifier, Vkey, add_signatures, format_vkey, open_note
from placet.tlog.proof import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from placet.tlog.tiles import TileReader, bundles_for, decode_entries, encode_entries, encode_tile, tiles_for
from placet.tlog.tree import CompactRange, LevelTree, subtree_root

ORIGIN = "log.example/retailer"
SEED = bytes(range(32))
LOG = Signer.from_seed(ORIGIN, SEED)
WITNESS = CosignatureSigner.from_seed("witness.example/w1", bytes(range(1, 33)))


def entry(index: int) -> bytes:
    return b"entry %d " % index * (index % 5)


def test_roots_and_proofs_are_those_of_pymerkle() -> None:
    theirs = InmemoryTree(algorithm="sha256")
    ours = LevelTree()
    compact = CompactRange()
    for size in range(1, 131):
        theirs.append_entry(entry(size - 1))
        leaf = leaf_hash(entry(size - 1))
        ours.append(leaf)
        compact.append(leaf)
        root = theirs.get_root()
        assert ours.root() == compact.root() == root
    for size in (1, 2, 3, 64, 65, 100, 130):
        for index in {0, size // 2, size - 1}:
            base, *path = theirs.prove_inclusion(index + 1, size).path
            assert base == ours.node(0, index)
            assert inclusion_proof(index, size, ours) == path


class Exporter:
    """Writes a log as a C2SP tree of files, step by step, as it grows."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.entries: list[bytes] = []
        self.tree = LevelTree()

    def grow(self, new: list[bytes]) -> Checkpoint:
        old = self.tree.size
        self.entries += new
        for one in new:
            self.tree.append(leaf_hash(one))
        size = self.tree.size
        for tile in tiles_for(old, size):
            self._write(tile.path, encode_tile(tile, self.tree))
        for bundle in bundles_for(old, size):
            begin = bundle.index * 256
            self._write(bundle.path, encode_entries(self.entries[begin : begin + bundle.width]))
        checkpoint = Checkpoint(origin=ORIGIN, size=size, root=self.tree.root())
        note = sign_checkpoint(checkpoint, LOG)
        note = add_signatures(note, [WITNESS.cosign(note, timestamp=1_700_000_000).line()])
        self._write("checkpoint", note.encode())
        return checkpoint

    def _write(self, path: str, data: bytes) -> None:
        file = self.directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def read_by_stranger(directory: Path) -> tuple[reader.TilesReader, tlog.Checkpoint]:
    stranger = reader.TilesReader(backend.make_backend(str(directory)))
    return stranger, stranger.get_checkpoint()


def assert_stranger_verifies(directory: Path, checkpoint: Checkpoint, older: Checkpoint | None) -> None:
    stranger, theirs = read_by_stranger(directory)
    theirs.verify(signing.Vkey.from_string(format_vkey(LOG.vkey)))
    theirs.verify(signing.Vkey.from_string(format_vkey(WITNESS.vkey)))
    assert (theirs.origin, theirs.size, theirs.root_hash) == (ORIGIN, checkpoint.size, checkpoint.root)
    assert stranger.calculate_root_hash() == checkpoint.root
    for index in {0, 255, 256, checkpoint.size // 2, checkpoint.size - 1} & set(range(checkpoint.size)):
        assert stranger.get_entry(index) == entry(index)
        proof = stranger.get_inclusion_proof(index, checkpoint.size)
        proof.check(leaf_hash(entry(index)), checkpoint.root)
        verify_inclusion(leaf_hash(entry(index)), index, checkpoint.size, proof.node_hashes, checkpoint.root)
    if older is not None:
        grown = stranger.get_consistency_proof(older.size, checkpoint.size)
        grown.check(older.root, checkpoint.root)
        verify_consistency(older.size, older.root, checkpoint.size, checkpoint.root, grown.node_hashes)


def test_a_log_written_with_our_tiles_is_verified_by_tlog_scales(tmp_path: Path) -> None:
    exporter = Exporter(tmp_path)
    older = None
    for size in (1, 2, 255, 256, 257, 600, 70_000):
        checkpoint = exporter.grow([entry(at) for at in range(exporter.tree.size, size)])
        assert_stranger_verifies(tmp_path, checkpoint, older)
        older = checkpoint
    assert (tmp_path / "tile/0/273.p/112").stat().st_size == 112 * 32
    assert (tmp_path / "tile/2/000.p/1").stat().st_size == 32


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001"])
def test_tlog_scales_notices_one_changed_byte(tmp_path: Path, path: str) -> None:
    checkpoint = Exporter(tmp_path).grow([entry(at) for at in range(600)])
    assert_stranger_verifies(tmp_path, checkpoint, None)
    data = bytearray((tmp_path / path).read_bytes())
    data[-1] ^= 1
    (tmp_path / path).write_bytes(data)
    stranger, _ = read_by_stranger(tmp_path)
    noticed = 0
    for index in range(600):
        try:
            proof = stranger.get_inclusion_proof(index, 600)
            proof.check(leaf_hash(stranger.get_entry(index)), checkpoint.root)
        except tlog.InclusionProofInvalid:
            noticed += 1
    assert noticed >= 1


def test_a_log_written_by_tlog_scales_is_read_with_our_tiles(tmp_path: Path) -> None:
    theirs = writer.TilesWriter.create(tmp_path / "log", ORIGIN)
    for index in range(600):
        theirs.add_leaf(entry(index))
    theirs.commit([signing.PlainEd25519Signer(ORIGIN, SEED)])
    directory = tmp_path / "log"
    checkpoint = open_checkpoint((directory / "checkpoint").read_text(), [Verifier(LOG.vkey)])
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 600)
    tiles = TileReader(600, lambda tile: (directory / tile.path).read_bytes())
    assert subtree_root(0, 600, tiles) == checkpoint.root
    entries = [
        one
        for bundle in bundles_for(0, 600)
        for one in decode_entries((directory / bundle.path).read_bytes(), bundle.width)
    ]
    assert entries == [entry(index) for index in range(600)]
    for index in (0, 299, 599):
        proof = inclusion_proof(index, 600, tiles)
        verify_inclusion(leaf_hash(entries[index]), index, 600, proof, checkpoint.root)
    proof = consistency_proof(300, 600, tiles)
    tlog.ConsistencyProof(300, 600, proof).check(subtree_root(0, 300, tiles), checkpoint.root)


def test_signatures_are_the_same_bytes() -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=1, root=leaf_hash(b"only"))
    theirs = tlog.Checkpoint.make_signed(ORIGIN, 1, checkpoint.root, [signing.PlainEd25519Signer(ORIGIN, SEED)])
    assert theirs.serialize() == sign_checkpoint(checkpoint, LOG)
    assert theirs.serialize_body() == format_checkpoint(checkpoint)


def test_keys_are_written_alike() -> None:
    for key_type in KeyType:
        vkey = Vkey(name=ORIGIN, key_type=key_type, public_key=LOG.vkey.public_key)
        theirs = signing.Vkey(ORIGIN, None, int(key_type), vkey.public_key)
        assert theirs.serialize() == format_vkey(vkey)  # type: ignore[no-untyped-call]


def test_our_witness_is_understood_by_them_and_post_quantum_witnesses_are_passed_over_by_us() -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=1, root=leaf_hash(b"only"))
    note = sign_checkpoint(checkpoint, LOG)
    note = add_signatures(note, [WITNESS.cosign(note, timestamp=1_700_000_000).line()])
    theirs = tlog.Checkpoint.from_text(note)
    future = signing.MLDSA44CosignatureSigner("witness.example/pq", bytes(32)).sign(theirs)
    note = add_signatures(note, [future.serialize() + "\n"])
    opened = open_note(note, [Verifier(LOG.vkey), CosignatureVerifier(WITNESS.vkey)])
    assert len(opened.verified) == 2
    assert [one.name for one in opened.unknown] == ["witness.example/pq"]
    known = signing.VkeySet(signing.Vkey.from_string(format_vkey(LOG.vkey)))
    known.add(signing.Vkey.from_string(format_vkey(WITNESS.vkey)))
    assert len(known.verify(tlog.Checkpoint.from_text(note).signatures, theirs)) == 2
