"""The appends of one process to one log: what waits, what is on its way, and how each ends.

Owns coalescing: whatever waits is merged into the next request; when that goes is `pacing`. A request that is not
answered in a second is sent again while its callers still wait: the idempotency keys make that safe. Of a request
that is refused as a whole, each caller's part goes again alone. Subject and form: ADR 0004.
"""

import asyncio
import logging
from collections import deque
from functools import partial
from itertools import islice
from typing import Final

from placet.kit.bus.bus import Bus
from placet.kit.bus.errors import BusDown, BusForbidden, BusLost, DeadlinePassed, NoResponders
from placet.kit.errors import Kind, PlacetError
from placet.kit.ledger.errors import LedgerBusy, LedgerNotAsked, LedgerSilent, LedgerUnavailable, same
from placet.kit.ledger.merging import Call, merge, share, take_group
from placet.kit.ledger.messages import decode_reply
from placet.kit.ledger.pacing import LINGER_S, WORTH_A_SECOND, Pace

WAITING: Final = 8_192  # submissions, per log
# A holder that is stopped is replaced within 3.5 s, and what it swallowed is asked again of its successor: with less
# than a second and a half more a caller waits 5 s at most (ADR 0014).
ATTEMPT_US: Final = 1_000_000
# How much longer than the request's own deadline its answer is awaited, for callers that have more time.
GRACE_US: Final = 200_000
_log = logging.getLogger(__name__)


class Lane:
    """What waits for one log, and what is on its way to it."""

    def __init__(self, bus: Bus, controller: str, subject: str, inflight: int) -> None:
        self._bus = bus
        self._controller = controller
        self._subject = subject
        self._pace = Pace(inflight)
        self._waiting: deque[Call] = deque()
        self._count = 0
        self._unanswered = 0
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None

    def add(self, call: Call) -> None:
        """Let a call wait for the next request; raises LedgerBusy beyond the bound."""
        count = len(call.submissions)
        if self._count + count > WAITING:
            raise LedgerBusy(self._count)
        self._count += count
        call.future.add_done_callback(lambda _: self._leave(count))
        self._waiting.append(call)
        self._schedule()

    def _leave(self, count: int) -> None:
        self._count -= count

    def _schedule(self) -> None:
        # At the end of this turn of the loop: what else arrives in the same turn goes along.
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._scheduled = False
        if self._pace.gathers(len(self._waiting), self._unanswered):
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._lingered)
            return
        self._send_waiting()

    def _lingered(self) -> None:
        self._timer = None
        self._pace.lingered()
        self._send_waiting()

    def _send_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and self._pace.may_send(self._submissions(), self._unanswered):
            group, decisions = take_group(self._waiting, self._bus.max_payload)
            if group:
                self._send(group, decisions)

    def _submissions(self) -> int:
        """Return how many submissions wait, as far as pacing minds."""
        return sum(len(call.submissions) for call in islice(self._waiting, WORTH_A_SECOND))

    def _send(self, group: list[Call], decisions: dict[bytes, int]) -> None:
        deadline = min(self._bus.clock() + ATTEMPT_US, *(call.deadline for call in group))
        self._unanswered += 1
        for call in group:
            call.sent += 1
        try:
            payload = merge(group, decisions, deadline)
            self._bus.ask(self._subject, payload, deadline + GRACE_US, partial(self._answered, group, deadline))
        except Exception as error:  # noqa: BLE001 - a bug here must not leave callers waiting
            self._unanswered -= 1
            self._failed(group, error, deadline)

    def _answered(self, group: list[Call], deadline: int, outcome: bytes | PlacetError) -> None:
        self._unanswered -= 1
        self._pace.answered(len(group), len(self._waiting))
        # Before anything is done with the answer: the ledger works on while its callers are served.
        self._pump()
        try:
            if isinstance(outcome, PlacetError):
                raise outcome
            self._share(group, outcome)
        except Exception as error:  # noqa: BLE001 - a bug here must not leave callers waiting
            self._failed(group, error, deadline)

    def _failed(self, group: list[Call], error: Exception, deadline: int) -> None:
        if isinstance(error, PlacetError):
            self._settle_failure(group, error, deadline)
        else:
            _log.error("an append failed", exc_info=error)
            self._fail(group, PlacetError(Kind.INTERNAL, "INTERNAL", "the append failed; see the log"))

    def _share(self, group: list[Call], answer: bytes) -> None:
        reply = decode_reply(answer)
        if reply.error is not None:
            raise reply.error.error()
        for call, part in zip(group, share(group, reply), strict=True):
            if not call.future.done():
                call.future.set_result(part)

    def _settle_failure(self, group: list[Call], error: PlacetError, deadline: int) -> None:
        if isinstance(error, BusDown | BusForbidden | NoResponders):
            self._fail_unread(group, error)
        elif isinstance(error, DeadlinePassed):
            for call in group:
                call.sent -= 1
            self._again(group)
        elif isinstance(error, BusLost):
            self._fail(group, LedgerSilent())
        elif error.reason == "DEADLINE_PASSED" and self._bus.clock() >= deadline:
            # The deadline of the request, the earliest of its callers': the others still have time.
            self._again(group)
        elif len(group) > 1 and error.kind in (Kind.INVALID, Kind.INTERNAL):
            # One of them is to blame: each goes alone, so that only that one fails.
            for call in group:
                call.alone = True
            self._again(group)
        else:
            self._fail(group, error)

    def _fail_unread(self, group: list[Call], error: PlacetError) -> None:
        """Fail calls whose request nobody read: nothing was appended, unless by an earlier request."""
        # Not our caller's fault and not to be told apart by it: our credentials, or nobody there.
        unread = error if isinstance(error, BusDown) else LedgerUnavailable(self._controller)
        for call in group:
            call.sent -= 1
            self._fail([call], LedgerSilent() if call.sent else unread)

    def _again(self, group: list[Call]) -> None:
        now = self._bus.clock()
        for call in reversed(group):
            if call.deadline > now:
                self._waiting.appendleft(call)
            else:
                expire(call)
        self._schedule()

    def _fail(self, group: list[Call], error: PlacetError) -> None:
        for call in group:
            if not call.future.done():
                call.future.set_exception(same(error))


def expire(call: Call) -> None:
    """Give a call whose time is up its outcome: nobody was asked, or nobody answered."""
    if not call.future.done():
        call.future.set_exception(LedgerSilent("DEADLINE_PASSED") if call.sent else LedgerNotAsked())
