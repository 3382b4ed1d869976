"""What an append returns: one receipt per submission, and the proofs of all of them under one checkpoint.

Owns cutting one caller's share out of a reply that several callers share: its receipts, the range proofs of its own
runs, single inclusion proofs, its consistency proof. Cut only when asked for, computed once for all callers.
Never verifies (the SDK does, with the key it has pinned): a share is exactly as true as the reply it is cut from.
Follows ledger.md sections 1 and 7.
"""

from bisect import bisect_right
from collections.abc import Sequence

from msgspec import Struct

from placet.kit.errors import Corrupt, PlacetError
from placet.kit.ledger.messages import AppendReply, Result
from placet.tlog.errors import TlogError
from placet.tlog.hashing import node_hash
from placet.tlog.proof import RangeProof, inclusions, range_proof
from placet.tlog.tree import cover


class Receipt(Struct, frozen=True, kw_only=True, gc=False):
    """Where one entry stands: index in the log, leaf hash (32 bytes), the bytes that were hashed.

    `repeated`: the idempotency key was known, and this is the entry it stands for.
    """

    index: int
    leaf: bytes
    entry: bytes
    repeated: bool


class Appended:
    """One caller's share of an answered append.

    `checkpoint` is the signed note over the tree of `size` leaves, against which every proof here stands.
    `consistency` proves that the tree the caller had seen begins this one: None if it had seen nothing, or claims to
    have seen more than there is.
    """

    __slots__ = ("_reply", "_runs", "consistency", "outcomes")

    def __init__(self, reply: "SharedReply", results: Sequence[Result], seen: int) -> None:
        self._reply = reply
        self._runs: tuple[RangeProof, ...] | None = None
        self.outcomes: tuple[Receipt | PlacetError, ...] = tuple(map(_outcome, results))
        self.consistency: tuple[bytes, ...] | None = reply.consistency(seen)

    @property
    def checkpoint(self) -> str:
        """Return the signed note."""
        return self._reply.checkpoint

    @property
    def size(self) -> int:
        """Return the tree size of the checkpoint."""
        return self._reply.size

    def receipt(self, position: int = 0) -> Receipt:
        """Return the receipt of that submission; raises the typed error if it was refused."""
        outcome = self.outcomes[position]
        if isinstance(outcome, PlacetError):
            raise outcome
        return outcome

    def receipts(self) -> list[Receipt]:
        """Return the receipts of all submissions, in their order; raises the first refusal."""
        return [self.receipt(position) for position in range(len(self.outcomes))]

    def inclusion(self, index: int) -> list[bytes]:
        """Return the inclusion proof of one of this share's entries, leaf sibling first."""
        return self._reply.inclusion(index)

    def runs(self) -> tuple[RangeProof, ...]:
        """Return one range proof for each maximal run of this share's ascending distinct indexes."""
        if self._runs is None:
            own = sorted({one.index for one in self.outcomes if isinstance(one, Receipt)})
            self._runs = tuple(self._reply.run(begin, end) for begin, end in maximal_runs(own))
        return self._runs


