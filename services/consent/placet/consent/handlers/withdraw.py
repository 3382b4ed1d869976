"""Withdraws a consent, and gives consents back.

Owns: the use cases WithdrawConsent, GetConsent, ListConsents.
Never: asks why, or refuses because somebody else should have withdrawn: nothing makes withdrawing harder than giving.
Anchors: consent.md section 3, promise P3.
"""

from dataclasses import dataclass
from functools import partial

from placet.consent.errors import StateInvalid
from placet.consent.handlers import steps
from placet.consent.handlers.delivery import Accepted, carry_out, check_time
from placet.consent.handlers.existing import a_consent
from placet.consent.model.checks import subject as check_subject
from placet.consent.model.checks import uuid as check_uuid
from placet.consent.model.commands import Withdraw
from placet.consent.model.consents import Consent, Ending
from placet.consent.model.steps import Receipt
from placet.consent.model.vocabulary import Choice, ConsentId, Controller, Instant, StepId, SubjectRef
from placet.consent.ports import Ports, Records

_NEVER_IN_FORCE = "The ledger refused this consent, so it never was in force; there is nothing to withdraw."


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """A consent as ended, and the receipt of the withdraw entry: always the first one."""

    consent: Consent
    receipt: Receipt


async def withdraw(asked: Withdraw, *, ports: Ports, now: Instant, deadline: Instant) -> Withdrawn:
    """Withdraw a consent; in force once this returns. Whatever has ended already returns its first receipt.

    Raises NotFound, StateInvalid (nothing was given), AcceptedLater: accepted, it will arrive; repeat to get the proof.
    """
    check_time(now, deadline)
    accept = partial(_accept, asked=asked, ports=ports, now=now)
    return await carry_out("The withdrawal", accept, ports=ports, now=now, deadline=deadline)


def _accept(records: Records, asked: Withdraw, ports: Ports, now: Instant) -> Accepted[Withdrawn]:
    consent = a_consent(records, asked.controller, asked.id)
    step = consent.ending.step if consent.ending is not None else _end(records, consent, asked, ports, now)
    return Accepted(
        controller=asked.controller,
        person=consent.person,
        wanted=(step,),
        answer=partial(_withdrawn, asked=asked, ident=step),
    )


def _end(records: Records, consent: Consent, asked: Withdraw, ports: Ports, now: Instant) -> StepId:
    if consent.choice is Choice.REFUSED:
        raise StateInvalid("This consent was refused, so there is nothing to withdraw.")
    if consent.barred:
        raise StateInvalid(_NEVER_IN_FORCE)
    at = steps.Who(controller=asked.controller, person=consent.person, now=now, law=ports.law, fresh=ports.fresh)
    step = records.add_step(steps.withdraw(consent, by=asked.by, reason=asked.reason, at=at))
    records.save_consent(consent.ended(Ending(by=asked.by, reason=asked.reason, at=now, step=step)))
    return step


def _withdrawn(records: Records, asked: Withdraw, ident: StepId) -> Withdrawn:
    step = records.step(ident)
    if step.bar is not None:
        raise StateInvalid(_NEVER_IN_FORCE)
    assert step.receipt is not None
    return Withdrawn(consent=a_consent(records, asked.controller, asked.id), receipt=step.receipt)


async def get(controller: Controller, ident: ConsentId, *, ports: Ports) -> Consent:
    """Return a consent. Raises Invalid, NotFound."""
    check_uuid("id", ident)
    return await ports.store.read(lambda records: a_consent(records, controller, ident))


async def of_person(controller: Controller, subject: SubjectRef, *, ports: Ports) -> list[Consent]:
    """Return the consents of one person with this controller, oldest first; none for somebody unknown."""
    check_subject("subject", subject)

    def find(records: Records) -> list[Consent]:
        person = records.known_person(controller, subject)
        return [] if person is None else records.consents_of(controller, person)

    return await ports.store.read(find)
