"""Proofs at their edges: trivial sizes, impossible positions, the evidence of a refusal."""

import pytest

from placet.tlog.errors import ProofError, ProofReason, RangeError
from placet.tlog.hashing import EMPTY_ROOT, leaf_hash
from placet.tlog.proof import (
    RangeProof,
    consistency_proof,
    inclusion_proof,
    inclusions,
    range_proof,
    verify_consistency,
    verify_inclusion,
    verify_range,
)
from placet.tlog.tree import MAX_SIZE, CompactRange, LevelTree

LEAVES = [leaf_hash(b"%d" % at) for at in range(7)]
TREE = LevelTree.from_leaves(b"".join(LEAVES))
ROOT = TREE.root()


def root_of(size: int) -> bytes:
    compact = CompactRange()
    compact.extend(LEAVES[:size])
    return compact.root()


def test_an_empty_old_tree_begins_every_tree_and_each_tree_itself() -> None:
    verify_consistency(0, EMPTY_ROOT, 7, ROOT, [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    verify_consistency(7, ROOT, 7, ROOT, [])
    assert consistency_proof(0, 7, TREE) == consistency_proof(7, 7, TREE) == consistency_proof(0, 0, TREE) == []


@pytest.mark.parametrize(
    ("old_size", "old_root", "new_size", "new_root", "proof", "reason"),
    [
        (0, ROOT, 7, ROOT, [], ProofReason.OLD_ROOT_MISMATCH),
        (0, EMPTY_ROOT, 7, ROOT, [LEAVES[0]], ProofReason.PROOF_LONG),
        (0, ROOT, 0, ROOT, [], ProofReason.OLD_ROOT_MISMATCH),
        (0, EMPTY_ROOT, 0, ROOT, [], ProofReason.ROOT_MISMATCH),
        (7, ROOT, 7, LEAVES[0], [], ProofReason.ROOT_MISMATCH),
        (7, ROOT, 7, ROOT, [LEAVES[0]], ProofReason.PROOF_LONG),
        (7, ROOT, 6, root_of(6), [], ProofReason.POSITION),
        (-1, EMPTY_ROOT, 7, ROOT, [], ProofReason.POSITION),
        (1, LEAVES[0], MAX_SIZE + 1, ROOT, [], ProofReason.POSITION),
        (4, root_of(4), 7, ROOT, [], ProofReason.PROOF_SHORT),
        (3, root_of(3), 7, ROOT, [], ProofReason.PROOF_SHORT),
        (7, ROOT[:-1], 7, ROOT[:-1], [], ProofReason.HASH_LENGTH),
        (3, root_of(2), 7, ROOT, consistency_proof(3, 7, TREE), ProofReason.OLD_ROOT_MISMATCH),
        (3, root_of(3), 7, root_of(6), consistency_proof(3, 7, TREE), ProofReason.ROOT_MISMATCH),
    ],
)
def test_inconsistent_trees_are_refused(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: list[bytes], reason: ProofReason
) -> None:
    with pytest.raises(ProofError) as refused:
        verify_consistency(old_size, old_root, new_size, new_root, proof)
    assert refused.value.reason == reason
    assert refused.value.field == "consistency proof"


@pytest.mark.parametrize(("index", "size"), [(7, 7), (-1, 7), (0, 0), (0, -1), (0, MAX_SIZE + 1)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(RangeError, match="has no leaf"):
        inclusion_proof(index, size, TREE)
    with pytest.raises(ProofError, match="do not lie in a tree") as refused:
        verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])
    assert refused.value.reason == ProofReason.POSITION


@pytest.mark.parametrize(("old", "size"), [(-1, 7), (8, 7), (0, MAX_SIZE + 1)])
def test_an_old_tree_that_is_not_smaller_has_no_proof(old: int, size: int) -> None:
    with pytest.raises(RangeError):
        consistency_proof(old, size, TREE)


@pytest.mark.parametrize(("begin", "end", "size"), [(3, 3, 7), (4, 3, 7), (-1, 3, 7), (3, 8, 7), (0, 1, MAX_SIZE + 1)])
def test_a_run_outside_the_tree_has_no_proof(begin: int, end: int, size: int) -> None:
    with pytest.raises(RangeError, match="has no run"):
        range_proof(begin, end, size, TREE)
    proof = RangeProof(begin=begin, end=end, left=(), right=())
    for refuse in (lambda: verify_range(proof, [], size, ROOT), lambda: inclusions(proof, [], size)):
        with pytest.raises(ProofError) as refused:
            refuse()
        assert refused.value.reason == ProofReason.POSITION


def test_a_range_proof_of_the_wrong_shape_is_refused_before_any_hash() -> None:
    good = range_proof(2, 5, 7, TREE)
    left, right, run = good.left, good.right, LEAVES[2:5]
    cases = [
        ((left, run[:-1], right), ProofReason.LEAF_COUNT),
        ((left, [*run, run[0]], right), ProofReason.LEAF_COUNT),
        ((left[1:], run, right), ProofReason.PROOF_SHORT),
        (((*left, ROOT), run, right), ProofReason.PROOF_LONG),
        ((left, run, right[1:]), ProofReason.PROOF_SHORT),
        ((left, run, (*right, ROOT)), ProofReason.PROOF_LONG),
        ((left, [run[0], run[1], run[2][1:]], right), ProofReason.HASH_LENGTH),
        (((left[0] + b"\x00",), run, right), ProofReason.HASH_LENGTH),
        ((left, run, (right[0][1:], *right[1:])), ProofReason.HASH_LENGTH),
    ]
    for (some_left, some_run, some_right), reason in cases:
        proof = RangeProof(begin=2, end=5, left=some_left, right=some_right)
        for refuse in (
            lambda p=proof, r=some_run: verify_range(p, r, 7, ROOT),
            lambda p=proof, r=some_run: inclusions(p, r, 7),
        ):
            with pytest.raises(ProofError) as refused:
                refuse()
            assert refused.value.reason == reason
    with pytest.raises(ProofError) as refused:
        verify_range(good, run, 7, ROOT[1:])
    assert refused.value.reason == ProofReason.HASH_LENGTH


def test_a_size_is_bound_by_the_checkpoint_and_not_by_the_proof() -> None:
    """Leaf 0 has the same path shape in trees of 3 and of 4: why a size is only ever taken from a signed checkpoint."""
    verify_inclusion(LEAVES[0], 0, 3, inclusion_proof(0, 3, TREE), root_of(3))
    verify_inclusion(LEAVES[0], 0, 4, inclusion_proof(0, 3, TREE), root_of(3))


def test_a_refusal_carries_its_evidence_and_says_it_in_words() -> None:
    proof = inclusion_proof(2, 7, TREE)
    with pytest.raises(ProofError) as refused:
        verify_inclusion(LEAVES[3], 2, 7, proof, ROOT)
    error = refused.value
    assert error.reason == ProofReason.ROOT_MISMATCH
    assert error.evidence["proof"] == tuple(proof)
    assert error.evidence["computed"] != ROOT
    words = error.diagnostics().splitlines()
    assert words[0].startswith("ROOT_MISMATCH (inclusion proof): inclusion proof refused")
    assert f"  leaf: {LEAVES[3].hex()}" in words
    assert "  size: 7" in words
    assert "  proof: 3 hashes" in words
    assert f"  proof[0]: {proof[0].hex()}" in words
    assert len(words) == 1 + len(error.evidence) + len(proof)


def test_a_refused_range_names_its_leaves_but_no_root_where_none_was_given() -> None:
    with pytest.raises(ProofError) as refused:
        inclusions(RangeProof(begin=0, end=1, left=(), right=()), [], 1)
    assert "root" not in refused.value.evidence
    with pytest.raises(ProofError) as refused:
        verify_range(range_proof(0, 2, 7, TREE), LEAVES[1:3], 7, ROOT)
    assert refused.value.evidence["root"] == ROOT
    assert refused.value.evidence["leaves"] == tuple(LEAVES[1:3])
