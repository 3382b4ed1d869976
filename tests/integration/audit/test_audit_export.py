"""An exported log is a C2SP tree that readers without our code verify; a growing one is continued."""

from pathlib import Path

from integration.audit.rig import Rig

from placet.audit.export import export_tiles
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Verifier
from placet.tlog.proof import inclusion_proof, verify_inclusion
from placet.tlog.tiles import TileReader, bundles_for, decode_entries
from placet.tlog.tree import subtree_root


def verify(folder: Path, vkey: str) -> int:
    """Verify a tree of files with nothing but the files and the pinned key; return its size."""
    checkpoint = open_checkpoint((folder / "checkpoint").read_text(), [Verifier.parse(vkey)])
    reader = TileReader(checkpoint.size, lambda tile: (folder / tile.path).read_bytes())
    assert subtree_root(0, checkpoint.size, reader) == checkpoint.root
    index = 0
    for bundle in bundles_for(0, checkpoint.size):
        for entry in decode_entries((folder / bundle.path).read_bytes(), bundle.width):
            if index % 37 == 0:
                proof = inclusion_proof(index, checkpoint.size, reader)
                verify_inclusion(leaf_hash(entry), index, checkpoint.size, proof, checkpoint.root)
            assert reader.node(0, index) == leaf_hash(entry)
            index += 1
    assert index == checkpoint.size
    return checkpoint.size


def test_the_tree_verifies_and_is_continued(rig: Rig, tmp_path: Path) -> None:
    folder = tmp_path / "tiles"
    for _ in range(100):
        rig.event(None)
    export_tiles(rig.sequencer.snapshot(), folder, progress=lambda *_: None)
    first = verify(folder, rig.log.vkey)
    for _ in range(120):
        rig.event(None)
    written = export_tiles(rig.sequencer.snapshot(), folder, progress=lambda *_: None)
    assert verify(folder, rig.log.vkey) > first
    assert written < len(list(folder.rglob("*")))


def test_a_snapshot_after_a_restart_is_the_same(rig: Rig, tmp_path: Path) -> None:
    for _ in range(300):
        rig.event(None)
    before = rig.sequencer.snapshot()
    proofs = [before.prove(index) for index in range(0, before.size, 13)]
    rig.restart()
    after = rig.sequencer.snapshot()
    assert after.checkpoint == before.checkpoint
    assert [after.prove(index) for index in range(0, before.size, 13)] == proofs
