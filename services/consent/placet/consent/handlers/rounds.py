"""What of a person's waiting steps can be sent now, and what the log's answers change: both inside one transaction.

Owns: the order. A person's steps enter the log in the order of their ids; a step that rests on one that is still on its
way waits for the next round, one that rests on a refused one is refused too.
Never: talks to the ledger (`handlers.delivery`). Safe to apply twice: what is recorded already is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from placet.consent.handlers import drafts, outcomes
from placet.consent.model.steps import Bar, Receipt, Step
from placet.consent.model.vocabulary import Controller, PersonKey, StepId
from placet.consent.policy import digests
from placet.consent.ports import Records, Signer, Submission

# Steps of one person in one append; more come in the next round.
MAX_STEPS = 128
_RESTS_ON_REFUSED = Bar(
    kind="precondition",
    reason="ADMISSION_REFUSED",
    message="The ledger refused what this rests on.",
    metadata={},
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """What can be sent now, and what never can because something it rests on was refused."""

    send: tuple[tuple[Step, Submission], ...]
    barred: tuple[Step, ...]


def next_round(
    records: Records, controller: Controller, person: PersonKey, wanted: Sequence[StepId] | None
) -> Round | None:
    """Return what to send next, or None when nothing `wanted` (None: nothing at all) is pending."""
    if wanted is not None and not any(records.step(one).pending for one in wanted):
        return None
    pending = records.pending_steps(controller, person, MAX_STEPS)
    if not pending:
        return None
    send: list[tuple[Step, Submission]] = []
    barred: list[Step] = []
    for step in pending:
        rests_on = [records.step(one) for one in (*_one(step.basis_of), *step.needs_of)]
        if any(one.bar for one in rests_on):
            barred.append(step)
        elif any(one.pending for one in rests_on):
            break  # Invariant: nothing overtakes.
        else:
            send.append((step, _submission(step, rests_on)))
    # Invariant: the first pending step rests on nothing that is pending, so every round gets somewhere.
    assert send or barred
    return Round(send=tuple(send), barred=tuple(barred))


def apply(records: Records, round_: Round, answers: Sequence[Receipt | Bar], *, signer: Signer, law: str) -> None:
    """Record what became of a round; `answers` are those to `round_.send`, in its order."""
    for step in round_.barred:
        if records.step(step.id).pending:
            outcomes.barred(records, step, _RESTS_ON_REFUSED)
    for (step, _), answer in zip(round_.send, answers, strict=True):
        if not records.step(step.id).pending:
            continue  # somebody else recorded it: the same key, so the same entry
        if isinstance(answer, Bar):
            outcomes.barred(records, step, answer)
        else:
            outcomes.entered(records, step, answer, signer=signer, law=law)


def _one(ident: StepId | None) -> tuple[StepId, ...]:
    return () if ident is None else (ident,)


def _submission(step: Step, rests_on: Sequence[Step]) -> Submission:
    """Return the submission of a step whose ordinals are known: `basis_of` first, then `needs_of`."""
    ordinals = [one.basis for one in rests_on if one.basis is not None]
    basis, needs = (ordinals[0], ordinals[1:]) if step.basis_of is not None else (None, ordinals)
    return Submission(
        key=step.key,
        digest=digests.of_draft(step.action, dict(step.draft)),
        draft=drafts.draft_of(step, basis=basis, needs=tuple(sorted(needs))),
    )
