"""The port `Ledger` over the kit's client: each submission answered by itself, with its own inclusion proof.

Owns which refusals are final. What may pass (no replica, a full queue, a lost answer) is raised, and the steps stay.
Never: retries; the dispatcher comes again.
"""

from collections.abc import Sequence

from placet.consent.model.steps import Bar, Receipt
from placet.consent.model.vocabulary import Controller, Instant, LeafIndex
from placet.consent.ports import Submission
from placet.kit.errors import Kind, PlacetError
from placet.kit.ledger import messages
from placet.kit.ledger.port import Ledger
from placet.kit.ledger.receipts import Appended

_FINAL = (Kind.INVALID, Kind.PRECONDITION, Kind.ALREADY_EXISTS)
_FINAL_REASONS = ("IDEMPOTENCY_CONFLICT", "BASIS_UNKNOWN")


class KitLedger:
    """`placet.consent.ports.Ledger` over `placet.kit.ledger`."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def append(
        self, controller: Controller, submissions: Sequence[Submission], *, deadline: Instant
    ) -> list[Receipt | Bar]:
        """Append as the port promises; when one of several spoils the whole request, each goes alone, in order."""
        try:
            appended = await self._append(controller, submissions, deadline)
        except PlacetError as error:
            if not is_final(error):
                raise
            if len(submissions) == 1:
                return [_bar(error)]
            return [(await self.append(controller, [one], deadline=deadline))[0] for one in submissions]
        return [_answer(appended, at) for at in range(len(submissions))]

    async def _append(self, controller: Controller, submissions: Sequence[Submission], deadline: Instant) -> Appended:
        sent = [messages.submission(one.draft, key=one.key, digest=one.digest) for one in submissions]
        return await self._ledger.append(controller, sent, deadline=deadline)


def is_final(error: PlacetError) -> bool:
    """Whether asking again will not change a refusal."""
    return error.kind in _FINAL or error.reason in _FINAL_REASONS


def _answer(appended: Appended, at: int) -> Receipt | Bar:
    outcome = appended.outcomes[at]
    if isinstance(outcome, PlacetError):
        if is_final(outcome):
            return _bar(outcome)
        raise outcome
    return Receipt(
        index=LeafIndex(outcome.index),
        entry=outcome.entry,
        leaf_hash=outcome.leaf,
        proof=tuple(appended.inclusion(outcome.index)),
        checkpoint=appended.checkpoint,
        tree_size=appended.size,
    )


def _bar(error: PlacetError) -> Bar:
    return Bar(kind=error.kind.value, reason=error.reason, message=error.message, metadata=error.details())
