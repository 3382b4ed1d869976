"""Records a person's decision on one purpose.

Owns: the use case CaptureConsent. The latest decision on a purpose wins: it ends the earlier one in the same append,
after the new grant.
Never: bundles purposes; makes refusing harder than giving. Anchors: consent.md sections 2 and 5, ledger.md section 4.
"""

from dataclasses import dataclass, replace
from functools import partial

from placet.consent.errors import (
    IdempotencyConflict,
    Invalid,
    NotFound,
    NoticeSuperseded,
    PlacetError,
)
from placet.consent.handlers import steps
from placet.consent.handlers.delivery import Accepted, carry_out, check_time
from placet.consent.handlers.existing import receipt_of
from placet.consent.handlers.notices import in_force
from placet.consent.model.commands import Capture
from placet.consent.model.consents import Consent, Ending, Guarding, Scope
from placet.consent.model.guardianships import GuardianshipBasis
from placet.consent.model.notices import Notice
from placet.consent.model.steps import Receipt
from placet.consent.model.vocabulary import Choice, ConsentId, Controller, Instant, PersonKey, StepId
from placet.consent.policy import consents as scopes
from placet.consent.policy import digests, guardians
from placet.consent.policy import notices as notice_rules
from placet.consent.policy import records as contents
from placet.consent.ports import Ports, Records, Salted


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """A decision as recorded; `receipt` is of the grant, or None for a refusal."""

    consent: Consent
    receipt: Receipt | None


async def capture(asked: Capture, *, actor: str, ports: Ports, now: Instant, deadline: Instant) -> Captured:
    """Record a decision: given is a basis once this returns, refused is recorded with equal fields. May be repeated.

    Raises Invalid, NotFound, NoticeSuperseded, GuardianRequired, GuardianInactive, IdempotencyConflict,
    ControllerClosed; AcceptedLater when the ledger does not answer: it will arrive, and repeating returns the proof.
    """
    check_time(now, deadline)
    barrier = await _closed(asked.controller, ports, deadline)
    accept = partial(_accept, asked=asked, actor=actor, barrier=barrier, ports=ports, now=now)
    return await carry_out("The decision", accept, ports=ports, now=now, deadline=deadline)


async def _closed(controller: Controller, ports: Ports, deadline: Instant) -> PlacetError | None:
    """Return why nothing new may be recorded for a controller; what was recorded before is still answered."""
    try:
        await ports.controllers.require_open(controller, deadline=deadline)
    except PlacetError as error:
        return error
    return None


def _captured(records: Records, controller: Controller, ident: ConsentId) -> Captured:
    consent = records.consent(controller, ident)
    assert consent is not None
    receipt = receipt_of(records.step(consent.step))
    return Captured(consent=consent, receipt=receipt if consent.choice is Choice.GIVEN else None)


def _accept(
    records: Records, asked: Capture, actor: str, barrier: PlacetError | None, ports: Ports, now: Instant
) -> Accepted[Captured]:
    """Find the decision of this id, or record it."""
    digest = digests.of_request(asked)
    known = records.consent(asked.controller, asked.id)
    if known is not None and known.digest != digest:
        raise IdempotencyConflict("id", asked.id)
    if known is None and barrier is not None:
        raise barrier
    consent = known or _decide(records, asked, digest, actor, ports, now)
    return Accepted(
        controller=asked.controller,
        person=consent.person,
        wanted=(consent.step, consent.last_step),
        answer=partial(_captured, controller=asked.controller, ident=asked.id),
    )


def _decide(records: Records, asked: Capture, digest: bytes, actor: str, ports: Ports, now: Instant) -> Consent:
    """Store a new decision with its steps. Raises when it is not lawful."""
    person = records.person(asked.controller, asked.subject)
    notice = _notice(records, asked, person)
    guarding = _guarding(records, asked, person, ports.law, now)
    if asked.choice is Choice.GIVEN:
        scopes.check_window(asked, now)
    operator = records.actor(asked.controller, actor, steps.actor_id(ports.fresh))
    record = contents.consent_record(asked, notice, operator=operator, at=now, law=ports.law)
    kept = steps.salted(record, ports.fresh)
    at = steps.Who(controller=asked.controller, person=person, now=now, law=ports.law, fresh=ports.fresh)
    if asked.choice is Choice.REFUSED:
        step = records.add_step(steps.refused(asked, kept, at))
    else:
        step, guarding = _grant(records, asked, kept, guarding, at)
    last_step = _end_earlier(records, asked, at) or step
    consent = _consent(asked, digest, at, (step, last_step), guarding)
    records.add_consent(consent, kept)
    return consent


