"""Narrows a consent: fewer operations or sites, no egress, an earlier end.

Owns: the use case AmendConsent.
Never: widens anything: that takes a new consent. Anchors: consent.md section 2, the amend rule of ledger.md section 5.
"""

from dataclasses import dataclass
from functools import partial

from placet.consent.errors import BasisEnded, IdempotencyConflict, StateInvalid
from placet.consent.handlers import steps
from placet.consent.handlers.delivery import Accepted, carry_out, check_time
from placet.consent.handlers.existing import a_consent, receipt_of
from placet.consent.model.commands import Amend
from placet.consent.model.consents import Amendment, Consent
from placet.consent.model.steps import Receipt
from placet.consent.model.vocabulary import ConsentState, Instant
from placet.consent.policy import consents as scopes
from placet.consent.policy import digests
from placet.consent.ports import Ports, Records


@dataclass(frozen=True, kw_only=True, slots=True)
class Amended:
    """A narrowed consent and the receipt of the amend entry."""

    consent: Consent
    receipt: Receipt


async def amend(asked: Amend, *, ports: Ports, now: Instant, deadline: Instant) -> Amended:
    """Narrow a consent; in force once this returns. May be repeated with the same amendment id.

    Raises NotFound, Invalid (the field that does not narrow), BasisEnded, IdempotencyConflict, AcceptedLater.
    """
    check_time(now, deadline)
    accept = partial(_accept, asked=asked, ports=ports, now=now)
    return await carry_out("The amendment", accept, ports=ports, now=now, deadline=deadline)


def _accept(records: Records, asked: Amend, ports: Ports, now: Instant) -> Accepted[Amended]:
    consent = a_consent(records, asked.controller, asked.id)
    digest = digests.of_request(asked)
    known = records.amendment(asked.controller, asked.amendment)
    if known is not None and known.digest != digest:
        raise IdempotencyConflict("amendment", asked.amendment)
    amendment = known or _narrow(records, consent, asked, digest, ports, now)
    return Accepted(
        controller=asked.controller,
        person=consent.person,
        wanted=(amendment.step,),
        answer=partial(_amended, amendment=amendment),
    )


def _narrow(records: Records, consent: Consent, asked: Amend, digest: bytes, ports: Ports, now: Instant) -> Amendment:
    state = consent.state(now)
    if state is ConsentState.REFUSED:
        raise StateInvalid("This consent was refused; there is nothing to narrow.")
    if state not in (ConsentState.GIVEN, ConsentState.REQUESTED):
        raise BasisEnded("This consent")
    scope = scopes.narrow(consent, asked, now)
    at = steps.Who(controller=asked.controller, person=consent.person, now=now, law=ports.law, fresh=ports.fresh)
    step = records.add_step(steps.amend(consent, scope, at))
    records.save_consent(consent.narrowed(scope))
    amendment = Amendment(controller=asked.controller, id=asked.amendment, consent=asked.id, digest=digest, step=step)
    records.add_amendment(amendment)
    return amendment


def _amended(records: Records, amendment: Amendment) -> Amended:
    consent = a_consent(records, amendment.controller, amendment.consent)
    return Amended(consent=consent, receipt=receipt_of(records.step(amendment.step)))
