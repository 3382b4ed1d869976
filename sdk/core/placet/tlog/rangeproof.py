"""Range proofs: one proof for a run of contiguous leaves, and the single inclusion proofs cut out of it.

`left` are the nodes cover(0, begin), `right` the nodes cover(end, size), both from left to right; with the leaves of
the run they make up the whole tree. Format of Placet, `ledger.md` section 1. Imported through `placet.tlog.proof`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from placet.tlog.errors import ProofError, ProofReason, RangeError
from placet.tlog.hashing import HASH_SIZE, fold, pair_hash
from placet.tlog.tree import MAX_SIZE, CompactRange, NodeReader, cover


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeProof:
    """What is needed besides the leaves [begin, end) to know the root: the nodes on their left and on their right."""

    begin: int
    end: int
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


def range_proof(begin: int, end: int, size: int, reader: NodeReader) -> RangeProof:
    """Return the proof for the leaves [begin, end) in the tree of `size` leaves.

    Raises RangeError unless 0 <= begin < end <= size: a run has at least one leaf.
    """
    if not 0 <= begin < end <= size <= MAX_SIZE:
        raise RangeError("POSITION", f"a tree of {size} leaves has no run [{begin}, {end})", field="begin, end")
    left = tuple(reader.node(level, index) for level, index in cover(0, begin))
    right = tuple(reader.node(level, index) for level, index in cover(end, size))
    return RangeProof(begin=begin, end=end, left=left, right=right)


def verify_range(proof: RangeProof, leaves: Sequence[bytes], size: int, root: bytes) -> None:
    """Verify that `leaves` (leaf hashes) are the leaves [begin, end) of the tree of `size` leaves with this root.

    Costs about one hash a leaf. Raises ProofError, with the proof and the root computed as evidence.
    """
    evidence = _evidence(proof, leaves, size, root)
    right = _require_shape(proof, leaves, size, evidence)
    if len(root) != HASH_SIZE:
        raise ProofError(ProofReason.HASH_LENGTH, "range", evidence)
    tree = CompactRange.resume(proof.left, proof.begin)
    tree.extend(leaves)
    for (level, _), subtree in zip(right, proof.right, strict=True):
        tree.append_subtree(level, subtree)
    computed = tree.root()
    if computed != root:
        raise ProofError(ProofReason.ROOT_MISMATCH, "range", {**evidence, "computed": computed})


def inclusions(proof: RangeProof, leaves: Sequence[bytes], size: int) -> list[list[bytes]]:
    """Return one inclusion proof for each leaf of the run, leaf sibling first, in the order of the run.

    Verify the range first: this only rearranges what it is given. About one hash a leaf, and one short list a node.
    Raises ProofError if the numbers of leaves or hashes do not fit the sizes.
    """
    _require_shape(proof, leaves, size, _evidence(proof, leaves, size, None))
    levels = _levels(proof, leaves, size)
    paths: list[list[bytes]] = [[]]
    for level in reversed(range(len(levels))):
        base, nodes = levels[level]
        first, last = proof.begin >> level, (proof.end - 1) >> level
        above, paths = paths, []
        for index in range(first, last + 1):
            upper = above[(index >> 1) - (first >> 1)]
            sibling = (index ^ 1) - base
            paths.append([nodes[sibling], *upper] if sibling < len(nodes) else upper)
    return paths


def _levels(proof: RangeProof, leaves: Sequence[bytes], size: int) -> list[tuple[int, list[bytes]]]:
    """Return, for each level below the root, the run's ancestors and their siblings as (index of the first, nodes)."""
    left, right = list(proof.left), list(reversed(proof.right))
    base, nodes, count = proof.begin, list(leaves), size
    levels: list[tuple[int, list[bytes]]] = []
    # Invariant: `left` covers [0, base << level), `right` what follows the nodes; `count` is the width of the level.
    while count > 1:
        if base & 1:
            nodes.insert(0, left.pop())
            base -= 1
        top = base + len(nodes)
        if top & 1 and top < count:
            nodes.append(_next_right(right, top, len(levels), size))
        levels.append((base, nodes))
        parents = [pair_hash(nodes[at] + nodes[at + 1]) for at in range(0, len(nodes) - 1, 2)]
        if len(nodes) & 1:
            parents.append(nodes[-1])
        base, nodes, count = base >> 1, parents, (count + 1) >> 1
    return levels


def _next_right(right: list[bytes], index: int, level: int, size: int) -> bytes:
    """Take the subtree `index` of that level off `right` (nearest last): one node if perfect, else all that is left."""
    if (index + 1) << level <= size:
        return right.pop()
    return fold(right[::-1])


def _require_shape(
    proof: RangeProof, leaves: Sequence[bytes], size: int, evidence: Mapping[str, object]
) -> list[tuple[int, int]]:
    """Refuse what cannot be a range proof of that size; return the positions of its right nodes."""
    if not 0 <= proof.begin < proof.end <= size <= MAX_SIZE:
        raise ProofError(ProofReason.POSITION, "range", evidence)
    if len(leaves) != proof.end - proof.begin:
        raise ProofError(ProofReason.LEAF_COUNT, "range", evidence)
    right = cover(proof.end, size)
    for got, expected in ((len(proof.left), proof.begin.bit_count()), (len(proof.right), len(right))):
        if got != expected:
            reason = ProofReason.PROOF_SHORT if got < expected else ProofReason.PROOF_LONG
            raise ProofError(reason, "range", evidence)
    lengths = set(map(len, leaves)) | set(map(len, proof.left)) | set(map(len, proof.right))
    if lengths != {HASH_SIZE}:
        raise ProofError(ProofReason.HASH_LENGTH, "range", evidence)
    return right


def _evidence(proof: RangeProof, leaves: Sequence[bytes], size: int, root: bytes | None) -> dict[str, object]:
    evidence: dict[str, object] = {
        "begin": proof.begin,
        "end": proof.end,
        "size": size,
        "leaves": tuple(leaves),
        "left": proof.left,
        "right": proof.right,
    }
    return evidence if root is None else {**evidence, "root": root}
