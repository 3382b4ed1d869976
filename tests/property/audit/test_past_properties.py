"""The status tree as it was: for any history of grants and changes, the past tree is the one that stood then."""

from hypothesis import given, settings
from hypothesis import strategies as st
from property.tlog import naive_tree as naive

from placet.audit.past import PastStatus, status_before
from placet.evidence.status import Status, StatusTree
from placet.evidence.terms import BasisOrdinal, LeafIndex
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import verify_inclusion


class Bases:
    """A status tree that grows, and a plain copy of its leaves at each moment."""

    def __init__(self) -> None:
        self.tree = StatusTree()
        self.statuses: list[Status] = []
        self.entries: list[tuple[int, bytes]] = []  # (ordinal, entry): grants, amends and withdraws
        self.moments: list[list[bytes]] = [[]]

    def do(self, step: int) -> None:
        index = LeafIndex(len(self.entries))
        entry = b"entry %d" % index
        open_ones = [status for status in self.statuses if status.ended is None]
        if step % 3 == 0 or not open_ones:
            status = Status.at_grant(BasisOrdinal(len(self.statuses)), index)
            self.statuses.append(status)
        else:
            old = open_ones[step % len(open_ones)]
            leaf = leaf_hash(entry)
            status = old.amended(leaf) if step % 3 == 1 else old.withdrawn(leaf, index)
            self.statuses[status.ordinal] = status
        self.tree.put(status)
        self.entries.append((status.ordinal, entry))
        self.moments.append([one.leaf() for one in self.statuses])

    def past(self, size: int) -> PastStatus:
        """The status tree when `size` entries were there, from what is known now."""
        granted = {ordinal: index for index, (ordinal, _) in reversed(list(enumerate(self.entries)))}
        bases = sum(index < size for index in granted.values())
        before = {}
        for ordinal in {ordinal for ordinal, _ in self.entries[size:] if ordinal < bases}:
            amends = [
                entry
                for index, (of, entry) in enumerate(self.entries[:size])
                if of == ordinal and index != granted[ordinal]
            ]
            before[ordinal] = status_before(ordinal, granted[ordinal], amends)
        return PastStatus(self.tree, bases, before)


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**16), max_size=60), st.data())
def test_the_past_tree_is_the_one_that_stood_then(steps: list[int], data: st.DataObject) -> None:
    bases = Bases()
    for step in steps:
        bases.do(step)
    size = data.draw(st.integers(0, len(steps)))
    leaves = bases.moments[size]
    past = bases.past(size)
    assert past.root() == naive.root(leaves)
    for ordinal, leaf in enumerate(leaves):
        proof = past.proof(BasisOrdinal(ordinal))
        assert proof == naive.inclusion(ordinal, leaves)
        verify_inclusion(leaf, ordinal, len(leaves), proof, past.root())


def test_the_tree_of_now_is_not_the_one_that_stood_then() -> None:
    """Negative control: without putting the leaves back, the root is another."""
    bases = Bases()
    for step in (0, 0, 0, 2):
        bases.do(step)
    assert PastStatus(bases.tree, 3, {}).root() != naive.root(bases.moments[3])
    assert bases.past(3).root() == naive.root(bases.moments[3])
