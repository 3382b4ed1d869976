"""Encoded append requests as they come to the audit service: consents, and groups of events under them.

Varied as in a shop: every event has a key of its own (a UUIDv7), asks for a permit, names another consent than the one
before, and relies on one of sixteen decisions. Made in advance, and while a log grows in a process of its own, so that
the process that sequences does nothing else.
"""

import itertools
import os
import time
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

import msgspec

from placet.evidence.canonical import b64url
from placet.evidence.drafts import DecisionDraft, EventDraft, GrantDraft, PermitAsked
from placet.evidence.kinds import PolicyRef
from placet.evidence.terms import SECOND, BasisOrdinal, Form, Micros, Operation, Verdict
from placet.kit.ledger.messages import AppendRequest, Submission, encode_decision, encode_request, submission
from placet.local.bench.furnish import uuid7
from placet.permission.model.vocabulary import Inference, NationalChannel
from placet.permission.policy.context import lawful

GROUP: Final = 512
PURPOSES: Final = ("access", "payment", "pickup")
DEVICES: Final = tuple(f"counter-{number}" for number in range(16))
_PERMIT: Final = PermitAsked(max_uses=1, lifetime_us=300 * SECOND)
_AHEAD: Final = 8
_TOGETHER: Final = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One encoded request of a service, and the time at which it asks (unix microseconds)."""

    service: str
    now: int
    encoded: bytes


def now() -> int:
    """Return the time, in unix microseconds."""
    return time.time_ns() // 1_000


def consents(count: int, size: int = GROUP) -> Iterator[Asked]:
    """Yield requests that grant `count` consents to everything the events here ask for."""
    for begin in range(0, count, size):
        at = now()
        drafts = [_grant(at) for _ in range(begin, min(count, begin + size))]
        granted = [submission(draft, key=os.urandom(16)) for draft in drafts]
        yield Asked("consent", at, _request(at, [], granted))


def events(first: int, consents: int, size: int = GROUP) -> Asked:
    """Return a request of `size` events, number `first` and on; consents, devices and decisions take turns."""
    at = now()
    decided = [msgspec.Raw(encode_decision(one)) for one in _DECISIONS]
    asked = [_event(number, consents, at) for number in range(first, first + size)]
    return Asked("permission", at, _request(at, decided, asked))


def made_elsewhere(first: int, consents: int, size: int = GROUP) -> Generator[Asked, None, None]:
    """Yield requests without end, made in a process of its own, a few ahead."""
    numbers = itertools.count(first, _TOGETHER * size)
    waiting: deque[Future[list[Asked]]] = deque()
    maker = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    try:
        while True:
            while len(waiting) < _AHEAD:
                waiting.append(maker.submit(several, next(numbers), consents, size))
            yield from waiting.popleft().result()
    finally:
        maker.shutdown(cancel_futures=True)


def several(first: int, consents: int, size: int, count: int = _TOGETHER) -> list[Asked]:
    """Return `count` requests of `size` events each."""
    return [events(first + number * size, consents, size) for number in range(count)]


def _request(at: int, decisions: list[msgspec.Raw], submissions: list[Submission]) -> bytes:
    return encode_request(AppendRequest(at + 3_600 * SECOND, [], decisions, submissions))


def _grant(at: int) -> GrantDraft:
    return GrantDraft(
        form=Form.CONSENT,
        subject=b64url(os.urandom(16)),
        purposes=PURPOSES,
        operations=(Operation.VERIFY,),
        sites=("*",),
        egress=False,
        not_before=Micros(at),
        not_after=None,
        needs=(),
        max_events=None,
        approvals=(),
        record=b64url(os.urandom(32)),
        notice=None,
        law="cn-2025",
        authority=None,
    )


def _event(number: int, consents: int, at: int) -> Submission:
    name = uuid7()
    draft = EventDraft(
        id=name,
        frame=None,
        basis=BasisOrdinal(number * _STRIDE % consents),
        purpose=PURPOSES[number % len(PURPOSES)],
        operation=Operation.VERIFY,
        device=DEVICES[number % len(DEVICES)],
        site="branch-1",
        egress=False,
        occurred=Micros(at),
        offline=False,
        seen=0,
        permit=_PERMIT,
    )
    return submission(draft, key=bytes.fromhex(name.replace("-", "")), decision=number % len(_DECISIONS))


def _decision(inference: Inference, channel: NationalChannel, written: bool) -> DecisionDraft:
    context = lawful(inference=inference, national_channel=channel, consent_written=written)
    return DecisionDraft(
        policies=(PolicyRef(hash=b64url(bytes(32)), id="cn-2025"),),
        context=dict(context.logged([])),
        verdict=Verdict.ALLOW,
        permit=("cn-2025/art-6-1",),
        forbid=(),
        errors=(),
    )


# A prime: neighbours in a group name consents that are far apart.
_STRIDE: Final = 7_919
_DECISIONS: Final = [
    _decision(*which) for which in itertools.product(tuple(Inference)[:2], tuple(NationalChannel), (True, False))
]
