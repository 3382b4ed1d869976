"""Proofs that a leaf is in a tree and that an old tree is the beginning of a new one: made, and verified.

Making reads nodes through a `NodeReader`; verifying needs nothing but its arguments and believes none of them.
Verification is RFC 9162 sections 2.1.3.2 and 2.1.4.2 step by step: every hash has 32 bytes, every hash is used and
every bit of the size is consumed. A size is only as good as the checkpoint it stands in: the root does not bind it.
Range proofs live in `placet.tlog.rangeproof` and are re-exported here.
"""

from collections.abc import Mapping, Sequence

from placet.tlog.errors import ProofError, ProofReason, RangeError
from placet.tlog.hashing import EMPTY_ROOT, HASH_SIZE, node_hash
from placet.tlog.rangeproof import RangeProof, inclusions, range_proof, verify_range
from placet.tlog.tree import MAX_SIZE, NodeReader, subtree_root

__all__ = (
    "NodeReader",
    "RangeProof",
    "consistency_proof",
    "inclusion_proof",
    "inclusions",
    "range_proof",
    "verify_consistency",
    "verify_inclusion",
    "verify_range",
)


def inclusion_proof(index: int, size: int, reader: NodeReader) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` leaves, leaf sibling first (RFC 6962 section 2.1.1).

    Raises RangeError unless 0 <= index < size.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise RangeError("POSITION", f"a tree of {size} leaves has no leaf {index}", field="index")
    return _path(0, index, size, reader)


def consistency_proof(old: int, size: int, reader: NodeReader) -> list[bytes]:
    """Return the proof that the tree of `old` leaves begins the tree of `size` leaves (RFC 6962 section 2.1.2).

    Empty for old = 0 and old = size: there is nothing to prove. Raises RangeError unless 0 <= old <= size.
    """
    if not 0 <= old <= size <= MAX_SIZE:
        raise RangeError("POSITION", f"a tree of {size} leaves does not extend one of {old}", field="old")
    if old in (0, size):
        return []
    level = (old & -old).bit_length() - 1
    index = (old >> level) - 1
    path = _path(level, index, size, reader)
    # Index 0: the old tree is one perfect subtree, whose root the verifier already has.
    return [reader.node(level, index), *path] if index else path


def _path(level: int, index: int, size: int, reader: NodeReader) -> list[bytes]:
    """Return the siblings met on the way from node (level, index) up to the root of the tree of `size` leaves."""
    path = []
    last = (size - 1) >> level
    while last:
        if index & 1:
            path.append(reader.node(level, index - 1))
        elif index < last:
            path.append(subtree_root((index + 1) << level, min((index + 2) << level, size), reader))
        level, index, last = level + 1, index >> 1, last >> 1
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Verify that `leaf` (a leaf hash) stands at `index` in the tree of `size` leaves with this root.

    Raises ProofError, with everything given and the root computed as evidence. RFC 9162 section 2.1.3.2.
    """
    evidence: dict[str, object] = {"leaf": leaf, "index": index, "size": size, "proof": tuple(proof), "root": root}
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(ProofReason.POSITION, "inclusion", evidence)
    _require_hashes("inclusion", (leaf, root, *proof), evidence)
    fn, sn, computed = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise ProofError(ProofReason.PROOF_LONG, "inclusion", evidence)
        if fn & 1 or fn == sn:
            computed = node_hash(sibling, computed)
            fn, sn = _skip_levels_without_sibling(fn, sn)
        else:
            computed = node_hash(computed, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError(ProofReason.PROOF_SHORT, "inclusion", evidence)
    if computed != root:
        raise ProofError(ProofReason.ROOT_MISMATCH, "inclusion", {**evidence, "computed": computed})


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Verify that the tree of `old_size` leaves is the beginning of the tree of `new_size` leaves.

    An empty old tree begins every tree, an equal one itself; both need an empty proof and the right roots.
    Raises ProofError, with both trees and the proof as evidence. RFC 9162 section 2.1.4.2.
    """
    evidence: dict[str, object] = {
        "old_size": old_size,
        "old_root": old_root,
        "new_size": new_size,
        "new_root": new_root,
        "proof": tuple(proof),
    }
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ProofError(ProofReason.POSITION, "consistency", evidence)
    _require_hashes("consistency", (old_root, new_root, *proof), evidence)
    if old_size in (0, new_size):
        _verify_nothing_to_prove(old_size, old_root, new_size, new_root, proof, evidence)
        return
    old, new = _climb_both(old_size, old_root, new_size, proof, evidence)
    if old != old_root:
        raise ProofError(ProofReason.OLD_ROOT_MISMATCH, "consistency", {**evidence, "computed": old})
    if new != new_root:
        raise ProofError(ProofReason.ROOT_MISMATCH, "consistency", {**evidence, "computed": new})


def _verify_nothing_to_prove(
    old_size: int,
    old_root: bytes,
    new_size: int,
    new_root: bytes,
    proof: Sequence[bytes],
    evidence: Mapping[str, object],
) -> None:
    if proof:
        raise ProofError(ProofReason.PROOF_LONG, "consistency", evidence)
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofError(ProofReason.OLD_ROOT_MISMATCH, "consistency", {**evidence, "computed": EMPTY_ROOT})
    if old_size == new_size and old_root != new_root:
        raise ProofError(ProofReason.ROOT_MISMATCH, "consistency", {**evidence, "computed": old_root})


def _climb_both(
    old_size: int, old_root: bytes, new_size: int, proof: Sequence[bytes], evidence: Mapping[str, object]
) -> tuple[bytes, bytes]:
    """Return the old and the new root that the proof leads to (steps 1 to 6 of RFC 9162 section 2.1.4.2)."""
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not proof:
        raise ProofError(ProofReason.PROOF_SHORT, "consistency", evidence)
    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise ProofError(ProofReason.PROOF_LONG, "consistency", evidence)
        if fn & 1 or fn == sn:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            fn, sn = _skip_levels_without_sibling(fn, sn)
        else:
            new = node_hash(new, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError(ProofReason.PROOF_SHORT, "consistency", evidence)
    return old, new


def _skip_levels_without_sibling(fn: int, sn: int) -> tuple[int, int]:
    """Pass the levels at which the last node of the tree stands alone: it is promoted there, not hashed."""
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _require_hashes(proof: str, hashes: Sequence[bytes], evidence: Mapping[str, object]) -> None:
    if any(len(one) != HASH_SIZE for one in hashes):
        raise ProofError(ProofReason.HASH_LENGTH, proof, evidence)
