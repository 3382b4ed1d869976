"""Opens, confirms and ends guardianships.

Owns: the use cases OpenGuardianship, ConfirmGuardianship, WithdrawGuardianship, GetGuardianship.
Never: stores a document; lets one member of staff do both steps. Anchors: consent.md section 5, Order 19 Art 7.
"""

from dataclasses import dataclass, replace
from functools import partial

from placet.consent.errors import IdempotencyConflict
from placet.consent.handlers import steps
from placet.consent.handlers.delivery import Accepted, carry_out, check_time
from placet.consent.handlers.existing import a_guardianship, receipt_of
from placet.consent.model.checks import uuid as check_uuid
from placet.consent.model.commands import ConfirmGuardianship, OpenGuardianship, WithdrawGuardianship
from placet.consent.model.consents import Ending
from placet.consent.model.guardianships import Guardianship, GuardianshipBasis
from placet.consent.model.steps import Action, Receipt
from placet.consent.model.vocabulary import (
    ConsentId,
    Controller,
    EndedBy,
    GuardianshipId,
    GuardianshipState,
    Instant,
    StepId,
)
from placet.consent.policy import digests
from placet.consent.policy import guardians as rules
from placet.consent.policy import records as contents
from placet.consent.ports import Ports, Records


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardianshipEnd:
    """A guardianship as ended: a receipt for each of its bases, and the consents that stopped with it."""

    view: "View"
    receipts: tuple[Receipt, ...]
    stopped: tuple[ConsentId, ...]
    # The newest receipt of all, for its checkpoint; None when nothing of it was ever in the ledger.
    last: Receipt | None


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A guardianship with its bases in the ledger."""

    guardianship: Guardianship
    bases: tuple[GuardianshipBasis, ...]


async def open_(asked: OpenGuardianship, *, actor: str, ports: Ports, now: Instant, deadline: Instant) -> View:
    """Record that `actor` checked the documents; not yet in force. May be repeated.

    Raises Invalid (no minor, the guardian a minor, ...), IdempotencyConflict, ControllerClosed.
    """
    check_time(now, deadline)
    await ports.controllers.require_open(asked.controller, deadline=deadline)
    return await ports.store.write(lambda records: _open(records, asked, actor, ports.law, now))


def _open(records: Records, asked: OpenGuardianship, actor: str, law: str, now: Instant) -> View:
    digest = digests.of_request(asked)
    known = records.guardianship(asked.controller, asked.id)
    if known is not None:
        if known.digest != digest:
            raise IdempotencyConflict("id", asked.id)
        return _view(records, known)
    not_after, end_asked = rules.end_of(asked, now, law)
    # In a fixed order, so that two of these never wait for one another.
    persons = {subject: records.person(asked.controller, subject) for subject in sorted((asked.minor, asked.guardian))}
    minor, guardian = persons[asked.minor], persons[asked.guardian]
    rules.check_pair(
        records.facts_about(asked.controller, minor, now),
        records.facts_about(asked.controller, guardian, now),
        now,
        law,
    )
    guardianship = Guardianship(
        controller=asked.controller,
        id=asked.id,
        minor=minor,
        guardian=guardian,
        kind=asked.kind,
        minor_birth_date=asked.minor_birth_date,
        zone=asked.zone,
        proof_sha256=asked.proof_sha256,
        not_after=not_after,
        end_asked=end_asked,
        digest=digest,
        opened_by=actor,
        opened_at=now,
    )
    records.add_guardianship(guardianship)
    return View(guardianship=guardianship, bases=())


def _view(records: Records, guardianship: Guardianship) -> View:
    return View(guardianship=guardianship, bases=tuple(records.guardianship_bases(guardianship)))


async def confirm(asked: ConfirmGuardianship, *, actor: str, ports: Ports, now: Instant, deadline: Instant) -> View:
    """Record that a second person checked the documents: from now on consents may need it. May be repeated.

    Raises NotFound, SamePerson, GuardianInactive, Invalid, ControllerClosed, AcceptedLater.
    """
    check_time(now, deadline)
    await ports.controllers.require_open(asked.controller, deadline=deadline)
    accept = partial(_confirm, asked=asked, actor=actor, ports=ports, now=now)
    return await carry_out("The confirmation", accept, ports=ports, now=now, deadline=deadline)


def _confirm(records: Records, asked: ConfirmGuardianship, actor: str, ports: Ports, now: Instant) -> Accepted[View]:
    found = a_guardianship(records, asked.controller, asked.id)
    rules.check_confirmer(found, actor, now)
    step = found.step if found.step is not None else _put_in_force(records, found, actor, ports, now)
    return Accepted(
        controller=asked.controller,
        person=found.minor,
        wanted=(step,),
        answer=partial(_confirmed, asked=asked, step=step),
    )


def _put_in_force(records: Records, opened: Guardianship, actor: str, ports: Ports, now: Instant) -> StepId:
    about = [records.facts_about(opened.controller, person, now) for person in (opened.minor, opened.guardian)]
    rules.check_pair(about[0], about[1], now, ports.law)
    minor, guardian = records.subject(opened.minor), records.subject(opened.guardian)
    kept = steps.salted(contents.guardianship_record(opened, minor=minor, guardian=guardian), ports.fresh)
    first, second = (
        records.actor(opened.controller, sub, steps.actor_id(ports.fresh)) for sub in (opened.opened_by, actor)
    )
    at = steps.Who(controller=opened.controller, person=opened.minor, now=now, law=ports.law, fresh=ports.fresh)
    step = records.add_step(steps.guardianship_confirmed(opened, kept, opened=first, confirmed=second, at=at))
    records.save_guardianship(opened.confirmed(by=actor, at=now, step=step), kept)
    _end_unguarded(records, opened, at)
    return step


def _end_unguarded(records: Records, guardianship: Guardianship, at: steps.Who) -> None:
    """End what this person, now known as a minor, consented to alone: taken for an adult, it never counted (P8)."""
    for consent in records.consents_of(guardianship.controller, guardianship.minor):
        if consent.live and not consent.guarding.guardianships:
            by, reason = EndedBy.SYSTEM, rules.MINOR_ALONE
            step = records.add_step(steps.withdraw(consent, by=by, reason=reason, at=at))
            records.save_consent(consent.ended(Ending(by=by, reason=reason, at=at.now, step=step)))


def _confirmed(records: Records, asked: ConfirmGuardianship, step: StepId) -> View:
    receipt_of(records.step(step))
    return _view(records, a_guardianship(records, asked.controller, asked.id))


async def get(controller: Controller, ident: GuardianshipId, *, ports: Ports) -> View:
    """Return a guardianship. Raises Invalid, NotFound."""
    check_uuid("id", ident)
    return await ports.store.read(lambda records: _view(records, a_guardianship(records, controller, ident)))


async def withdraw(asked: WithdrawGuardianship, *, ports: Ports, now: Instant, deadline: Instant) -> GuardianshipEnd:
    """End a guardianship and all its bases in one append: every consent that needs it stops. May be repeated.

    Raises NotFound, AcceptedLater.
    """
    check_time(now, deadline)
    accept = partial(_withdraw, asked=asked, ports=ports, now=now)
    return await carry_out("The withdrawal", accept, ports=ports, now=now, deadline=deadline)


def _withdraw(records: Records, asked: WithdrawGuardianship, ports: Ports, now: Instant) -> Accepted[GuardianshipEnd]:
    found = a_guardianship(records, asked.controller, asked.id)
    if found.state is not GuardianshipState.WITHDRAWN:
        found = _end(records, found, asked, ports, now)
    return Accepted(
        controller=asked.controller,
        person=found.minor,
        wanted=_withdrawals(records, found),
        answer=partial(_withdrawn, asked=asked),
    )


def _end(
    records: Records, found: Guardianship, asked: WithdrawGuardianship, ports: Ports, now: Instant
) -> Guardianship:
    """Add a withdrawal for each basis, and for the confirmation itself; all are stored at once."""
    at = steps.Who(controller=asked.controller, person=found.minor, now=now, law=ports.law, fresh=ports.fresh)
    for basis in records.guardianship_bases(found):
        step = records.add_step(steps.withdraw_guardianship(basis, by=asked.by, reason=asked.reason, at=at))
        records.save_guardianship_basis(replace(basis, withdrawal=step))
    for consent in records.consents_needing(found):
        if consent.guarding.ended_by is None:
            records.save_consent(replace(consent, guarding=replace(consent.guarding, ended_by=found.id)))
    ended = found.withdrawn(by=asked.by, at=now)
    if found.step is not None:
        ending = steps.guardianship_withdrawn(found, records.step(found.step), by=asked.by, at=at)
        ended = replace(ended, ending=records.add_step(ending))
    records.save_guardianship(ended)
    return ended


def _withdrawals(records: Records, guardianship: Guardianship) -> tuple[StepId, ...]:
    own = () if guardianship.ending is None else (guardianship.ending,)
    bases = records.guardianship_bases(guardianship)
    return own + tuple(basis.withdrawal for basis in bases if basis.withdrawal is not None)


def _withdrawn(records: Records, asked: WithdrawGuardianship) -> GuardianshipEnd:
    guardianship = a_guardianship(records, asked.controller, asked.id)
    done = [records.step(step) for step in _withdrawals(records, guardianship)]
    receipts = [step.receipt for step in done if step.receipt and step.action is Action.WITHDRAW_GUARDIANSHIP]
    every = [step.receipt for step in done if step.receipt]
    return GuardianshipEnd(
        view=_view(records, guardianship),
        receipts=tuple(receipts),
        stopped=_stopped_with(records, guardianship),
        last=max(every, key=lambda receipt: receipt.index, default=None),
    )


def _stopped_with(records: Records, guardianship: Guardianship) -> tuple[ConsentId, ...]:
    """Return the consents that stood until this guardianship was withdrawn, oldest first.

    What came first is told by the order of the steps, not by a clock.
    """
    stopped = []
    for basis in records.guardianship_bases(guardianship):
        consent = records.consent(basis.controller, basis.consent)
        if consent is None or basis.withdrawal is None or consent.barred:
            continue
        stood = consent.ending is None or consent.ending.step > basis.withdrawal
        if stood and consent.guarding.ended_by == guardianship.id:
            stopped.append(consent.id)
    return tuple(stopped)
