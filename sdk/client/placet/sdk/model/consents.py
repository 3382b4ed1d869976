"""Notices, consents, guardianships: what is shown, what a person decided, who may decide for a minor.

Times are microseconds since 1970 UTC, 0: none. Nothing here names a person; customers stay with the caller.
"""

from dataclasses import dataclass, field

from placet.sdk.model.ledger import Receipt
from placet.sdk.vocabulary import (
    BasisOrdinal,
    ConsentState,
    GuardianKind,
    GuardianshipState,
    LeafIndex,
    Micros,
    Operation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeText:
    """One language (BCP 47) of a notice: the items of Order 19 Art 5, each to be filled."""

    language: str
    title: str
    controller_name: str
    contact: str
    purpose: str
    method: str
    retention: str
    necessity: str
    impact: str
    rights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A published version of a notice; `content_hash` is its identity."""

    id: str
    version: int
    purposes: tuple[str, ...]
    texts: tuple[NoticeText, ...]
    content_hash: bytes
    published_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNotice:
    """A notice and the entry that pins its content hash."""

    notice: Notice
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A consent record. `basis` and `granted` are None for a refusal; `ended` is the index of the withdraw."""

    id: str
    state: ConsentState
    purpose: str
    operations: tuple[Operation, ...]
    sites: tuple[str, ...]
    egress: bool
    not_before: Micros
    not_after: Micros
    basis: BasisOrdinal | None
    granted: LeafIndex | None
    ended: LeafIndex | None
    notice_hash: bytes
    guardianships: tuple[str, ...]
    decided_at: Micros
    max_events: int
    minor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedConsent:
    """A decision as recorded: `receipt` proves the grant (None for a refusal), `signed_receipt` is for the person."""

    consent: Consent
    receipt: Receipt | None
    signed_receipt: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendedConsent:
    """A consent made narrower, and the proven entry that did it."""

    consent: Consent
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnConsent:
    """A consent that has ended. `evidence` (placet.receipt/1) is the person's own: it convicts a log that hides it."""

    consent: Consent
    receipt: Receipt
    evidence: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardianship:
    """A verified link guardian to minor; `bases` are its ordinals, one for each consent that needs it."""

    id: str
    state: GuardianshipState
    kind: GuardianKind
    not_after: Micros
    bases: tuple[BasisOrdinal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnGuardianship:
    """A guardianship that has ended: the consents that stopped with it, one piece of evidence for each basis."""

    guardianship: Guardianship
    consents: tuple[str, ...]
    receipts: tuple[Receipt, ...]
    evidence: tuple[str, ...] = field(repr=False)
