"""Legal permissions: a basis other than consent, drafted by one person and signed by two others.

Owns `Approver`, which holds an approver's key and signs. The key never leaves it: redacted, never pickled.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.evidence.approvals import approval_message
from placet.sdk.model.ledger import Receipt
from placet.sdk.vocabulary import (
    ApproverRole,
    BasisOrdinal,
    LeafIndex,
    LegalCode,
    LegalState,
    Micros,
    Operation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalDraft:
    """What a legal permission shall say.

    `sites` are ids, or `*` alone; `not_after` None: no end; `max_events` 0: no limit. `authority` is instrument and
    article as a code (`pipl:13-1-3`), `document_sha256` the hash of the written permission.
    """

    code: LegalCode
    authority: str
    document_sha256: bytes
    purposes: tuple[str, ...]
    operations: tuple[Operation, ...]
    sites: tuple[str, ...]
    egress: bool = False
    not_before: datetime | int
    not_after: datetime | int | None = None
    max_events: int = 0
    law: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalRequest:
    """A draft waiting for approvals: approvers sign `digest` for the log named `origin`."""

    id: str
    digest: bytes
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalApproval:
    """An approval of a draft as the service lists it."""

    approver: str
    role: ApproverRole
    index: LeafIndex
    expires: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An approval that is in the ledger, and how many the draft has now."""

    approvals: int
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPermission:
    """A legal permission in force: its basis ordinal and its proven grant."""

    basis: BasisOrdinal
    receipt: Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedPermission:
    """A legal permission that has ended; `evidence` is a placet.receipt/1 (JSON)."""

    receipt: Receipt
    evidence: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalPermission:
    """A legal permission as the service holds it."""

    id: str
    draft: LegalDraft
    state: LegalState
    approvals: tuple[LegalApproval, ...]
    basis: BasisOrdinal | None


class Approver:
    """One approver's Ed25519 key."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Return the approver whose 32-byte private seed (RFC 8032) is `seed`."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public_key(self) -> bytes:
        """The raw 32-byte public key, to be registered."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, request: LegalRequest, role: ApproverRole, expires: int) -> bytes:
        """Return the signature of an approval in that role, which lapses at `expires` (microseconds since 1970 UTC)."""
        return self._key.sign(approval_message(request.origin, role.value, request.digest, expires))

    def __repr__(self) -> str:
        return f"Approver({self.public_key.hex()[:8]}..., <secret>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an approver's key is never pickled")
