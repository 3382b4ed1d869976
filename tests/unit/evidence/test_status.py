"""The status tree: its leaf, its history, and what a change costs."""

from hashlib import sha256

import pytest

from placet.evidence.errors import FieldError
from placet.evidence.status import NO_HISTORY, Status, StatusTree, fold_history, status_leaf
from placet.tlog.hashing import EMPTY_ROOT, pair_hash
from placet.tlog.proof import verify_inclusion

LEAF = bytes(range(32))


def test_the_leaf_is_as_the_design_says():
    message = b"\x00placet/status/v1" + b"".join(n.to_bytes(8, "big") for n in (3, 17, 2**64 - 1)) + bytes(32)
    assert status_leaf(3, 17, None, NO_HISTORY) == sha256(message).digest()
    message = b"\x00placet/status/v1" + b"".join(n.to_bytes(8, "big") for n in (3, 17, 40)) + LEAF
    assert status_leaf(3, 17, 40, LEAF) == sha256(message).digest()


def test_the_history_folds_every_change_in_order():
    other = bytes(32)
    status = Status.at_grant(3, 17).amended(LEAF).withdrawn(other, 40)
    first = sha256(bytes(32) + LEAF).digest()
    assert (status.ordinal, status.granted, status.ended) == (3, 17, 40)
    assert status.history == sha256(first + other).digest() == fold_history(fold_history(NO_HISTORY, LEAF), other)
    assert status.leaf() == status_leaf(3, 17, 40, status.history)


def tree_of(count, **how):
    tree = StatusTree(**how)
    for ordinal in range(count):
        tree.put(Status.at_grant(ordinal, 100 + ordinal))
    return tree


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 33])
def test_put_and_rebuild_give_the_same_tree(count):
    tree = tree_of(count)
    leaves = [Status.at_grant(ordinal, 100 + ordinal).leaf() for ordinal in range(count)]
    for rebuilt in (StatusTree.from_leaves(leaves), StatusTree.from_leaves(b"".join(leaves))):
        assert rebuilt.root() == tree.root()
        assert rebuilt.size == count
    assert (tree.root() == EMPTY_ROOT) == (count == 0)


def test_a_changed_status_is_proven_and_the_old_one_is_not():
    tree = tree_of(9)
    status = Status.at_grant(4, 104).withdrawn(LEAF, 200)
    before = tree.root()
    tree.put(status)
    assert tree.root() != before
    verify_inclusion(status.leaf(), 4, 9, tree.proof(4), tree.root())
    tree.put(Status.at_grant(4, 104))
    assert tree.root() == before


def test_ordinals_leave_no_gap():
    tree = tree_of(2)
    with pytest.raises(FieldError):
        tree.put(Status.at_grant(3, 9))
    assert tree.size == 2


def test_bases_that_were_never_committed_are_forgotten():
    tree = tree_of(5)
    tree.put(Status.at_grant(5, 1))
    tree.truncate(5)
    assert tree.root() == tree_of(5).root()


def test_a_change_at_a_million_bases_costs_at_most_60_hashes():
    """Leaf, history, path and root of an amend, a withdrawal and a grant, all counted."""
    counted = 0

    def pair(both):
        nonlocal counted
        counted += 1
        return pair_hash(both)

    tree = StatusTree.from_leaves(b"".join(n.to_bytes(32, "big") for n in range(1_000_000)), pair=pair)
    assert counted == 1_000_000 - 7  # a perfect subtree for each bit of the size; their roots are folded later
    costs = []
    for ordinal in (0, 524_287, 777_777, 999_999):
        counted = 0
        tree.put(Status.at_grant(ordinal, 5).amended(LEAF))
        tree.root()
        costs.append(counted + 2)  # the history and the leaf itself
    for ordinal in (1_000_000, 1_000_001):
        counted = 0
        tree.put(Status.at_grant(ordinal, 5))
        tree.root()
        costs.append(counted + 1)
    assert max(costs) <= 60
