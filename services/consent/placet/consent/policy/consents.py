"""What a decision on one purpose may cover, and how it may be narrowed afterwards.

Owns: the window of a new consent, the rule that an amendment only ever takes away, which facts a decision may rely on.
Never: looks anything up. Anchors: consent.md section 2, the amend rule of ledger.md section 5.
"""

from typing import TypeVar

from placet.consent.errors import Invalid
from placet.consent.model.commands import Amend, Capture
from placet.consent.model.consents import Consent, Scope
from placet.consent.model.vocabulary import Choice, EndedBy, Instant

T = TypeVar("T")
# Codes of the endings that this service states by itself.
SUPERSEDED = "superseded"
REFUSED = "refused"


def check_window(asked: Capture, now: Instant) -> None:
    """Raise Invalid when the consent would have ended before it begins."""
    if asked.not_after is not None and asked.not_after <= max(asked.not_before or now, now):
        raise Invalid("not_after", "not_after has passed already; give a later time, or 0 for until withdrawn.")


def ending_by_decision(asked: Capture) -> tuple[EndedBy, str]:
    """Who ends an earlier consent to the same purpose, and with what reason: the latest decision wins.

    A new consent replaces it (the system ends it); a refusal is a withdrawal by whoever refuses.
    """
    if asked.choice is Choice.GIVEN:
        return EndedBy.SYSTEM, SUPERSEDED
    return (EndedBy.GUARDIAN if asked.guardianships else EndedBy.DATA_SUBJECT), REFUSED


def narrow(consent: Consent, asked: Amend, now: Instant) -> Scope:
    """Return the scope after the amendment. Raises Invalid naming the field that does not narrow it."""
    scope = consent.scope
    return Scope(
        operations=_subset("operations", scope.operations, asked.operations),
        sites=_narrower_sites(scope.sites, asked.sites),
        egress=_without_egress(scope, asked),
        not_after=_earlier(consent, asked, now),
    )


def _subset(field: str, have: tuple[T, ...], asked: tuple[T, ...]) -> tuple[T, ...]:
    if asked and not set(asked) < set(have):
        raise Invalid(field, f"{field} is not fewer of what is covered now; for more, capture a new consent.")
    return asked or have


def _narrower_sites(have: tuple[str, ...], asked: tuple[str, ...]) -> tuple[str, ...]:
    if have == ("*",) and asked and asked != ("*",):
        return asked
    return _subset("sites", have, asked)


def _without_egress(scope: Scope, asked: Amend) -> bool:
    if asked.end_egress and not scope.egress:
        raise Invalid("end_egress", "This consent has no egress to end.")
    return scope.egress and not asked.end_egress


def _earlier(consent: Consent, asked: Amend, now: Instant) -> Instant | None:
    have = consent.scope.not_after
    if asked.not_after is None:
        return have
    if have is not None and asked.not_after >= have:
        raise Invalid("not_after", "not_after is not earlier than now set; for longer, capture a new consent.")
    if asked.not_after <= max(now, consent.not_before):
        raise Invalid("not_after", "not_after has passed already; withdraw the consent to end it now.")
    return asked.not_after
