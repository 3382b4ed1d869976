"""A guardianship: that somebody may decide for a minor, checked by two members of staff.

Owns: `Guardianship` with its states, and `GuardianshipBasis`, its form in the ledger: one for each consent that needs
it, because each consent has a fresh `subject` there and its guardianships repeat it (ledger.md section 4).
Never: holds documents: only their hash. Anchors: consent.md section 5 (counter staff and a second person).
"""

from dataclasses import dataclass, replace
from datetime import date

from placet.consent.model.vocabulary import (
    BasisOrdinal,
    ConsentId,
    Controller,
    EndedBy,
    GuardianKind,
    GuardianshipId,
    GuardianshipState,
    Instant,
    LeafIndex,
    PersonKey,
    StepId,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Guardianship:
    """Guardian and minor, and how far two persons have checked it."""

    controller: Controller
    id: GuardianshipId
    minor: PersonKey
    guardian: PersonKey
    kind: GuardianKind
    minor_birth_date: date
    zone: str
    proof_sha256: bytes
    # Invariant: not later than the day the minor comes of age under the pack in force.
    not_after: Instant
    # Whether that end was asked for; otherwise it is the birthday, which the log must not tell.
    end_asked: bool
    digest: bytes
    # Token subs. Invariant: never equal.
    opened_by: str
    opened_at: Instant
    confirmed_by: str | None = None
    confirmed_at: Instant | None = None
    # The steps of the records `guardianship.confirmed` and `guardianship.withdrawn`.
    step: StepId | None = None
    ending: StepId | None = None
    withdrawn_at: Instant | None = None
    withdrawn_by: EndedBy | None = None

    @property
    def state(self) -> GuardianshipState:
        """Opened, confirmed or withdrawn."""
        if self.withdrawn_at is not None:
            return GuardianshipState.WITHDRAWN
        return GuardianshipState.OPENED if self.confirmed_by is None else GuardianshipState.CONFIRMED

    def active(self, now: Instant) -> bool:
        """Whether consents may rely on it at `now`."""
        return self.state is GuardianshipState.CONFIRMED and now < self.not_after

    def confirmed(self, *, by: str, at: Instant, step: StepId) -> "Guardianship":
        """Return it as confirmed by a second person."""
        assert by != self.opened_by
        return replace(self, confirmed_by=by, confirmed_at=at, step=step)

    def withdrawn(self, *, by: EndedBy, at: Instant) -> "Guardianship":
        """Return it as withdrawn."""
        return replace(self, withdrawn_by=by, withdrawn_at=at)


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardianshipBasis:
    """One grant of form guardianship, made for one consent."""

    controller: Controller
    guardianship: GuardianshipId
    consent: ConsentId
    # The steps of its grant and of its withdrawal.
    grant: StepId
    withdrawal: StepId | None = None
    ordinal: BasisOrdinal | None = None
    ended: LeafIndex | None = None