def _notice(records: Records, asked: Capture, person: PersonKey) -> Notice:
    """Return the notice the decision is about. Raises when it does not fit, or asks for something else by now."""
    notice = in_force(records, asked.controller, asked.notice_hash, field="notice_hash")
    notice_rules.check_speaks_of(notice.content, purpose=asked.purpose, language=asked.language)
    latest = records.latest_notice(asked.controller, notice.content.id, published=True) or notice
    changed = notice_rules.change(notice.content, latest.content) is notice_rules.Change.MATERIAL
    if asked.choice is Choice.GIVEN and latest.version > notice.version and changed:
        raise NoticeSuperseded(notice.version, latest.version)
    if asked.notice_served is not None:
        served = records.served(asked.controller, asked.notice_served)
        if served is None or served.person != person:
            raise NotFound("There is no such served-notice record of this person.", field="notice_served")
        if (served.notice_hash, served.language) != (asked.notice_hash, asked.language):
            raise Invalid("notice_served", "notice_served was of another notice or language than this decision.")
    return notice


def _guarding(records: Records, asked: Capture, person: PersonKey, law: str, now: Instant) -> Guarding:
    if not guardians.check_age(asked, records.facts_about(asked.controller, person, now), now, law):
        return Guarding()
    named = []
    for ident in asked.guardianships:
        found = records.guardianship(asked.controller, ident)
        about = records.facts_about(asked.controller, found.guardian, now) if found else guardians.PersonFacts()
        named.append(guardians.Named(guardianship=found, guardian=about))
    return guardians.guarding(asked, person, named, now, law)


def _grant(
    records: Records, asked: Capture, kept: Salted, guarding: Guarding, at: steps.Who
) -> tuple[StepId, Guarding]:
    """Add the steps of the guardianships' grants, then the consent's; return that step and how it is guarded."""
    subject = at.fresh(steps.SUBJECT_BYTES)
    needs: list[StepId] = []
    ends: list[Instant] = []
    for ident in guarding.guardianships:
        found = records.guardianship(asked.controller, ident)
        assert found is not None
        until = found.not_after if found.end_asked else steps.blurred(found.not_after, at.now, at.fresh)
        minor, guardian = records.subject(found.minor), records.subject(found.guardian)
        own = steps.salted(contents.guardianship_record(found, minor=minor, guardian=guardian), at.fresh)
        step = records.add_step(steps.guardianship_grant(found, asked, own, until=until, subject=subject, at=at))
        basis = GuardianshipBasis(controller=asked.controller, guardianship=ident, consent=asked.id, grant=step)
        records.add_guardianship_basis(basis, own)
        needs.append(step)
        ends.append(until)
    step = records.add_step(steps.grant(asked, kept, subject=subject, needs_of=tuple(needs), at=at))
    return step, replace(guarding, until=min(ends, default=None))


def _end_earlier(records: Records, asked: Capture, at: steps.Who) -> StepId | None:
    """The latest decision wins: end the live consent to the same purpose, after the new grant."""
    earlier = records.live_consent(asked.controller, at.person, asked.purpose)
    if earlier is None:
        return None
    by, reason = scopes.ending_by_decision(asked)
    step = records.add_step(steps.withdraw(earlier, by=by, reason=reason, at=at))
    records.save_consent(earlier.ended(Ending(by=by, reason=reason, at=at.now, step=step)))
    return step


def _consent(asked: Capture, digest: bytes, at: steps.Who, made: tuple[StepId, StepId], guarding: Guarding) -> Consent:
    return Consent(
        controller=asked.controller,
        id=asked.id,
        person=at.person,
        purpose=asked.purpose,
        choice=asked.choice,
        scope=Scope(operations=asked.operations, sites=asked.sites, egress=asked.egress, not_after=asked.not_after),
        not_before=asked.not_before or at.now,
        max_events=asked.max_events,
        notice_hash=asked.notice_hash,
        notice_served=asked.notice_served,
        language=asked.language,
        channel=asked.channel,
        expression=asked.expression,
        alternative=asked.alternative,
        birth_date=asked.birth_date,
        zone=asked.zone,
        imported=asked.imported,
        decided_at=at.now,
        digest=digest,
        step=made[0],
        last_step=made[1],
        guarding=guarding,
    )
