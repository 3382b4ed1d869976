"""What the vault works with: requests to use a secret, their answers, erasures.

Owns: the vault's words about its work as frozen dataclasses, with their invariants in `__post_init__`.
Never: encrypts, compares, stores or asks anything. What holds a vector or a permit is redacted and not picklable.
Design: vault.md section 3. Templates and keys: `template`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.errors import Invalid
from placet.kit.security.redacted import Redacted
from placet.vault.template import Holding, Template, TemplateId

_REASON = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Operation(StrEnum):
    """What a permit must allow; the values are those of `authorization_details`."""

    ENROL = "enrol"
    VERIFY = "verify"


class Result(StrEnum):
    """What an `outcome` entry says became of a use."""

    ENROLLED = "enrolled"
    MATCH = "match"
    NO_MATCH = "no_match"
    ERROR = "error"


class DestroyReason(StrEnum):
    """Why the vault itself destroys; a caller of `Destroy` brings a code of its own."""

    CONSENT_WITHDRAWN = "consent_withdrawn"
    GUARDIANSHIP_WITHDRAWN = "guardianship_withdrawn"
    PERMISSION_REVOKED = "permission_revoked"
    BASIS_ENDED = "basis_ended"  # learned from a denied use, before the message came
    REPLACED = "replaced"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a finished use answered; kept so that a repeated request gets the same."""

    result: Result
    template_id: TemplateId | None = None
    # Hundredths, in steps of 5, -100 to 100.
    score: int | None = None
    # The error reason when the use failed after it was allowed.
    error: str | None = None

    def __post_init__(self) -> None:
        # Invariant: enrolled has a template id, match and no_match a score, error a reason; nothing else.
        has = (self.template_id is not None, self.score is not None, self.error is not None)
        wants = {Result.ENROLLED: (True, False, False), Result.ERROR: (False, False, True)}
        if has != wants.get(self.result, (False, True, False)):
            raise ValueError(f"an answer {self.result} cannot hold {has}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One request to use a secret, from before its ledger entry until its answer. Unique by (controller, id)."""

    controller: str
    id: UUID
    operation: Operation
    # Keyed with the controller's request key: nothing outside the vault can link it to a vector.
    digest: bytes
    basis: BasisOrdinal
    event: LeafIndex
    begun_at: Micros
    # Order of beginning within the vault; 0 until stored.
    seq: int = 0
    answer: Answer | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Permit:
    """What a verified permit says to the vault."""

    id: str  # jti: the event's id
    controller: str
    event: LeafIndex
    basis: BasisOrdinal
    operations: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCommand(Redacted):
    """A call of Enrol or Match; `template` is the probe for Match. `deadline` is absolute."""

    shown = ("controller", "id")

    controller: str
    id: UUID
    permit: str
    template: Template
    seen: int
    deadline: Micros
    # Thumbprint of the caller's TLS certificate (x5t#S256); None without one.
    certificate: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """An entry of the log with its proof against the checkpoint that stands with it (ledger.md section 1)."""

    index: LeafIndex
    entry: bytes
    leaf_hash: bytes
    proof: tuple[bytes, ...]
    note: str
    tree_size: int
    # The caller's `seen` and the proof from there; None when it saw nothing.
    consistency: tuple[int, tuple[bytes, ...]] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class UseVerdict:
    """What the ledger said about a use, at its position."""

    allowed: bool
    reasons: tuple[str, ...]
    receipt: Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class Enrolled:
    """The answer of Enrol."""

    template_id: TemplateId
    basis: BasisOrdinal
    receipt: Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """The answer of Match."""

    match: bool
    score: int
    receipt: Receipt


@dataclass(frozen=True, kw_only=True, slots=True)
class Holdings:
    """The answer of GetHolding; `destroyed` is the index of the latest vault.template_destroyed entry."""

    holdings: tuple[Holding, ...]
    destroyed: LeafIndex | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BasesEnded:
    """What a message says: these bases have ended, for this reason. `id` is the message's."""

    id: str
    controller: str
    bases: tuple[BasisOrdinal, ...]
    reason: DestroyReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Tombstone:
    """What stays of a destroyed basis: what was begun up to `seq` must not store, and nothing ever if `final`."""

    seq: int
    final: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """One destroyed template, and where the ledger says so (None: not yet)."""

    controller: str
    basis: BasisOrdinal
    template_id: TemplateId
    reason: str
    # SHA-256 of the nonce and the ciphertext that are gone.
    blob_sha256: bytes
    destroyed_at: Micros
    index: LeafIndex | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StockChange:
    """A template was stored under a basis, or is gone from there. `number` counts a controller's changes from 1."""

    number: int
    basis: BasisOrdinal
    stored: bool
    at: Micros


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """The next changes in their order, and the number of the latest there is."""

    changes: tuple[StockChange, ...]
    last: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AttemptLimit:
    """How often a basis may be compared: `count` times in any `window` microseconds.

    A comparison that has no answer after `in_flight` microseconds was never made and no longer counts; if it is taken
    up again, it counts anew.
    """

    count: int
    window: int
    in_flight: int = 60_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The decision of a comparison; `score` in hundredths, in steps of 5."""

    match: bool
    score: int


def reason_code(text: str) -> str:
    """Return a caller's reason for destroying. Raises Invalid unless it is a code: a-z, 0-9 and _, a letter first."""
    if not _REASON.fullmatch(text):
        raise Invalid("reason", "must be a code such as purpose_ended: 1 to 64 of a-z 0-9 _, a letter first")
    return text
