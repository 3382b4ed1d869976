"""Sends rows of the outbox and says what became of each: delivered, refused for good, or not now.

Owns the difference between the last two. Never touches the database. Rows of one call belong to one controller and
one kind and go out in their order: submissions in one append, messages one behind the other on one connection.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from msgspec.structs import replace as replace_struct

from placet.evidence.drafts import DecisionDraft
from placet.kit.bus.jetstream import Stored
from placet.kit.bus.messages import STREAM
from placet.kit.bus.outbox import OutboxRow, RowKind
from placet.kit.errors import Kind, PlacetError
from placet.kit.failpoints import Write
from placet.kit.ledger.messages import Submission, decode_decision
from placet.kit.ledger.port import Ledger
from placet.kit.ledger.receipts import Receipt

# A receipt for a ledger row, None for a stored message, an error for what was not delivered.
Outcome: TypeAlias = Receipt | PlacetError | None

TIMEOUT_US: Final = 10_000_000
# A refusal of these kinds will not change by asking again.
_FINAL: Final = (Kind.INVALID, Kind.PRECONDITION, Kind.CONFLICT, Kind.NOT_FOUND, Kind.ALREADY_EXISTS)


class Publisher(Protocol):
    """Where messages go: `placet.kit.bus.jetstream.JetStream`."""

    async def publish(
        self, subject: str, payload: bytes, *, message_id: str, deadline: int, stream: str = STREAM
    ) -> Stored:
        """Store a message once per message id; durable once this returns."""


def is_final(outcome: Outcome) -> bool:
    """Whether a row with this outcome need not be sent again."""
    return not isinstance(outcome, PlacetError) or outcome.kind in _FINAL


class Sender:
    """Sends rows to the ledger and to the stream."""

    def __init__(self, ledger: Ledger, publisher: Publisher, clock: Callable[[], int]) -> None:
        self._ledger = ledger
        self._publisher = publisher
        self._clock = clock

    async def send(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """Send rows of one controller and kind; one outcome each, in their order. Never raises PlacetError."""
        deadline = self._clock() + TIMEOUT_US
        if rows[0].kind is RowKind.MESSAGE:
            return list(await asyncio.gather(*(self._publish(row, deadline) for row in rows)))
        return await self._append(rows, deadline)

    async def _publish(self, row: OutboxRow, deadline: int) -> Outcome:
        try:
            with Write.OUTBOX_PUBLISH:
                await self._publisher.publish(row.subject, row.payload, message_id=row.id, deadline=deadline)
        except PlacetError as error:
            # Only what can never be stored is final: whatever else the stream says may be put right.
            return error if error.kind is Kind.INVALID else _not_now(error)
        return None

    async def _append(self, rows: Sequence[OutboxRow], deadline: int) -> list[Outcome]:
        submissions: list[Submission] = []
        decisions: list[DecisionDraft] = []
        for row in rows:
            request = row.request()
            for one in request.submissions:
                place = None if one.decision is None else len(decisions) + one.decision
                submissions.append(replace_struct(one, decision=place))
            decisions += [decode_decision(raw) for raw in request.decisions]
        try:
            with Write.OUTBOX_APPEND:
                appended = await self._ledger.append(rows[0].controller, submissions, decisions, deadline=deadline)
        except PlacetError as error:
            if error.kind is Kind.INVALID and len(rows) > 1:
                return [outcome for row in rows for outcome in await self._append([row], deadline)]
            return [error if error.kind is Kind.INVALID else _not_now(error)] * len(rows)
        return list(appended.outcomes)


def _not_now(error: PlacetError) -> PlacetError:
    """Return the error as one that passes: the ledger or the stream refused the whole request, not this row."""
    if error.kind in _FINAL:
        return PlacetError(Kind.UNAVAILABLE, error.reason, error.message, metadata=error.metadata)
    return error
