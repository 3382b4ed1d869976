"""What the use cases need from outside, each duty as a sentence.

Owns: the Protocols that handlers are written against; the ledger's is `placet.kit.ledger.port.Ledger`. Never: how:
`store` keeps most of them over SQL, `app` wires the rest. Every method may raise Unavailable when what is behind it
does not answer; a handler never turns that into an allow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from placet.kit.ledger.messages import Submission
from placet.kit.ledger.port import Ledger
from placet.kit.ledger.receipts import Appended
from placet.permission.filing.series import Stock
from placet.permission.model.basis import BasisFacts
from placet.permission.model.book import Book
from placet.permission.model.events import Decided
from placet.permission.model.legal import Approval, Approver, LegalPermission
from placet.permission.model.registers import Change, Item, ItemKind
from placet.permit.claims import PermitClaims

__all__ = [
    "Appended",
    "Articles",
    "Books",
    "Consents",
    "Controllers",
    "Found",
    "Ledger",
    "LegalPermissions",
    "Outcomes",
    "PermitKeys",
    "Pins",
    "Registers",
    "Stocks",
    "Submission",
]


class Books(Protocol):
    """The registers and legal permissions of each controller, in memory."""

    async def open(self, controller: str, *, after: int, now: int) -> Book:
        """Return the controller's book, with every change that this process or another answered a short time ago.

        Changes up to ledger index `after` that were answered are in it (MAX_INT: all that were answered by now).
        Raises Unavailable when that cannot be known.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What consent answered: the bases of each subject in the order asked, those of the ordinals that exist.

    Every grant, amend and withdraw of that service below ledger index `as_of` is reflected.
    """

    subjects: tuple[tuple[BasisFacts, ...], ...]
    bases: tuple[BasisFacts, ...]
    as_of: int


class Consents(Protocol):
    """The consent service."""

    async def lookup(
        self, controller: str, subjects: Sequence[bytes], ordinals: Sequence[int], *, deadline: int
    ) -> Found:
        """Return the consents of these persons and behind these ordinals.

        Raises ConsentsUnavailable when it does not answer before `deadline` (unix microseconds).
        """


class Articles(Protocol):
    """What this service submitted as decisions, by the index of their entry."""

    def known(self, controller: str, decision: int) -> Decided | None:
        """Return what is in memory of that decision."""

    async def remember(self, controller: str, decisions: Mapping[int, Decided]) -> None:
        """Keep decisions, durably."""

    async def recall(self, controller: str, decision: int) -> Decided:
        """Return what is known of that decision; empty when it was never remembered."""


class PermitKeys(Protocol):
    """The keys that sign permits."""

    @property
    def kid(self) -> str:
        """Return the id of the key that signs now."""

    @property
    def public(self) -> bytes:
        """Return its raw Ed25519 public key, 32 bytes."""

    def mint(self, claims: PermitClaims) -> str:
        """Return a permit (compact JWS, EdDSA, typ `placet-permit+jwt`)."""

    async def jwks(self) -> str:
        """Return the public keys of all permits that may still be met, as a JSON Web Key Set."""


class Pins(Protocol):
    """Which permit keys stand in which logs."""

    def pinned(self, controller: str, kid: str) -> bool:
        """Tell, from memory, whether `key.rotated` of this key is known to be in the controller's log."""

    async def pin(self, controller: str, kid: str, index: int) -> None:
        """Keep that it is, at `index`."""


class Registers(Protocol):
    """Every change of a register, with what opens its commitment."""

    async def current(self, controller: str, kind: ItemKind, ident: str) -> Change | None:
        """Return the change that is in force, None if the item was never registered."""

    async def prepare(self, controller: str, change: Change) -> Change:
        """Store a change before it goes to the log; return the stored one if the same was prepared before.

        So a repeated request commits to the same record with the same salt.
        """

    async def confirm(self, controller: str, change: Change, index: int) -> None:
        """Keep that the change is in the log at `index`; it is in force unless a later one is."""

    async def items(self, controller: str, kind: ItemKind) -> list[Item]:
        """Return what is in force, by id."""


class LegalPermissions(Protocol):
    """Approvers, drafts, approvals and issued legal permissions."""

    async def approver(self, controller: str, actor: str) -> Approver | None:
        """Return the approver that the holder of this token registered as."""

    async def register_approver(self, controller: str, approver: Approver) -> Approver:
        """Store an approver, or the new key of one who is known (the id stays).

        Raises SamePerson when another actor registered the same key.
        """

    async def get(self, controller: str, ident: str) -> LegalPermission | None:
        """Return a legal permission with its approvals."""

    async def add(self, controller: str, permission: LegalPermission) -> LegalPermission:
        """Store a draft; return the stored one if its id is taken."""

    async def approve(self, controller: str, ident: str, approval: Approval) -> LegalPermission:
        """Store an approval in place of a lapsed one of the same role or approver; return the permission with it."""

    async def issue(self, controller: str, permission: LegalPermission, *, at: int) -> None:
        """Keep that it is issued, and tell others (`permission.issued`), in one transaction; repeated: no effect."""

    async def revoke(self, controller: str, permission: LegalPermission, submission: Submission) -> None:
        """Keep that it is revoked together with the entry that has to reach the log, in one transaction."""

    async def deliver(
        self, controller: str, permission: LegalPermission, submission: Submission, *, deadline: int
    ) -> Appended:
        """Bring that entry into the log now; its index is kept and the others are told (`permission.revoked`).

        Raises Unavailable when the log does not answer: the entry then gets there without the caller.
        """


class Stocks(Protocol):
    """The consent service's count of persons who have a stored template."""

    async def stock(self, controller: str, *, deadline: int) -> Stock:
        """Return the count and its days, with everything that was stored or destroyed before this call.

        Raises StockUnavailable when it cannot be had before `deadline` (unix microseconds).
        """


class Outcomes(Protocol):
    """What became of events, on its way to the log."""

    async def enqueue(self, controller: str, submission: Submission) -> None:
        """Keep a submission until it is in the log; it gets there without the caller. Repeated: no effect."""


class Controllers(Protocol):
    """Which controllers have a log."""

    async def origin(self, controller: str, *, deadline: int) -> str:
        """Return the origin of the controller's log. Raises NotFound (CONTROLLER_UNKNOWN), Unavailable."""
