"""Brings accepted steps into the log, in the order of each person, and records what came back.

Owns: the one commit point after the ledger: position, receipt, state and outgoing message of a step are one
transaction. Safe to run twice, at once, and again after a crash at any point: a step's key finds its entry, and what is
recorded already is left alone.
Never: gives up on a step because the ledger is away; `sweep` comes again. Anchors: 'Service rules' (outbox, tx1 and
tx2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from placet.consent.errors import AcceptedLater, Corrupt, DeadlinePassed, PlacetError
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
_BARRED = Bar(
    kind="precondition",
    reason="ADMISSION_REFUSED",
    message="The ledger refused what this rests on.",
    metadata={},
)


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
        answers: list[Receipt | Bar] = []
        if todo.send:
            answers = await ports.ledger.append(controller, [sent for _, sent in todo.send], deadline=deadline)
        await ports.store.write(partial(_apply, todo=todo, answers=answers, ports=ports))


async def sweep(*, ports: Ports, accepted_before: Instant, deadline: Instant, limit: int) -> int:
    """Bring in what has been waiting since before `accepted_before`; returns how many persons' steps could not be.

    Run beside the calls, again and again: this is how what was accepted while the ledger was down arrives.
    """
    waiting = await ports.store.backlog(accepted_before=accepted_before, limit=limit)
    failed = 0
    for controller in sorted({one.controller for one in waiting}):
        failed += await _sweep_one([one for one in waiting if one.controller == controller], ports, deadline)
    return failed


async def _sweep_one(waiting: Sequence[Backlog], ports: Ports, deadline: Instant) -> int:
    """One controller's backlog, person by person; the first failure leaves the rest for the next sweep."""
    for at, one in enumerate(waiting):
        try:
            await settle(one.controller, one.person, (), ports=ports, deadline=deadline)
        except PlacetError:
            return len(waiting) - at
    return 0


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
