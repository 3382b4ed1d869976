"""What a policy decision needs to know about a consent, at one moment.

Owns: `BasisFacts` and how it follows from a consent (law.md section 5).
Never: says whether an event is lawful: the permission service decides, the sequencer judges.
"""

from dataclasses import dataclass

from placet.consent.model.consents import Consent
from placet.consent.model.vocabulary import WRITTEN, AgeBand, BasisOrdinal, Instant, LeafIndex, Operation
from placet.consent.policy import ages


@dataclass(frozen=True, kw_only=True, slots=True)
class BasisFacts:
    """A consent as a policy decision needs it. Times in microseconds; None: no end, or for good."""

    ordinal: BasisOrdinal
    granted: LeafIndex
    # Leaf hash of the grant's entry.
    leaf_hash: bytes
    ended: LeafIndex | None
    purpose: str
    operations: tuple[Operation, ...]
    sites: tuple[str, ...]
    egress: bool
    not_before: Instant
    not_after: Instant | None
    separate: bool
    explicit: bool
    written: bool
    notice_served: bool
    notice_complete: bool
    term_stated: bool
    needs: tuple[BasisOrdinal, ...]
    guardian_active: bool
    age_band: AgeBand
    age_band_until: Instant | None


def facts_of(consent: Consent, now: Instant) -> BasisFacts:
    """Return the facts of a consent that is in the ledger.

    Every consent here is separate and explicit by construction (one purpose a request, an expression always), and its
    notice complete with the term stated (`policy.notices` publishes no other).
    """
    assert consent.basis is not None
    assert consent.granted is not None
    assert consent.leaf_hash is not None
    place = ages.zone("zone", consent.zone)
    return BasisFacts(
        ordinal=consent.basis,
        granted=consent.granted,
        leaf_hash=consent.leaf_hash,
        ended=None if consent.ending is None else consent.ending.index,
        purpose=consent.purpose,
        operations=consent.scope.operations,
        sites=consent.scope.sites,
        egress=consent.scope.egress,
        not_before=consent.not_before,
        not_after=consent.scope.not_after,
        separate=True,
        explicit=True,
        written=consent.expression in WRITTEN,
        notice_served=consent.notice_served is not None,
        notice_complete=True,
        term_stated=True,
        needs=consent.guarding.needs,
        guardian_active=consent.guarding.active(now),
        age_band=ages.band(consent.birth_date, place, now),
        age_band_until=ages.band_until(consent.birth_date, place, now),
    )
