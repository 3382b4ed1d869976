"""Face events: what is asked before a face is processed, and what the ledger said.

Owns `FaceEvent` (for batches and streams; `authorize` takes the same as keywords), `PermitWish`, `Decision`, `Checked`.
A decision's verdict, reasons, basis and permit terms are read from its verified ledger entry, never from the answer
around it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from placet.sdk.subject import SubjectRef
from placet.sdk.vocabulary import (
    Audience,
    BasisOrdinal,
    Inference,
    LeafIndex,
    Micros,
    NationalChannel,
    Operation,
    Reason,
    Storage,
    Verdict,
)

Customer = str | SubjectRef
"""Whose face it is: the controller's own customer id, or a subject reference made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitWish:
    """The permit wanted with an allow: for whom, 1 to 1000 uses, and seconds (0: 60, or what the purpose allows)."""

    audience: Audience = Audience.VAULT
    max_uses: int = 1
    lifetime: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEvent:
    """One intended processing of a face.

    `customer` None: nobody known. `basis` None: Placet takes a consent that covers the event, then a legal permission.
    `site` None: where the device is registered. `storage` None: that of the purpose. `occurred` None: now. `id` None: a
    fresh UUIDv7; name your own to be able to repeat the same event after a crash. `frame` is shared by the events of
    one image. `permit` None: none is wanted.
    """

    customer: Customer | None
    purpose: str
    device: str
    operation: Operation
    site: str | None = None
    basis: int | None = None
    inference: Inference | None = None
    storage: Storage | None = None
    egress: bool = False
    disclosure: bool = False
    sale_or_profit: bool = False
    scraped_source: bool = False
    national_channel: NationalChannel | None = None
    occurred: datetime | int | None = None
    offline: bool = False
    frame: str | UUID | None = None
    id: str | UUID | None = None
    permit: PermitWish | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the ledger said about one face event; its proof was verified before this was returned.

    `index` is the position of its entry and `entry` the bytes that were proven, under `checkpoint` (a signed note).
    `at` is the log's time. `permit` is a JWT, present only when allowed and asked for, valid until `permit_until`.
    `permitted_by`, `forbidden_by` (articles) and `alternative` are the service's words; `bundle(index)` proves the
    articles too. `repeated` tells that the event was in the log already.
    """

    id: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    index: LeafIndex
    at: Micros
    basis: BasisOrdinal | None
    decision: LeafIndex
    permitted_by: tuple[str, ...]
    forbidden_by: tuple[str, ...]
    alternative: str | None
    permit: str | None = field(repr=False)
    permit_until: Micros | None
    repeated: bool
    entry: bytes = field(repr=False)
    checkpoint: str = field(repr=False)

    @property
    def allowed(self) -> bool:
        """Whether the face may be processed."""
        return self.verdict is Verdict.ALLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What Authorize would say now. It is not a permission: nothing was recorded, nothing is claimed."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    permitted_by: tuple[str, ...]
    forbidden_by: tuple[str, ...]
    alternative: str | None


@dataclass(slots=True, kw_only=True)
class Permitted:
    """What the body of `client.permit(...)` works with: the decision, and the outcome to be recorded on leaving.

    Set `outcome` to a code such as `match` or `no_match`; left alone it is `completed`, or `error` when the body
    raises. None: record nothing.
    """

    decision: Decision
    outcome: str | None = "completed"
    unrecorded: Exception | None = None
    """Why the outcome of a body that raised could not be recorded."""

    @property
    def permit(self) -> str | None:
        """The permit (JWT), None when denied or none was wanted."""
        return self.decision.permit

    @property
    def allowed(self) -> bool:
        """Whether the face may be processed."""
        return self.decision.allowed

    @property
    def index(self) -> LeafIndex:
        """Where the event stands in the ledger."""
        return self.decision.index


Events = Sequence[FaceEvent]
