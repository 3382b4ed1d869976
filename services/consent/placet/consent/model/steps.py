"""Steps: what this service still has to bring into a controller's log, in the order of each person.

Owns: `Step` (one intended entry), `Receipt` (the entry once it is there, with its proof), `Bar` (why the log refused
it). A step is stored in the same transaction as the change it belongs to; it is the ledger's row of the outbox.
Never: holds a basis ordinal that is not assigned yet: it names the step that will get it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from placet.consent.model.vocabulary import (
    BasisOrdinal,
    ConsentId,
    Controller,
    GuardianshipId,
    Instant,
    LeafIndex,
    PersonKey,
    StepId,
)

_UNSTORED = StepId(0)


class Action(StrEnum):
    """What a step does to the log."""

    GRANT = "grant"
    GRANT_GUARDIANSHIP = "grant_guardianship"
    AMEND = "amend"
    WITHDRAW = "withdraw"
    WITHDRAW_GUARDIANSHIP = "withdraw_guardianship"
    RECORD = "record"

    @property
    def grants(self) -> bool:
        """Whether the entry will get a basis ordinal."""
        return self in (Action.GRANT, Action.GRANT_GUARDIANSHIP)


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """An entry with its inclusion proof against a checkpoint. The first one is kept: repeating a request returns it."""

    index: LeafIndex
    entry: bytes
    leaf_hash: bytes
    # 32 bytes each, the leaf's sibling first.
    proof: tuple[bytes, ...]
    # A C2SP signed note, and the tree size it states.
    checkpoint: str
    tree_size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Why the log refused a step for good: the parts of a PlacetError."""

    kind: str
    reason: str
    message: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One intended entry.

    `draft` holds the fields of the draft but for ordinals: those of `basis_of` (for an amend or withdraw) and
    `needs_of` (for a grant) are put in once their steps are in the log.
    """

    controller: Controller
    # Steps of one person enter the log in the order of their ids.
    person: PersonKey
    action: Action
    # Idempotency key at the sequencer. Random: it must not lead from the log back to a record.
    key: bytes
    draft: Mapping[str, Any]
    consent: ConsentId | None = None
    guardianship: GuardianshipId | None = None
    basis_of: StepId | None = None
    needs_of: tuple[StepId, ...] = ()
    accepted_at: Instant
    # Given by the store; 0 until then.
    id: StepId = _UNSTORED
    # Invariant: at most one of the two is set, once.
    receipt: Receipt | None = None
    bar: Bar | None = None
    basis: BasisOrdinal | None = None

    @property
    def pending(self) -> bool:
        """Whether it still has to enter the log."""
        return self.receipt is None and self.bar is None
