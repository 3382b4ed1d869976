"""Writes the golden files of a witness beside this file: `python tests/vectors/witness/regenerate.py`.

What a witness writes down is evidence for years: the formats are permanent (docs/adr/0011-witnesses.md).
"""

from pathlib import Path

from placet.evidence.errors import ReplayError
from placet.sdk.witness.conflicts import format_conflict
from placet.sdk.witness.replaying import format_invalid
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer
from placet.tlog.proof import consistency_proof
from placet.tlog.tree import LevelTree, subtree_root
from placet.tlog.witness import Conflict, Held

HERE = Path(__file__).parent
ORIGIN = "log.example/retailer"
LOG = Signer.from_seed(ORIGIN, bytes(range(32)))
NOTICED = 1_780_000_000


def history(name: str) -> LevelTree:
    """Thirteen entries, of which the fourth is called so."""
    names = [name if index == 3 else f"entry {index}" for index in range(13)]
    return LevelTree.from_leaves(b"".join(leaf_hash(one.encode()) for one in names))


def held(tree: LevelTree, size: int) -> Held:
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=subtree_root(0, size, tree))
    return Held(checkpoint=checkpoint, note=sign_checkpoint(checkpoint, LOG))


def vectors() -> dict[str, str]:
    """Every file by its name, as the text it must have."""
    honest, forged = history("entry 3"), history("forged")
    same_size = Conflict(held=held(honest, 7), offered=held(forged, 7), proof=())
    larger = Conflict(held=held(honest, 7), offered=held(forged, 13), proof=tuple(consistency_proof(7, 13, forged)))
    nonsense = Conflict(held=held(honest, 7), offered=held(honest, 13), proof=(bytes(32),))
    wrong = ReplayError("CHAIN", "prev", "it is not the leaf hash of the entry before", index=3)
    return {
        "conflict-of-one-size.json": format_conflict(same_size, now=NOTICED),
        "conflict-of-two-sizes.json": format_conflict(larger, now=NOTICED),
        "conflict-unproven.json": format_conflict(nonsense, now=NOTICED),
        "invalid.json": format_invalid(held(honest, 7), b"entry 3", wrong),
    }


if __name__ == "__main__":
    for file_name, content in vectors().items():
        (HERE / file_name).write_text(content, encoding="utf-8")
        print(f"wrote {HERE / file_name}")
