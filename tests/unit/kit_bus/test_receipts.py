"""Cutting one caller's share out of a shared reply: every run and inclusion verifies, nothing wrong is passed on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.kit.errors import Corrupt
from placet.kit.ledger.messages import AppendReply, Consistency, Range, Result
from placet.kit.ledger.receipts import Appended, SharedReply, maximal_runs, subrange
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import RangeProof, consistency_proof, range_proof, verify_inclusion, verify_range
from placet.tlog.tree import LevelTree


def tree_of(size: int) -> tuple[LevelTree, list[bytes]]:
    tree = LevelTree()
    leaves = [leaf_hash(b"%d" % n) for n in range(size)]
    for leaf in leaves:
        tree.append(leaf)
    return tree, leaves


@st.composite
def ranges(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    """A size, a range in it, and a range in that."""
    size = draw(st.integers(1, 300))
    wide_begin = draw(st.integers(0, size - 1))
    wide_end = draw(st.integers(wide_begin + 1, size))
    begin = draw(st.integers(wide_begin, wide_end - 1))
    return size, wide_begin, wide_end, begin, draw(st.integers(begin + 1, wide_end))


@settings(max_examples=400, deadline=None)
@given(ranges())
def test_a_cut_range_proof_is_the_one_the_tree_gives(case: tuple[int, int, int, int, int]) -> None:
    size, wide_begin, wide_end, begin, end = case
    tree, leaves = tree_of(size)
    wide = range_proof(wide_begin, wide_end, size, tree)
    cut = subrange(wide, leaves[wide_begin:wide_end], begin, end, size)
    assert cut == range_proof(begin, end, size, tree)
    verify_range(cut, leaves[begin:end], size, tree.root())


def test_every_cut_of_every_small_tree_verifies() -> None:
    for size in range(1, 18):
        tree, leaves = tree_of(size)
        for wide_begin in range(size):
            for wide_end in range(wide_begin + 1, size + 1):
                wide = range_proof(wide_begin, wide_end, size, tree)
                for begin in range(wide_begin, wide_end):
                    for end in range(begin + 1, wide_end + 1):
                        cut = subrange(wide, leaves[wide_begin:wide_end], begin, end, size)
                        verify_range(cut, leaves[begin:end], size, tree.root())


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 120), st.data())
def test_each_share_of_a_reply_proves_itself(size: int, data: st.DataObject) -> None:
    tree, leaves = tree_of(size)
    asked = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=40))
    reply = SharedReply(_reply(tree, leaves, asked, size))
    for _ in range(3):
        positions = data.draw(st.lists(st.integers(0, len(asked) - 1), min_size=1, max_size=10))
        results = [Result(asked[at], leaves[asked[at]], b"%d" % asked[at]) for at in positions]
        share = Appended(reply, results, 0)
        own = sorted({one.index for one in results})
        assert [(run.begin, run.end) for run in share.runs()] == maximal_runs(own)
        for run in share.runs():
            verify_range(run, leaves[run.begin : run.end], size, tree.root())
        for index in own:
            verify_inclusion(leaves[index], index, size, share.inclusion(index), tree.root())


def _reply(tree: LevelTree, leaves: list[bytes], asked: list[int], size: int) -> AppendReply:
    proofs = [range_proof(begin, end, size, tree) for begin, end in maximal_runs(sorted(set(asked)))]
    return AppendReply(
        [Result(index, leaves[index], b"%d" % index) for index in asked],
        [Range(one.begin, one.end, one.left, one.right) for one in reversed(proofs)],
        "note",
        size,
        [Consistency(1, tuple(consistency_proof(1, size, tree)))] if size > 1 else [],
    )


@pytest.mark.parametrize(
    ("begin", "end"), [(3, 9), (1, 5), (9, 12)], ids=["beyond the end", "before the begin", "outside"]
)
def test_nothing_is_cut_that_was_not_proven(begin: int, end: int) -> None:
    tree, leaves = tree_of(16)
    wide = range_proof(2, 8, 16, tree)
    with pytest.raises(Corrupt, match="not inside"):
        subrange(wide, leaves[2:8], begin, end, 16)


def test_a_proof_with_missing_hashes_is_corrupt() -> None:
    tree, leaves = tree_of(16)
    wide = range_proof(3, 8, 16, tree)
    short = RangeProof(begin=3, end=8, left=wide.left[1:], right=wide.right)
    with pytest.raises(Corrupt):
        subrange(short, leaves[3:8], 4, 5, 16)


def test_a_reply_that_proves_less_than_it_says_is_corrupt() -> None:
    tree, leaves = tree_of(16)
    whole = _reply(tree, leaves, [3, 4, 9], 16)
    unproven = SharedReply(AppendReply(whole.results, whole.ranges[:1], "note", 16, []))
    share = Appended(unproven, whole.results, 0)
    for call in (share.runs, lambda: share.inclusion(3), lambda: share.inclusion(15)):
        with pytest.raises(Corrupt) as refused:
            call()
        assert refused.value.reason == "PROOF_INVALID"
    missing = SharedReply(AppendReply(whole.results[1:], whole.ranges, "note", 16, []))
    with pytest.raises(Corrupt, match="not in the answer"):
        missing.inclusion(3)


def test_consistency_is_that_of_the_callers_own_size() -> None:
    tree, leaves = tree_of(9)
    whole = _reply(tree, leaves, [2], 9)
    shared = SharedReply(whole)
    assert Appended(shared, whole.results, 1).consistency == tuple(consistency_proof(1, 9, tree))
    assert Appended(shared, whole.results, 0).consistency is None
    assert Appended(shared, whole.results, 5).consistency is None


def test_maximal_runs() -> None:
    assert maximal_runs([]) == []
    assert maximal_runs([4]) == [(4, 5)]
    assert maximal_runs([1, 2, 3, 7, 9, 10]) == [(1, 4), (7, 8), (9, 11)]
