"""The `Ledger` over NATS: appends to one log that arrive together travel together.

Owns coalescing: at most two requests of this process are on their way per log; whatever comes meanwhile is merged into
the next one, without any delay of its own. Each caller keeps its own deadline and may be cancelled without disturbing
the others. A request that is not answered in two seconds is sent again while its callers still wait: the idempotency
keys make that safe. Subject and form: ADR 0004. Never opens an answer's proofs: see `receipts`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from placet.evidence.drafts import DecisionDraft
from placet.evidence.terms import MAX_INT
from placet.kit.bus import frames
from placet.kit.bus.bus import Bus
from placet.kit.bus.errors import BusDown, BusForbidden, BusLost, DeadlinePassed, NoResponders
from placet.kit.errors import Invalid, Kind, PlacetError
from placet.kit.ledger.errors import LedgerBusy, LedgerNotAsked, LedgerSilent, LedgerUnavailable, same
from placet.kit.ledger.merging import Call, merge, require_fitting, share, take_group
from placet.kit.ledger.messages import KINDS, MAX_KEY, Submission, decode_reply, encode_decision
from placet.kit.ledger.receipts import Appended

INFLIGHT: Final = 2
# With fewer waiting than this, they wait for the one request that is under way and go together: a group of a few
# costs the ledger as much as one of many (64 callers of one event each: a quarter less work in audit an event).
WORTH_A_SECOND: Final = 32
WAITING: Final = 8_192  # submissions, per log
ATTEMPT_US: Final = 2_000_000
# How much longer than the request's own deadline its answer is awaited, for callers that have more time.
GRACE_US: Final = 200_000
_KNOWN_DECISIONS: Final = 1_024
_log = logging.getLogger(__name__)


def append_subject(controller: str, service: str) -> str:
    """Return the subject of a service's appends to a log; `*` for both serves them all."""
    return f"placet.{controller}.append.{service}"


class LedgerClient:
    """`placet.kit.ledger.port.Ledger` for one service."""

    def __init__(self, bus: Bus, service: str, *, inflight: int = INFLIGHT) -> None:
        self._bus = bus
        self._service = frames.token(service, "service")
        self._inflight = inflight
        self._lanes: dict[str, _Lane] = {}
        # Encoded decisions by the identity of the draft, which the value keeps alive: callers reuse their drafts.
        self._decisions: dict[int, tuple[DecisionDraft, bytes]] = {}

    async def append(
        self,
        controller: str,
        submissions: Sequence[Submission],
        decisions: Sequence[DecisionDraft] = (),
        *,
        seen: int = 0,
        deadline: int,
    ) -> Appended:
        """Append as the port promises."""
        _check(submissions, len(decisions), seen)
        loop = asyncio.get_running_loop()
        encoded = [self._encoded(one) for one in decisions]
        call = Call(submissions, encoded, seen=seen, deadline=deadline, future=loop.create_future())
        require_fitting(call, self._bus.max_payload)
        left = (deadline - self._bus.clock()) / 1e6
        if left <= 0:
            raise LedgerNotAsked
        lane = self._lanes.get(controller)
        if lane is None:
            subject = append_subject(frames.token(controller, "controller"), self._service)
            lane = self._lanes[controller] = _Lane(self._bus, controller, subject, self._inflight)
        timer = loop.call_later(left, _expire, call)
        try:
            lane.add(call)
            return await call.future
        finally:
            timer.cancel()

    def _encoded(self, draft: DecisionDraft) -> bytes:
        known = self._decisions.get(id(draft))
        if known is None:
            if len(self._decisions) >= _KNOWN_DECISIONS:
                self._decisions.clear()
            known = self._decisions[id(draft)] = (draft, encode_decision(draft))
        return known[1]


class _Lane:
    """What waits for one log, and what is on its way to it."""

    def __init__(self, bus: Bus, controller: str, subject: str, inflight: int) -> None:
        self._bus = bus
        self._controller = controller
        self._subject = subject
        self._max_inflight = inflight
        self._waiting: deque[Call] = deque()
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._unanswered = 0
        self._scheduled = False

    def add(self, call: Call) -> None:
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
        while self._waiting and self._may_send():
            group, decisions = take_group(self._waiting, self._bus.max_payload)
            if group:
                self._unanswered += 1
                task = asyncio.get_running_loop().create_task(self._send(group, decisions))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _may_send(self) -> bool:
        if not self._unanswered:
            return True
        waiting = sum(len(call.submissions) for call in islice(self._waiting, WORTH_A_SECOND))
        return waiting >= WORTH_A_SECOND and self._unanswered < self._max_inflight

    async def _send(self, group: list[Call], decisions: dict[bytes, int]) -> None:
        deadline = min(self._bus.clock() + ATTEMPT_US, *(call.deadline for call in group))
        try:
            try:
                answer = await self._ask(group, merge(group, decisions, deadline), deadline)
            finally:
                self._unanswered -= 1
                # Before anything is done with the answer: the ledger works on while its callers are served.
                self._pump()
            self._share(group, answer)
        except PlacetError as error:
            self._settle_failure(group, error, deadline)
        except Exception:  # noqa: BLE001 - a bug here must not leave callers waiting
            _log.exception("an append failed")
            self._fail(group, PlacetError(Kind.INTERNAL, "INTERNAL", "the append failed; see the log"))

    async def _ask(self, group: list[Call], payload: bytes, deadline: int) -> bytes:
        for call in group:
            call.sent += 1
        return await self._bus.request(self._subject, payload, deadline + GRACE_US)

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
                _expire(call)
        self._schedule()

    def _fail(self, group: list[Call], error: PlacetError) -> None:
        for call in group:
            if not call.future.done():
                call.future.set_exception(same(error))


def _expire(call: Call) -> None:
    if not call.future.done():
        call.future.set_exception(LedgerSilent("DEADLINE_PASSED") if call.sent else LedgerNotAsked())


def _check(submissions: Sequence[Submission], decisions: int, seen: int) -> None:
    """Refuse what would make the sequencer refuse a whole request, in which others may travel too."""
    if not submissions:
        raise Invalid("submissions", "must have at least one")
    if not 0 <= seen <= MAX_INT:
        raise Invalid("seen", f"must be a tree size, 0 to {MAX_INT}")
    for number, one in enumerate(submissions):
        if not 1 <= len(one.key) <= MAX_KEY:
            raise Invalid(f"submissions[{number}].key", f"must have 1 to {MAX_KEY} bytes")
        if len(one.digest) != 32:
            raise Invalid(f"submissions[{number}].digest", "must have 32 bytes")
        if one.kind not in KINDS:
            raise Invalid(f"submissions[{number}].kind", f"must be one of {', '.join(KINDS)}")
        if one.decision is not None and not 0 <= one.decision < decisions:
            raise Invalid(f"submissions[{number}].decision", f"must be a place in the {decisions} decisions")
