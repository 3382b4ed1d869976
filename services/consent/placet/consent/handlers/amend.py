"""Narrows a consent: fewer operations or sites, no egress, an earlier end.

Owns: the use case AmendConsent.
Never: widens anything: that takes a new consent. Anchors: consent.md section 2, the amend rule of ledger.md section 5.
"""

from dataclasses import dataclass

from placet.consent.errors import BasisEnded, IdempotencyConflict, StateInvalid
from placet.consent.handlers import steps
from placet.consent.handlers.delivery import bring, check_time
from placet.consent.handlers.existing import a_consent, receipt_of
from placet.consent.model.commands import Amend
from placet.consent.model.consents import Amendment, Consent
from placet.consent.model.steps import Receipt
from placet.consent.model.vocabulary import ConsentState, Instant, PersonKey
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
    digest = digests.of_request(asked)
    amendment, person = await ports.store.write(lambda records: _amend(records, asked, digest, ports, now))
    await bring("The amendment", asked.controller, person, [amendment.step], ports=ports, now=now, deadline=deadline)
    return await ports.store.read(lambda records: _amended(records, amendment))


def _amended(records: Records, amendment: Amendment) -> Amended:
    consent = records.consent(amendment.controller, amendment.consent)
    assert consent is not None
    return Amended(consent=consent, receipt=receipt_of(records.step(amendment.step)))


def _amend(records: Records, asked: Amend, digest: bytes, ports: Ports, now: Instant) -> tuple[Amendment, PersonKey]:
    consent = a_consent(records, asked.controller, asked.id)
    known = records.amendment(asked.controller, asked.amendment)
    if known is not None:
        if known.digest != digest:
            raise IdempotencyConflict("amendment", asked.amendment)
        return known, consent.person
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
    return amendment, consent.person
