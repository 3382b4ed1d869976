"""Brings accepted steps into the log, in the order of each person, and records what came back.

Owns: the one commit point after the ledger: position, receipt, state and outgoing message of a step are one
transaction. Safe to run twice, at once, and again after a crash at any point: a step's key finds its entry, and what is
recorded already is left alone.
Never: gives up on a step because the ledger is away; `sweep` comes again. Anchors: 'Service rules' (outbox, tx1 and
tx2).
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from placet.consent.errors import AcceptedLater, Corrupt, DeadlinePassed, Exhausted, PlacetError, Unavailable
from placet.consent.handlers import drafts, outcomes
from placet.consent.model.steps import Bar, Receipt, Step
from placet.consent.model.vocabulary import Controller, Instant, PersonKey, StepId
from placet.consent.policy import digests
from placet.consent.ports import Backlog, Ports, Records, Submission

# Steps of one person in one append; more come in the next round.
MAX_ROUND = 128
# What is kept back of a caller's deadline to record the outcome and to answer, at most and at least (microseconds).
_MARGIN = 150_000
_LEAST = 5_000
# Persons whose steps a sweep brings in at once: the ledger client sends them together.
_AT_ONCE = 32
_log = logging.getLogger(__name__)
_BARRED = Bar(
    kind="precondition",
    reason="ADMISSION_REFUSED",
    message="The ledger refused what this rests on.",
    metadata={},
)


class _Arrival(Enum):
    DONE = "done"
    AWAY = "away"
    TROUBLED = "troubled"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Round:
    """What can be sent now, and what never can because something it rests on was refused."""

    send: tuple[tuple[Step, Submission], ...]
    barred: tuple[Step, ...]
    wanted_pending: bool


def check_time(now: Instant, deadline: Instant) -> None:
    """Raise DeadlinePassed when nothing can be done any more: before anything is accepted."""
    if deadline - now < _LEAST:
        raise DeadlinePassed


async def bring(
    what: str,
    controller: Controller,
    person: PersonKey,
    wanted: Sequence[StepId],
    *,
    ports: Ports,
    now: Instant,
    deadline: Instant,
) -> None:
    """Bring a person's steps into the log until `wanted` are there (or refused for good).

    Raises AcceptedLater, naming `what`, when the ledger does not answer in time: the steps stay and will arrive.
    """
    until = Instant(deadline - min(_MARGIN, max(0, deadline - now) // 4))
    try:
        await settle(controller, person, wanted, ports=ports, deadline=until)
    except Corrupt:
        raise
    except PlacetError as error:
        raise AcceptedLater(what, metadata={"cause": error.reason}) from error


async def settle(
    controller: Controller, person: PersonKey, wanted: Sequence[StepId], *, ports: Ports, deadline: Instant
) -> None:
    """Send round after round, each as much as can be sent in order, until nothing wanted is pending.

    Raises what the ledger raises; what was recorded before stays recorded.
    """
    while True:
        todo = await ports.store.read(partial(_next, controller=controller, person=person, wanted=wanted))
        if not todo.wanted_pending:
            return
        assert todo.send or todo.barred  # the first pending step rests on nothing that is pending
        answers: list[Receipt | Bar] = []
        if todo.send:
            answers = await ports.ledger.append(controller, [sent for _, sent in todo.send], deadline=deadline)
        await ports.store.write(partial(_apply, todo=todo, answers=answers, ports=ports))


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
        outcomes = await asyncio.gather(*(_arrive(one, ports, deadline) for one in waiting[at : at + _AT_ONCE]))
        failed += sum(outcome is not _Arrival.DONE for outcome in outcomes)
        if _Arrival.AWAY in outcomes:
            return failed + len(waiting[at + _AT_ONCE :])
    return failed


async def _arrive(one: Backlog, ports: Ports, deadline: Instant) -> _Arrival:
    try:
        await settle(one.controller, one.person, (), ports=ports, deadline=deadline)
    except (Unavailable, Exhausted):
        return _Arrival.AWAY
    except Exception as error:  # noqa: BLE001 (one person's trouble must not keep the others from arriving)
        _log.error("steps cannot be brought into the ledger", exc_info=error, extra={"alarm": True})
        return _Arrival.TROUBLED
    return _Arrival.DONE


def _next(records: Records, controller: Controller, person: PersonKey, wanted: Sequence[StepId]) -> _Round:
    pending = records.pending_steps(controller, person, MAX_ROUND)
    send: list[tuple[Step, Submission]] = []
    barred: list[Step] = []
    for step in pending:
        rests_on = [records.step(one) for one in (*_one(step.basis_of), *step.needs_of)]
        if any(one.bar for one in rests_on):
            barred.append(step)
        elif any(one.pending for one in rests_on):
            break  # Invariant: nothing overtakes: a person's steps enter the log in their order.
        else:
            send.append((step, _submission(step, records)))
    left = any(records.step(one).pending for one in wanted) if wanted else bool(pending)
    return _Round(send=tuple(send), barred=tuple(barred), wanted_pending=left)


def _one(ident: StepId | None) -> tuple[StepId, ...]:
    return () if ident is None else (ident,)


def _submission(step: Step, records: Records) -> Submission:
    basis = None if step.basis_of is None else records.step(step.basis_of).basis
    needs = [records.step(one).basis for one in step.needs_of]
    return Submission(
        key=step.key,
        digest=digests.of_draft(step.action, dict(step.draft)),
        draft=drafts.draft_of(
            step,
            basis=basis,
            needs=tuple(sorted(one for one in needs if one is not None)),
        ),
    )


def _apply(records: Records, todo: _Round, answers: Sequence[Receipt | Bar], ports: Ports) -> None:
    for step in todo.barred:
        if records.step(step.id).pending:
            outcomes.barred(records, step, _BARRED)
    for (step, _), answer in zip(todo.send, answers, strict=True):
        if not records.step(step.id).pending:
            continue  # somebody else recorded it: the same key, so the same entry
        if isinstance(answer, Bar):
            outcomes.barred(records, step, answer)
        else:
            outcomes.entered(records, step, answer, signer=ports.signer, law=ports.law)
