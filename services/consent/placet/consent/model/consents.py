"""A consent: one person's decision on one purpose, and what became of it.

Owns: `Consent` with its state machine, `Ending`, `Amendment`. History is never edited: what was decided stays, what was
narrowed or ended stands beside it.
Never: knows SQL, entries or protos. Anchors: consent.md section 2 (ISO/IEC TS 27560, DPV states).
"""

from dataclasses import dataclass, replace
from datetime import date

from placet.consent.model.vocabulary import (
    BasisOrdinal,
    Channel,
    Choice,
    ConsentId,
    ConsentState,
    Controller,
    EndedBy,
    Expression,
    GuardianshipId,
    Instant,
    LeafIndex,
    Operation,
    PersonKey,
    ServedId,
    StepId,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """Who ended a consent, why and when; `step` brings it into the ledger, `index` is its entry once there."""

    by: EndedBy
    reason: str
    at: Instant
    step: StepId
    index: LeafIndex | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What a consent covers. Amendments only ever narrow it."""

    operations: tuple[Operation, ...]
    sites: tuple[str, ...]
    egress: bool
    not_after: Instant | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Guarding:
    """How the guardianships that a minor's consent needs stand. Invariant: all three lists are empty for others."""

    guardianships: tuple[GuardianshipId, ...] = ()
    # Ordinals of their bases, in ascending order; empty until they are in the ledger.
    needs: tuple[BasisOrdinal, ...] = ()
    # The earliest end of them, and which was withdrawn first.
    until: Instant | None = None
    ended_by: GuardianshipId | None = None

    def active(self, now: Instant) -> bool:
        """Whether it is needed and every one stands."""
        within = self.until is not None and now < self.until
        return bool(self.guardianships) and self.ended_by is None and within


@dataclass(frozen=True, kw_only=True, slots=True)
class Consent:
    """One decision of one person on one purpose."""

    controller: Controller
    id: ConsentId
    person: PersonKey
    purpose: str
    choice: Choice
    scope: Scope
    not_before: Instant
    max_events: int | None
    notice_hash: bytes
    notice_served: ServedId | None
    language: str
    channel: Channel
    expression: Expression
    alternative: str | None
    birth_date: date | None
    zone: str
    imported: bool
    decided_at: Instant
    digest: bytes
    # The step of the grant, or of the record `consent.refused`.
    step: StepId
    # The last step of the decision: the end of the earlier consent that it replaces, or the same.
    last_step: StepId
    guarding: Guarding = Guarding()
    # Invariant: set together, once, when the grant is in the ledger.
    basis: BasisOrdinal | None = None
    granted: LeafIndex | None = None
    leaf_hash: bytes | None = None
    ending: Ending | None = None
    # Set when the ledger refused the grant for good: never in force.
    barred: bool = False
    signed_receipt: str | None = None

    @property
    def live(self) -> bool:
        """Given and neither ended nor refused by the ledger. Invariant: at most one for each (person, purpose)."""
        return self.choice is Choice.GIVEN and self.ending is None and not self.barred

    def state(self, now: Instant) -> ConsentState:
        """Return the state of the record at `now`."""
        if self.choice is Choice.REFUSED:
            return ConsentState.REFUSED
        if self.ending is not None:
            return _ENDED[self.ending.by]
        if self.barred:
            return ConsentState.INVALIDATED
        if self.guarding.ended_by is not None:
            return ConsentState.WITHDRAWN
        if self._expired(now):
            return ConsentState.EXPIRED
        return ConsentState.REQUESTED if self.basis is None else ConsentState.GIVEN

    def _expired(self, now: Instant) -> bool:
        ends = [end for end in (self.scope.not_after, self.guarding.until) if end is not None]
        return any(end <= now for end in ends)

    def ended(self, ending: Ending) -> "Consent":
        """Return it with its ending; what has ended keeps its first."""
        return self if self.ending else replace(self, ending=ending)

    def narrowed(self, scope: Scope) -> "Consent":
        """Return it with a narrower scope."""
        return replace(self, scope=scope)


# `withdraw` = by the data subject or a guardian; `revoke` = by anyone else (architecture.md section 2).
_ENDED = {
    EndedBy.DATA_SUBJECT: ConsentState.WITHDRAWN,
    EndedBy.GUARDIAN: ConsentState.WITHDRAWN,
    EndedBy.CONTROLLER: ConsentState.REVOKED,
    EndedBy.AUTHORITY: ConsentState.INVALIDATED,
    EndedBy.SYSTEM: ConsentState.REVOKED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Amendment:
    """A change that narrowed a consent; repeating it finds `step` again."""

    controller: Controller
    id: str
    consent: ConsentId
    digest: bytes
    step: StepId
