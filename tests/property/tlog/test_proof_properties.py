"""Proofs compared with the naive tree, and every small change to one refused."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from property.tlog import naive_tree as naive

from placet.tlog.errors import ProofError, ProofReason
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
from placet.tlog.tree import LevelTree


def tree_of(leaves: list[bytes]) -> LevelTree:
    return LevelTree.from_leaves(b"".join(leaves))


@st.composite
def runs(draw: st.DrawFn) -> tuple[int, int, int]:
    """begin < end <= size"""
    size = draw(st.integers(1, 300))
    begin = draw(st.integers(0, size - 1))
    return begin, draw(st.integers(begin + 1, size)), size


@given(st.integers(1, 300), st.data())
def test_an_inclusion_proof_is_the_naive_one_and_verifies(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = naive.some_leaves(size)
    proof = inclusion_proof(index, size, tree_of(leaves))
    assert proof == naive.inclusion(index, leaves)
    verify_inclusion(leaves[index], index, size, proof, naive.root(leaves))


@given(st.integers(0, 300), st.data())
def test_a_consistency_proof_is_the_naive_one_and_verifies(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    leaves = naive.some_leaves(size)
    proof = consistency_proof(old, size, tree_of(leaves))
    assert proof == (naive.consistency(old, leaves) if 0 < old < size else [])
    verify_consistency(old, naive.root(leaves[:old]), size, naive.root(leaves), proof)


@given(st.integers(1, 300), st.data())
def test_a_proof_in_an_older_tree_needs_only_the_grown_one(grown: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, grown))
    old = data.draw(st.integers(1, size))
    leaves = naive.some_leaves(grown)
    tree = tree_of(leaves)
    assert inclusion_proof(old - 1, size, tree) == naive.inclusion(old - 1, leaves[:size])
    verify_consistency(
        old, naive.root(leaves[:old]), size, naive.root(leaves[:size]), consistency_proof(old, size, tree)
    )


@given(runs())
def test_a_range_proof_verifies_and_yields_every_inclusion_proof(run: tuple[int, int, int]) -> None:
    begin, end, size = run
    leaves = naive.some_leaves(size)
    proof = range_proof(begin, end, size, tree_of(leaves))
    verify_range(proof, leaves[begin:end], size, naive.root(leaves))
    cut = inclusions(proof, leaves[begin:end], size)
    assert cut == [naive.inclusion(index, leaves) for index in range(begin, end)]
    assert len({id(one) for one in cut}) == len(cut), "each proof is a list of its own"


@given(runs(), st.data())
def test_a_range_proof_with_any_leaf_or_node_changed_is_refused(run: tuple[int, int, int], data: st.DataObject) -> None:
    begin, end, size = run
    leaves = naive.some_leaves(size)
    proof = range_proof(begin, end, size, tree_of(leaves))
    rows = [list(proof.left), leaves[begin:end], list(proof.right)]
    row = data.draw(st.sampled_from([row for row in rows if row]))
    position = data.draw(st.integers(0, len(row) - 1))
    row[position] = flip(row[position], data.draw(st.integers(0, 255)))
    changed = RangeProof(begin=begin, end=end, left=tuple(rows[0]), right=tuple(rows[2]))
    with pytest.raises(ProofError, match="another root"):
        verify_range(changed, rows[1], size, naive.root(leaves))


# -- every single-bit, length and truncation mutation, exhaustively over small trees


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def mutations(hashes: list[bytes]) -> Iterator[list[bytes]]:
    """Every list of hashes one step away: a bit, a byte more or less, a hash more or less, two neighbours swapped."""
    for at, one in enumerate(hashes):
        before, after = hashes[:at], hashes[at + 1 :]
        for bit in range(256):
            yield [*before, flip(one, bit), *after]
        for length in (one[:-1], one[1:], one + b"\x00", b""):
            yield [*before, length, *after]
        yield [*before, *after]
        yield [*before, one, one, *after]
        if after and after[0] != one:
            yield [*before, after[0], one, *after[1:]]
    yield [*hashes, bytes(32)]
    yield [bytes(32), *hashes]


def assert_all_refused(check: Callable[[list[bytes]], None], hashes: list[bytes]) -> None:
    check(hashes)
    for mutant in mutations(hashes):
        with pytest.raises(ProofError):
            check(mutant)


SMALL = [1, 2, 3, 4, 5, 7, 8, 11]


@pytest.mark.parametrize("size", SMALL)
def test_every_mutation_of_an_inclusion_proof_is_refused(size: int) -> None:
    leaves = naive.some_leaves(size)
    root = naive.root(leaves)
    for index in range(size):
        proof = naive.inclusion(index, leaves)
        assert_all_refused(lambda mutant, i=index: verify_inclusion(leaves[i], i, size, mutant, root), proof)  # type: ignore[misc]
        for bit in range(256):
            with pytest.raises(ProofError):
                verify_inclusion(flip(leaves[index], bit), index, size, proof, root)
            with pytest.raises(ProofError):
                verify_inclusion(leaves[index], index, size, proof, flip(root, bit))
        for other in range(-1, size + 2):
            if other != index:
                with pytest.raises(ProofError):
                    verify_inclusion(leaves[index], other, size, proof, root)


@pytest.mark.parametrize("size", SMALL)
def test_every_mutation_of_a_consistency_proof_is_refused(size: int) -> None:
    leaves = naive.some_leaves(size)
    root = naive.root(leaves)
    for old in range(size + 1):
        old_root = naive.root(leaves[:old])
        proof = naive.consistency(old, leaves) if 0 < old < size else []
        assert_all_refused(
            lambda mutant, m=old, r=old_root: verify_consistency(m, r, size, root, mutant),  # type: ignore[misc]
            proof,
        )
        for bit in range(256):
            with pytest.raises(ProofError):
                verify_consistency(old, flip(old_root, bit), size, root, proof)
            if old:
                with pytest.raises(ProofError):
                    verify_consistency(old, old_root, size, flip(root, bit), proof)


@pytest.mark.parametrize("size", SMALL)
def test_every_mutation_of_a_range_proof_is_refused(size: int) -> None:
    leaves = naive.some_leaves(size)
    root = naive.root(leaves)
    tree = tree_of(leaves)
    for begin in range(size):
        for end in {begin + 1, (begin + 1 + size) // 2, size}:
            good = range_proof(begin, end, size, tree)

            def check(
                left: tuple[bytes, ...], run: list[bytes], right: tuple[bytes, ...], a: int = begin, b: int = end
            ) -> None:
                verify_range(RangeProof(begin=a, end=b, left=left, right=right), run, size, root)

            run = leaves[begin:end]
            assert_all_refused(lambda m, c=check, g=good, r=run: c(tuple(m), r, g.right), list(good.left))  # type: ignore[misc]
            assert_all_refused(lambda m, c=check, g=good, r=run: c(g.left, r, tuple(m)), list(good.right))  # type: ignore[misc]
            assert_all_refused(lambda m, c=check, g=good: c(g.left, m, g.right), run)  # type: ignore[misc]
            for bit in range(256):
                with pytest.raises(ProofError):
                    verify_range(good, run, size, flip(root, bit))


@given(st.integers(2, 300), st.data())
def test_an_inner_node_never_passes_for_a_root(size: int, data: st.DataObject) -> None:
    """All bits of the size must be consumed: a path cut off under the root would otherwise prove an inner node."""
    index = data.draw(st.integers(0, size - 1))
    leaves = naive.some_leaves(size)
    proof = naive.inclusion(index, leaves)
    k = naive.split(size)
    inner = naive.root(leaves[:k] if index < k else leaves[k:])
    with pytest.raises(ProofError) as refused:
        verify_inclusion(leaves[index], index, size, proof[:-1], inner)
    assert refused.value.reason == ProofReason.PROOF_SHORT
    with pytest.raises(ProofError) as refused:
        verify_inclusion(leaves[index], index, size, [*proof, bytes(32)], naive.node(bytes(32), naive.root(leaves)))
    assert refused.value.reason == ProofReason.PROOF_LONG


@given(st.integers(3, 300), st.data())
def test_consistency_with_an_inner_node_is_refused(size: int, data: st.DataObject) -> None:
    leaves = naive.some_leaves(size)
    k = naive.split(size)
    old = data.draw(st.integers(1, k - 1) if k > 1 else st.just(1))
    proof = naive.consistency(old, leaves)
    with pytest.raises(ProofError) as refused:
        verify_consistency(old, naive.root(leaves[:old]), size, naive.root(leaves[:k]), proof[:-1])
    assert refused.value.reason == ProofReason.PROOF_SHORT


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_two_histories_are_never_consistent(old: int, more: int, data: st.DataObject) -> None:
    """A log that changes one old entry finds no proof: neither its own nor the honest one."""
    honest = naive.some_leaves(old + more)
    changed = data.draw(st.integers(0, old - 1))
    forked = [naive.leaf(b"forged") if at == changed else leaf for at, leaf in enumerate(honest)]
    for proof in (consistency_proof(old, old + more, tree_of(each)) for each in (honest, forked)):
        with pytest.raises(ProofError):
            verify_consistency(old, naive.root(honest[:old]), old + more, naive.root(forked), proof)
