"""Makes steps: which entries a use case wants in the log, with everything but the ordinals.

Owns: the fields of every draft this service submits, and the salted commitments in them.
Never: submits anything (`handlers.delivery`), or puts anything of a person into a draft: codes, hashes, random values.
Anchors: ledger.md section 4.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from placet.consent.model.commands import Capture
from placet.consent.model.consents import Consent, Scope
from placet.consent.model.guardianships import Guardianship, GuardianshipBasis
from placet.consent.model.steps import Action, Step
from placet.consent.model.vocabulary import (
    CLOCK_TOLERANCE,
    SECOND,
    Controller,
    EndedBy,
    Instant,
    PersonKey,
    StepId,
)
from placet.consent.ports import Salted
from placet.evidence import canonical

Fresh = Callable[[int], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """Whose steps are made, when, under which law, and where randomness comes from."""

    controller: Controller
    person: PersonKey
    now: Instant
    law: str
    fresh: Fresh

    def step(self, action: Action, draft: dict[str, Any], **links: Any) -> Step:
        """Return a new step with a random key."""
        return Step(
            controller=self.controller,
            person=self.person,
            action=action,
            key=self.fresh(_KEY_BYTES),
            draft=draft,
            accepted_at=self.now,
            **links,
        )


_KEY_BYTES = 16
_SALT_BYTES = 32
# The random `subject` of a grant (ledger.md section 4).
SUBJECT_BYTES = 16
_DAY = 24 * 3600 * SECOND
# How much earlier than the birthday a guardianship may end in the log, so that its end does not tell the birthday.
_BLUR = 30 * _DAY


def salted(record: dict[str, Any], fresh: Fresh) -> Salted:
    """Return a record with a fresh salt."""
    return Salted(salt=fresh(_SALT_BYTES), record=record)


def commitment(kept: Salted) -> str:
    """Return the commitment as it stands in entries."""
    return canonical.b64url(canonical.commitment(kept.salt, kept.record))


def actor_id(fresh: Fresh) -> str:
    """Return a random actor id, for somebody who has none yet."""
    return canonical.b64url(fresh(16))


def blurred(until: Instant, now: Instant, fresh: Fresh) -> Instant:
    """Return an end up to 30 days before `until`, at most half of what is left: the log must not tell a birthday."""
    span = min(_BLUR, (until - now) // 2)
    return Instant(until - int.from_bytes(fresh(8), "big") % (span + 1))


def grant(asked: Capture, kept: Salted, *, subject: bytes, needs_of: tuple[StepId, ...], at: Who) -> Step:
    """Return the grant of a consent. `not_before` 0 lets the sequencer put its own time minus the clock tolerance."""
    draft = {
        "subject": canonical.b64url(subject),
        "purposes": [asked.purpose],
        "operations": [str(operation) for operation in asked.operations],
        "sites": list(asked.sites),
        "egress": asked.egress,
        "not_before": _start(asked, at.now),
        "not_after": asked.not_after,
        "max_events": asked.max_events,
        "record": commitment(kept),
        "notice": canonical.b64url(asked.notice_hash),
        "law": at.law,
        "imported": asked.imported,
    }
    return at.step(Action.GRANT, draft, consent=asked.id, needs_of=needs_of)


def _start(asked: Capture, now: Instant) -> int:
    if asked.not_before is not None:
        return asked.not_before
    return max(0, now - CLOCK_TOLERANCE) if asked.imported else 0


def guardianship_grant(
    guardianship: Guardianship, asked: Capture, kept: Salted, *, until: Instant, subject: bytes, at: Who
) -> Step:
    """Return the grant of a guardianship for one consent; `subject` is the consent's."""
    draft = {
        "subject": canonical.b64url(subject),
        "not_after": until,
        "record": commitment(kept),
        "law": at.law,
    }
    return at.step(Action.GRANT_GUARDIANSHIP, draft, consent=asked.id, guardianship=guardianship.id)


def amend(consent: Consent, scope: Scope, at: Who) -> Step:
    """Return the amendment that takes a consent to a narrower scope; what is unchanged is null."""
    old = consent.scope
    draft = {
        "operations": None if scope.operations == old.operations else [str(one) for one in scope.operations],
        "sites": None if scope.sites == old.sites else list(scope.sites),
        "egress": None if scope.egress == old.egress else False,
        "not_after": None if scope.not_after == old.not_after else scope.not_after,
    }
    return at.step(Action.AMEND, draft, consent=consent.id, basis_of=consent.step)


def withdraw(consent: Consent, *, by: EndedBy, reason: str, at: Who) -> Step:
    """Return the withdrawal of a consent."""
    draft = {"by": str(by), "reason": reason}
    return at.step(Action.WITHDRAW, draft, consent=consent.id, basis_of=consent.step)


def withdraw_guardianship(basis: GuardianshipBasis, *, by: EndedBy, reason: str, at: Who) -> Step:
    """Return the withdrawal of one basis of a guardianship."""
    draft = {"by": str(by), "reason": reason}
    return at.step(
        Action.WITHDRAW_GUARDIANSHIP,
        draft,
        consent=basis.consent,
        guardianship=basis.guardianship,
        basis_of=basis.grant,
    )


def refused(asked: Capture, kept: Salted, at: Who) -> Step:
    """Return the record of a refusal: nothing but a commitment."""
    return at.step(Action.RECORD, _record("consent.refused", commitment=commitment(kept)), consent=asked.id)


def notice_published(ident: str, content_hash: bytes, at: Who) -> Step:
    """Return the record of a notice: id and hash."""
    return at.step(Action.RECORD, _record("notice.published", id=ident, hash=canonical.b64url(content_hash)))


def guardianship_confirmed(guardianship: Guardianship, kept: Salted, *, opened: str, confirmed: str, at: Who) -> Step:
    """Return the record of a confirmation: a commitment and the two actor ids."""
    draft = _record("guardianship.confirmed", commitment=commitment(kept), opened_by=opened, confirmed_by=confirmed)
    return at.step(Action.RECORD, draft, guardianship=guardianship.id)


def guardianship_withdrawn(guardianship: Guardianship, confirmed: Step, *, by: EndedBy, at: Who) -> Step:
    """Return the record that ends a confirmation: the same commitment, and who ended it."""
    draft = _record("guardianship.withdrawn", commitment=confirmed.draft["data"]["commitment"], by=str(by))
    return at.step(Action.RECORD, draft, guardianship=guardianship.id)


def _record(kind: str, **data: str) -> dict[str, Any]:
    return {"type": kind, "data": data}
