"""The entries of a log, one class a kind.

Fields have the names and the JSON types of ledger.md section 4 (hashes are base64url text, lists are tuples), so any
encoder that sorts keys gives the bytes of `placet.evidence.entries.encode_entry`. Knows no rules: whether an entry
belongs at its position is `placet.evidence.admission`. Permanent: `docs/adr/0002-entry-format.md`.
"""

from typing import Any, Final, TypeAlias

from placet.evidence.canonical import b64url
from placet.evidence.reasons import Reason
from placet.evidence.terms import (
    RULES,
    VERSION,
    BasisOrdinal,
    EndedBy,
    Form,
    Kind,
    LeafIndex,
    Micros,
    Operation,
    Verdict,
    value,
)

NO_PREV: Final = b64url(bytes(32))
"""The `prev` of entry 0."""


@value
class Placed:
    """What the sequencer assigns to every entry."""

    v: int = VERSION
    i: LeafIndex
    prev: str
    """Leaf hash of entry i - 1: the hash chain."""
    t: Micros


@value
class Grant(Placed):
    """A new basis: a consent, a guardianship or a legal permission."""

    kind: Kind = Kind.GRANT
    basis: BasisOrdinal
    form: Form
    subject: str | None
    purposes: tuple[str, ...]
    operations: tuple[str, ...]
    """Values of `Operation`, or `*` alone."""
    sites: tuple[str, ...]
    egress: bool
    not_before: Micros
    not_after: Micros | None
    needs: tuple[BasisOrdinal, ...]
    max_events: int | None
    approvals: tuple[LeafIndex, ...]
    record: str
    notice: str | None
    law: str
    authority: str | None
    imported: bool


@value
class Amend(Placed):
    """A basis made narrower; null leaves a field as it was."""

    kind: Kind = Kind.AMEND
    basis: BasisOrdinal
    purposes: tuple[str, ...] | None
    operations: tuple[str, ...] | None
    sites: tuple[str, ...] | None
    egress: bool | None
    not_after: Micros | None


@value
class Withdraw(Placed):
    """The end of a basis."""

    kind: Kind = Kind.WITHDRAW
    basis: BasisOrdinal
    by: EndedBy
    reason: str


@value
class PolicyRef:
    """A policy pack, by id and content."""

    hash: str
    id: str


@value
class Decision(Placed):
    """What the policy packs said of one context; written once per distinct content."""

    kind: Kind = Kind.DECISION
    policies: tuple[PolicyRef, ...]
    context: dict[str, Any]
    verdict: Verdict
    permit: tuple[str, ...]
    forbid: tuple[str, ...]
    errors: tuple[str, ...]


@value
class EventPermit:
    """What an allowed event may be used for: how often, and until when (exclusive)."""

    max_uses: int
    not_after: Micros


@value
class Event(Placed):
    """One intended processing of a face, and the verdict at this position."""

    kind: Kind = Kind.EVENT
    id: str
    frame: str | None
    basis: BasisOrdinal | None
    purpose: str
    operation: Operation
    device: str
    site: str
    # Invariant: exporting is egress.
    egress: bool
    occurred: Micros
    offline: bool
    seen: int
    decision: LeafIndex
    verdict: Verdict
    reasons: tuple[Reason, ...]
    permit: EventPermit | None


@value
class Use(Placed):
    """What is about to be done under a permit."""

    kind: Kind = Kind.USE
    event: LeafIndex | None
    n: int
    service: str
    verdict: Verdict
    reasons: tuple[Reason, ...]


@value
class Outcome(Placed):
    """What became of an event or a use."""

    kind: Kind = Kind.OUTCOME
    of: LeafIndex
    result: str


@value
class Record(Placed):
    """A fact about the controller, its registers, permissions, keys, templates or log."""

    kind: Kind = Kind.RECORD
    type: str
    data: dict[str, Any]


@value
class State(Placed):
    """The status of every basis after the entries that it covers; ends every batch."""

    kind: Kind = Kind.STATE
    prev_state: LeafIndex | None
    covers: tuple[LeafIndex, LeafIndex]
    bases: int
    status_root: str
    rules: str = RULES


Entry: TypeAlias = Grant | Amend | Withdraw | Decision | Event | Use | Outcome | Record | State
