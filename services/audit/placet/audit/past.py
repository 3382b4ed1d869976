"""A log as an earlier checkpoint of it committed it, for evidence under a checkpoint that witnesses cosigned.

What is past in the log itself never changes; the status tree does. So the leaves that were changed since are put back,
each derived from the entries of its basis, and the root is compared with what the state entry of that checkpoint says.
Pure: reads through what it is given. See ledger.md section 5.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from placet.audit.ports import Journal
from placet.evidence.status import Status
from placet.evidence.terms import BasisOrdinal, LeafIndex
from placet.tlog.hashing import leaf_hash, node_hash
from placet.tlog.proof import inclusion_proof
from placet.tlog.tree import NodeReader, subtree_root


class PastStatus:
    """The status tree of the first `bases` bases, in which the leaves in `before` stand for those of now."""

    def __init__(self, now: NodeReader, bases: int, before: Mapping[int, bytes]) -> None:
        self._now = now
        self._bases = bases
        self._changed = sorted(before)
        self._nodes = {(0, ordinal): leaf for ordinal, leaf in before.items()}

    def root(self) -> bytes:
        """Return the status root."""
        return subtree_root(0, self._bases, self)

    def proof(self, ordinal: BasisOrdinal) -> list[bytes]:
        """Return the inclusion proof of a basis, leaf sibling first."""
        return inclusion_proof(ordinal, self._bases, self)

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2**level leaves number `index` (`NodeReader`)."""
        first = bisect_left(self._changed, index << level)
        if first == len(self._changed) or self._changed[first] >= (index + 1) << level:
            return self._now.node(level, index)
        found = self._nodes.get((level, index))
        if found is None:
            below = level - 1
            found = node_hash(self.node(below, 2 * index), self.node(below, 2 * index + 1))
            self._nodes[level, index] = found
        return found


def leaves_before(journal: Journal, size: int, ordinals: Sequence[int]) -> Mapping[int, bytes]:
    """Return the status leaves that these bases, granted before it, had when the log had `size` entries."""
    bases, changes = journal.bases(ordinals), journal.changes(ordinals)
    amends = {ordinal: [at for at in changes[ordinal] if at < size] for ordinal in ordinals}
    entries = journal.entries([at for some in amends.values() for at in some])
    return {
        ordinal: status_before(ordinal, bases[ordinal].granted, [entries[at] for at in amends[ordinal]])
        for ordinal in ordinals
    }


def status_before(ordinal: int, granted: int, amends: Iterable[bytes]) -> bytes:
    """Return the status leaf of a basis after these amends, given as entries in log order.

    What is withdrawn is never changed again: a basis that was changed since had only amends before.
    """
    status = Status.at_grant(BasisOrdinal(ordinal), LeafIndex(granted))
    for entry in amends:
        status = status.amended(leaf_hash(entry))
    return status.leaf()
