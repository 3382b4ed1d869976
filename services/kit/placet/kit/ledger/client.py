"""The `Ledger` over NATS: appends to one log that arrive together travel together.

Owns what a caller sees: its call is checked, waits in the lane of its log (`lane`), keeps its own deadline, and may be
cancelled without disturbing the others. Never opens an answer's proofs: see `receipts`.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from placet.evidence.drafts import DecisionDraft
from placet.evidence.terms import MAX_INT
from placet.kit.bus import frames
from placet.kit.bus.bus import Bus
from placet.kit.errors import Invalid
from placet.kit.ledger.errors import LedgerNotAsked
from placet.kit.ledger.lane import Lane, expire
from placet.kit.ledger.merging import Call, require_fitting
from placet.kit.ledger.messages import KINDS, MAX_KEY, Submission, encode_decision
from placet.kit.ledger.pacing import INFLIGHT
from placet.kit.ledger.receipts import Appended

_KNOWN_DECISIONS: Final = 1_024


def append_subject(controller: str, service: str) -> str:
    """Return the subject of a service's appends to a log; `*` for both serves them all."""
    return f"placet.{controller}.append.{service}"


class LedgerClient:
    """`placet.kit.ledger.port.Ledger` for one service."""

    def __init__(self, bus: Bus, service: str, *, inflight: int = INFLIGHT) -> None:
        self._bus = bus
        self._service = frames.token(service, "service")
        self._inflight = inflight
        self._lanes: dict[str, Lane] = {}
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
            lane = self._lanes[controller] = Lane(self._bus, controller, subject, self._inflight)
        timer = loop.call_later(left, expire, call)
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
