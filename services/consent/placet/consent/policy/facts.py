"""What a policy decision needs to know about a consent, at one moment.

Owns: `BasisFacts` (law.md section 5), and the age band by birth date, with what it needs kept in memory: this is on the
way of a face event.
Never: says whether an event is lawful: the permission service decides, the sequencer judges.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from placet.consent.model.vocabulary import AgeBand, BasisOrdinal, Instant, LeafIndex, Operation
from placet.consent.policy import ages


@dataclass(frozen=True, kw_only=True, slots=True)
class BasisFacts:
    """A consent as a policy decision needs it. Times in microseconds; None: no end, or for good.

    `separate`, `explicit`, `notice_complete` and `term_stated` hold for every consent of this service by construction:
    one purpose a request, an expression always, and no notice published that lacks an item.
    """

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
    written: bool
    notice_served: bool
    needs: tuple[BasisOrdinal, ...]
    guardian_active: bool
    age_band: AgeBand
    age_band_until: Instant | None
    separate: bool = True
    explicit: bool = True
    notice_complete: bool = True
    term_stated: bool = True


@lru_cache(maxsize=16_384)
def _thresholds(birth: date, zone: str) -> tuple[tuple[Instant, AgeBand], ...]:
    return ages.thresholds(birth, ages.zone("zone", zone))


def age_of(birth: date | None, zone: str, now: Instant) -> tuple[AgeBand, Instant | None]:
    """Return the age band at `now` and when it next changes; None: an adult by the capturer's statement, for good."""
    if birth is None:
        return AgeBand.ADULT, None
    for until, band in _thresholds(birth, zone):
        if now < until:
            return band, until
    return AgeBand.ADULT, None