class SharedReply:
    """A reply that several callers share; what is cut out of it once is kept for all of them."""

    def __init__(self, reply: AppendReply) -> None:
        self.checkpoint = reply.checkpoint
        self.size = reply.size
        self._ranges = sorted(
            (RangeProof(begin=one.begin, end=one.end, left=one.left, right=one.right) for one in reply.ranges),
            key=_begin,
        )
        self._leaves = {one.index: one.leaf for one in reply.results if one.error is None}
        self._consistency = {one.seen: one.hashes for one in reply.consistency}
        self._inclusions: dict[int, list[bytes]] = {}
        self._readers: dict[int, RangeReader] = {}

    def consistency(self, seen: int) -> tuple[bytes, ...] | None:
        """Return the proof from that size, None if the reply has none."""
        return self._consistency.get(seen) if seen else None

    def inclusion(self, index: int) -> list[bytes]:
        """Return the inclusion proof of an entry of this reply; raises Corrupt if the reply does not prove it."""
        found = self._inclusions.get(index)
        if found is None:
            whole = self._range_of(index, index + 1)
            try:
                paths = inclusions(whole, self._run_leaves(whole), self.size)
            except TlogError as error:
                raise _unproven(str(error)) from error
            self._inclusions.update(zip(range(whole.begin, whole.end), paths, strict=True))
            found = self._inclusions[index]
        return found

    def run(self, begin: int, end: int) -> RangeProof:
        """Return the range proof of [begin, end); raises Corrupt if the reply does not prove it."""
        whole = self._range_of(begin, end)
        if (whole.begin, whole.end) == (begin, end):
            return whole
        reader = self._readers.get(whole.begin)
        if reader is None:
            reader = self._readers[whole.begin] = RangeReader(whole, self._run_leaves(whole), self.size)
        return range_proof(begin, end, self.size, reader)

    def _range_of(self, begin: int, end: int) -> RangeProof:
        place = bisect_right(self._ranges, begin, key=_begin) - 1
        if place < 0 or end > self._ranges[place].end:
            raise _unproven(f"no range proof covers [{begin}, {end})")
        return self._ranges[place]

    def _run_leaves(self, whole: RangeProof) -> list[bytes]:
        try:
            return [self._leaves[index] for index in range(whole.begin, whole.end)]
        except KeyError as missing:
            raise _unproven(f"a range proof covers entry {missing}, which is not in the answer") from None


class RangeReader:
    """The nodes of a tree as far as one range proof and its leaves give them: enough for every run inside the range.

    A node that lies in a cover of a run inside the range is a node of the proof, a leaf, or made of such nodes: the
    covers are the largest aligned subtrees, so none of those asked for lies strictly inside a node of the proof.
    """

    def __init__(self, proof: RangeProof, leaves: Sequence[bytes], size: int) -> None:
        left, right = cover(0, proof.begin), cover(proof.end, size)
        if (len(left), len(right)) != (len(proof.left), len(proof.right)):
            raise _unproven(
                f"the range proof of [{proof.begin}, {proof.end}) has not the hashes that size {size} needs"
            )
        self._nodes: dict[tuple[int, int], bytes] = {
            **{(0, proof.begin + at): leaf for at, leaf in enumerate(leaves)},
            **dict(zip(left, proof.left, strict=True)),
            **dict(zip(right, proof.right, strict=True)),
        }

    def node(self, level: int, index: int) -> bytes:
        """Return the root of perfect subtree number `index` of 2**level leaves."""
        known = self._nodes.get((level, index))
        if known is None:
            if level == 0:
                raise _unproven(f"the range proof does not reach leaf {index}")
            known = node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))
            self._nodes[level, index] = known
        return known


def subrange(proof: RangeProof, leaves: Sequence[bytes], begin: int, end: int, size: int) -> RangeProof:
    """Cut the proof of [begin, end) out of the proof of a wider range and its leaf hashes.

    Costs about one hash a leaf of the wider range at most. Raises Corrupt if [begin, end) is not inside it.
    """
    if not proof.begin <= begin < end <= proof.end:
        raise _unproven(f"[{begin}, {end}) is not inside the proven range [{proof.begin}, {proof.end})")
    return range_proof(begin, end, size, RangeReader(proof, leaves, size))


def maximal_runs(ascending: Sequence[int]) -> list[tuple[int, int]]:
    """Group ascending distinct indexes into maximal runs [begin, end)."""
    runs: list[tuple[int, int]] = []
    for index in ascending:
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def _begin(proof: RangeProof) -> int:
    return proof.begin


def _outcome(result: Result) -> Receipt | PlacetError:
    if result.error is not None:
        return result.error.error()
    return Receipt(index=result.index, leaf=result.leaf, entry=result.entry, repeated=result.repeated)


def _unproven(why: str) -> Corrupt:
    return Corrupt("PROOF_INVALID", f"the ledger's answer does not prove what it says: {why}; raise the alarm")
