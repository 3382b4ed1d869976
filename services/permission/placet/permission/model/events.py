"""A face event as a caller asks for it, the answer it gets, and the digest that makes a repeated one recognisable.

Owns: `FaceEvent` (checked by `wire`, never changed afterwards), `Answer`, `Asked` and the digest of a request.
Never: facts that the service finds out itself; those are `model.basis` and `model.book`.
These types are on the hot path: msgspec structs, built positionally-fast, no defaults filled in, no copies.
"""

from collections.abc import Sequence
from enum import IntEnum
from hashlib import sha256
from typing import NamedTuple

import msgspec

from placet.permission.model.vocabulary import (
    CLOCK_TOLERANCE,
    CLOCK_TOLERANCE_OFFLINE,
    Inference,
    NationalChannel,
    Operation,
    Storage,
    Verdict,
)

MAX_BATCH = 512
MAX_SUBJECT = 64
MAX_USES = 1_000
# The most a purpose may allow, and what it allows unless it says otherwise (vault.md section 2), seconds.
MAX_PERMIT_LIFETIME = 86_400
DEFAULT_PERMIT_LIFETIME = 60


class Wanted(IntEnum):
    """Whether a permit is wanted with an allow."""

    DEFAULT = 0
    YES = 1
    NO = 2


class Audience(IntEnum):
    """For whom a permit is."""

    DEFAULT = 0
    VAULT = 1
    ENGINE = 2


class FaceEvent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One intended processing of a face, as asked for: `None`, 0 and "" mean that the caller left it to the service.

    `id` and `frame` are UUIDs in lower case. `subject` is a subject reference (0 to 64 bytes, empty: nobody known).
    `occurred` is in microseconds since 1970 UTC by the caller's clock, 0: now. `lifetime` is in seconds.
    """

    # Invariant: the order of these fields is the digest's format `placet/face-event/v1`; new fields only at the end,
    # and with a new version in DIGEST_DOMAIN.
    id: str
    subject: bytes
    basis: int | None
    purpose: str
    device: str
    site: str
    operation: Operation
    inference: Inference | None
    storage: Storage | None
    egress: bool
    disclosure: bool
    sale_or_profit: bool
    scraped_source: bool
    national_channel: NationalChannel | None
    occurred: int
    offline: bool
    frame: str | None
    wanted: Wanted
    audience: Audience
    max_uses: int
    lifetime: int

    def __repr__(self) -> str:
        return f"FaceEvent({self.id}, {self.operation} for {self.purpose} at {self.device}, subject=<redacted>)"


DIGEST_DOMAIN = b"placet/face-event/v1\0"
_encode = msgspec.msgpack.Encoder().encode


def digest(event: FaceEvent) -> bytes:
    """Return SHA-256("placet/face-event/v1\\0" || MessagePack of the fields as an array, in the order of `FaceEvent`).

    Covers what the caller asked, with nothing filled in: not `seen`, `after`, the deadline or any fact. Enums stand as
    their words, what was left out as nil, 0 or "". So equal requests have equal digests whatever encoded the protobuf.
    """
    return sha256(DIGEST_DOMAIN + _encode(event)).digest()


def tolerated_delay(event: FaceEvent) -> int:
    """Return how far `occurred` may lie before the log's time, microseconds (ledger.md section 5, rule 6)."""
    return CLOCK_TOLERANCE_OFFLINE if event.offline else CLOCK_TOLERANCE


class EntryPermit(msgspec.Struct, frozen=True, gc=False):
    """What the ledger granted with an allow; `not_after` in microseconds."""

    max_uses: int
    not_after: int


class EntryView(msgspec.Struct, frozen=True, gc=False):
    """The few fields of an `event` entry that an answer needs."""

    t: int
    verdict: Verdict
    reasons: tuple[str, ...]
    decision: int
    basis: int | None
    permit: EntryPermit | None


class Decided(NamedTuple):
    """What is remembered of a decision entry: who permitted, who forbade, and the hashes of the packs that judged."""

    permitted_by: tuple[str, ...] = ()
    forbidden_by: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


class Answer(msgspec.Struct, gc=False):
    """What the ledger said about one event; `verdict` and `reasons` are read from its entry, never decided here."""

    verdict: Verdict
    reasons: tuple[str, ...]
    permitted_by: tuple[str, ...]
    forbidden_by: tuple[str, ...]
    index: int
    entry: bytes
    decision: int
    permit: str
    repeated: bool
    alternative: str
    basis: int | None


class Asked(msgspec.Struct, frozen=True):
    """A request of one or many events."""

    controller: str
    events: Sequence[FaceEvent]
    # Tree size of the newest checkpoint that the caller holds, 0 if none.
    seen: int
    # Ledger index of the last grant, amend or withdraw answered to this caller, 0 if none.
    after: int
    # Whether a permit is minted for an allowed event that says nothing of it.
    permits: bool
    # `x5t#S256` of the caller's TLS certificate (RFC 8705, base64url), when it has one.
    certificate: str | None = None


class Checked(msgspec.Struct, frozen=True):
    """What Authorize would say now; not a permission."""

    verdict: Verdict
    reasons: tuple[str, ...]
    permitted_by: tuple[str, ...]
    forbidden_by: tuple[str, ...]
    alternative: str
