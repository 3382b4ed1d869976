"""What answers carry: the signed checkpoint, one range proof for each run of positions, consistency with what callers
saw.

Everything is proven against the newest checkpoint of this log. A checkpoint is signed once for each size, after its
commit; the note is kept so that answers that append nothing carry the same one. See ledger.md sections 1, 2 and 7.
"""

from collections.abc import Mapping, Sequence

from placet.audit.group import Group
from placet.audit.jobs import Sequenced
from placet.audit.model import Head
from placet.audit.signing import Signers
from placet.audit.tail import Tail
from placet.kit.bus.failure import Failure
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import (
    AppendReply,
    AppendRequest,
    Consistency,
    Range,
    Result,
    encode_reply,
)
from placet.kit.ledger.receipts import maximal_runs
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import consistency_proof, range_proof
from placet.tlog.tree import cover


class Proofs:
    """Signs and proves for one log, from its tail."""

    def __init__(self, origin: str, signers: Signers, tail: Tail) -> None:
        self._origin = origin
        self.signers = signers
        self._tail = tail
        self._note = ""
        self._size = -1

    def checkpoint(self, head: Head) -> str:
        """Return the signed checkpoint of the tail, which must be committed and end in a state entry: at `head`."""
        if self._size != self._tail.size:
            checkpoint = Checkpoint(origin=self._origin, size=self._tail.size, root=self._tail.root())
            self._note = sign_checkpoint(checkpoint, *self.signers.at(head))
            self._size = self._tail.size
        return self._note

    def reply(
        self,
        request: AppendRequest,
        outcomes: Sequence[Sequenced | PlacetError],
        head: Head,
        group: Group,
        old: Mapping[int, bytes],
    ) -> bytes:
        """Return the encoded reply to one request of a committed group, after which the log stands at `head`.

        `old` has the entries from before the group.
        """
        size = self._tail.size
        indexes = sorted({outcome.index for outcome in outcomes if isinstance(outcome, Sequenced)})
        reply = AppendReply(
            results=[_result(outcome, group, old) for outcome in outcomes],
            ranges=[self._range(begin, end, group) for begin, end in maximal_runs(indexes)],
            checkpoint=self.checkpoint(head),
            size=size,
            consistency=[self._consistency(seen) for seen in dict.fromkeys(request.seen) if 0 < seen <= size],
        )
        return encode_reply(reply)

    def _range(self, begin: int, end: int, group: Group) -> Range:
        if begin == group.head.size and group.edge:
            # What most answers need, and the group has it already: the tree as it was before.
            right = tuple(self._tail.node(level, index) for level, index in cover(end, self._tail.size))
            return Range(begin, end, group.edge, right)
        proof = range_proof(begin, end, self._tail.size, self._tail)
        return Range(proof.begin, proof.end, proof.left, proof.right)

    def _consistency(self, seen: int) -> Consistency:
        return Consistency(seen, tuple(consistency_proof(seen, self._tail.size, self._tail)))


def _result(outcome: Sequenced | PlacetError, group: Group, old: Mapping[int, bytes]) -> Result:
    if isinstance(outcome, PlacetError):
        return Result(error=Failure.of(outcome))
    place = outcome.index - group.head.size
    if place >= 0:
        return Result(outcome.index, group.leaves[place], group.entries[place], None, outcome.repeated)
    entry = old[outcome.index]
    return Result(outcome.index, leaf_hash(entry), entry, None, outcome.repeated)
