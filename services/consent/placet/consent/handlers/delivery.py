"""Carries a change out: accepted in one transaction, brought into the log, recorded in another.

Owns: the one way every change takes, for a call, for its repetition, and in the background (`sweep`) after an outage
or a crash at any point. A step's key finds its entry, so running this twice, or at once, does nothing twice.
Never: gives up on a step because the ledger is away. Anchor: style.md section 2 (one commit point a use case).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Generic, TypeVar

from placet.consent.errors import AcceptedLater, Corrupt, DeadlinePassed, Exhausted, PlacetError, Unavailable
from placet.consent.handlers.rounds import Round, apply, next_round
from placet.consent.model.steps import Bar, Receipt
from placet.consent.model.vocabulary import Controller, Instant, PersonKey, StepId
from placet.consent.ports import Backlog, Ports, Records

T = TypeVar("T")

# What is kept back of a caller's deadline to record the outcome and to answer, at most and at least (microseconds).
_MARGIN = 150_000
_LEAST = 5_000
# Persons whose steps a sweep brings in at once: the ledger client sends them together.
_AT_ONCE = 32
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted(Generic[T]):
    """What a use case stored: whose steps must be in the log (None: all), and how the answer is read then."""

    controller: Controller
    person: PersonKey
    wanted: tuple[StepId, ...] | None
    answer: Callable[[Records], T]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Done(Generic[T]):
    """Nothing wanted is pending: the answer, or the refusal that it is."""

    value: T | None = None
    error: PlacetError | None = None


def check_time(now: Instant, deadline: Instant) -> None:
    """Raise DeadlinePassed when nothing can be done any more: before anything is accepted."""
    if deadline - now < _LEAST:
        raise DeadlinePassed


async def carry_out(
    what: str, accept: Callable[[Records], Accepted[T]], *, ports: Ports, now: Instant, deadline: Instant
) -> T:
    """Accept a change, bring it into the log, and answer; repeating it goes on where it was.

    Raises what `accept` raises (then nothing was stored), the log's refusal, or AcceptedLater, naming `what`, when the
    ledger does not answer in time: it is stored and will arrive.
    """
    accepted, turn = await ports.store.write(partial(_begin, accept=accept))
    until = Instant(deadline - min(_MARGIN, max(0, deadline - now) // 4))
    try:
        done = await _bring(accepted, turn, ports, until)
    except Corrupt:
        raise
    except PlacetError as error:
        raise AcceptedLater(what, metadata={"cause": error.reason}) from error
    if done.error is not None:
        raise done.error
    return done.value  # type: ignore[return-value]  # T may be None


def _begin(records: Records, accept: Callable[[Records], Accepted[T]]) -> tuple[Accepted[T], Round | _Done[T]]:
    accepted = accept(records)
    return accepted, _turn(records, accepted)


def _turn(records: Records, accepted: Accepted[T]) -> Round | _Done[T]:
    """What is next: a round to send, or the answer."""
    round_ = next_round(records, accepted.controller, accepted.person, accepted.wanted)
    if round_ is not None:
        return round_
    try:
        return _Done(value=accepted.answer(records))
    except PlacetError as error:  # an answer, not a reason to undo what was recorded
        return _Done(error=error)


async def _bring(accepted: Accepted[T], turn: Round | _Done[T], ports: Ports, deadline: Instant) -> _Done[T]:
    """Send round after round until the answer is there; what was recorded on the way stays."""
    while isinstance(turn, Round):
        answers: list[Receipt | Bar] = []
        if turn.send:
            sent = [submission for _, submission in turn.send]
            answers = await ports.ledger.append(accepted.controller, sent, deadline=deadline)
        turn = await ports.store.write(partial(_record, accepted=accepted, round_=turn, answers=answers, ports=ports))
    return turn


def _record(
    records: Records, accepted: Accepted[T], round_: Round, answers: Sequence[Receipt | Bar], ports: Ports
) -> Round | _Done[T]:
    apply(records, round_, answers, signer=ports.signer, law=ports.law)
    return _turn(records, accepted)


class _Arrival(Enum):
    DONE = "done"
    AWAY = "away"
    TROUBLED = "troubled"


async def sweep(*, ports: Ports, accepted_before: Instant, deadline: Instant, limit: int) -> int:
    """Bring in what has been waiting since before `accepted_before`; returns how many persons' steps still wait.

    Run beside the calls, again and again: this is how what was accepted while the ledger was down arrives. One
    controller's trouble does not hold up another's, nor does one person's.
    """
    waiting = await ports.store.backlog(accepted_before=accepted_before, limit=limit)
    by_controller: dict[Controller, list[Backlog]] = {}
    for one in waiting:
        by_controller.setdefault(one.controller, []).append(one)
    return sum(await asyncio.gather(*(_sweep_one(each, ports, deadline) for each in by_controller.values())))


async def _sweep_one(waiting: Sequence[Backlog], ports: Ports, deadline: Instant) -> int:
    """One controller's backlog, some persons at a time; when the ledger is away the rest is left for the next sweep."""
    failed = 0
    for at in range(0, len(waiting), _AT_ONCE):
        arrivals = await asyncio.gather(*(_arrive(one, ports, deadline) for one in waiting[at : at + _AT_ONCE]))
        failed += sum(arrival is not _Arrival.DONE for arrival in arrivals)
        if _Arrival.AWAY in arrivals:
            return failed + len(waiting[at + _AT_ONCE :])
    return failed


async def _arrive(one: Backlog, ports: Ports, deadline: Instant) -> _Arrival:
    everything = Accepted(controller=one.controller, person=one.person, wanted=None, answer=lambda _: None)
    try:
        turn = await ports.store.read(partial(_turn, accepted=everything))
        await _bring(everything, turn, ports, deadline)
    except (Unavailable, Exhausted):
        return _Arrival.AWAY
    except Exception as error:  # noqa: BLE001 (one person's trouble must not keep the others from arriving)
        _log.error("steps cannot be brought into the ledger", exc_info=error, extra={"alarm": True})
        return _Arrival.TROUBLED
    return _Arrival.DONE
