"""What the handlers need from outside, each method with its duty as a sentence.

Owns: the Protocols. `Records` is what one transaction sees: reads and writes of it are one unit, serial with every
other write. Handlers decide inside it, so nothing can change between what was read and what is written.
Never: an implementation (`store`, `ledger`, `signing`, `controllers`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from placet.consent.model.consents import Amendment, Consent, Ending
from placet.consent.model.guardianships import Guardianship, GuardianshipBasis
from placet.consent.model.notices import Notice, ServedNotice
from placet.consent.model.steps import Bar, Receipt, Step
from placet.consent.model.vocabulary import (
    BasisOrdinal,
    ConsentId,
    Controller,
    GuardianshipId,
    Instant,
    LeafIndex,
    PersonKey,
    ServedId,
    StepId,
    SubjectRef,
)
from placet.consent.policy.facts import BasisFacts
from placet.consent.policy.guardians import PersonFacts
from placet.consent.policy.stock import Stock, StockChange

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Salted:
    """What is committed to in the ledger and can be destroyed here: 32 bytes of salt, and the record."""

    salt: bytes
    record: dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """A message for others: ledger ids only, never a subject reference."""

    # The same for the same step: sent twice, it is one message.
    id: str
    kind: str
    index: LeafIndex
    basis: BasisOrdinal
    at: Instant
    data: dict[str, Any]


class Records(Protocol):
    """Everything of this service inside one transaction."""

    def person(self, controller: Controller, subject: SubjectRef) -> PersonKey:
        """Return the person's key, made if unknown."""

    def known_person(self, controller: Controller, subject: SubjectRef) -> PersonKey | None:
        """Return the person's key, or None; makes nothing."""

    def subject(self, person: PersonKey) -> SubjectRef:
        """Return the subject reference of a person."""

    def facts_about(self, controller: Controller, person: PersonKey, now: Instant) -> PersonFacts:
        """Return the birth dates on record of a person, and whether they are a guardian at `now`."""

    def actor(self, controller: Controller, sub: str, fresh: str) -> str:
        """Return the random actor id of a token's sub, `fresh` if it has none yet: stable for each controller."""

    def notice(self, controller: Controller, content_hash: bytes) -> Notice | None:
        """Return a version by its content hash."""

    def latest_notice(self, controller: Controller, notice: str, *, published: bool) -> Notice | None:
        """Return the highest version of a notice; `published`: among those in the ledger."""

    def notices(self, controller: Controller) -> list[Notice]:
        """Return all versions in the ledger, by id and version."""

    def add_notice(self, notice: Notice) -> None:
        """Store a new version."""

    def save_notice(self, notice: Notice) -> None:
        """Store that a version is in the ledger."""

    def served(self, controller: Controller, ident: ServedId) -> ServedNotice | None:
        """Return a served-notice record."""

    def add_served(self, served: ServedNotice) -> None:
        """Store a served-notice record."""

    def consent(self, controller: Controller, ident: ConsentId) -> Consent | None:
        """Return a consent."""

    def consents_of(self, controller: Controller, person: PersonKey) -> list[Consent]:
        """Return all consents of a person, oldest first."""

    def live_consent(self, controller: Controller, person: PersonKey, purpose: str) -> Consent | None:
        """Return the one live consent of a person to a purpose."""

    def consents_needing(self, guardianship: Guardianship) -> list[Consent]:
        """Return the consents that name a guardianship, oldest first."""

    def add_consent(self, consent: Consent, salted: Salted) -> None:
        """Store a new consent with its off-log record."""

    def save_consent(self, consent: Consent) -> None:
        """Store what changed of a consent: scope, guarding, position, ending, receipt; never what was decided."""

    def amendment(self, controller: Controller, ident: str) -> Amendment | None:
        """Return an amendment."""

    def add_amendment(self, amendment: Amendment) -> None:
        """Store an amendment."""

    def guardianship(self, controller: Controller, ident: GuardianshipId) -> Guardianship | None:
        """Return a guardianship."""

    def add_guardianship(self, guardianship: Guardianship) -> None:
        """Store a new guardianship."""

    def save_guardianship(self, guardianship: Guardianship, salted: Salted | None = None) -> None:
        """Store what changed of a guardianship; with `salted`, its off-log record too."""

    def guardianship_bases(self, guardianship: Guardianship) -> list[GuardianshipBasis]:
        """Return the grants made from a guardianship, oldest first."""

    def guardianship_basis(self, grant: StepId) -> GuardianshipBasis:
        """Return the guardianship basis that a step grants."""

    def add_guardianship_basis(self, basis: GuardianshipBasis, salted: Salted) -> None:
        """Store that a consent gets a guardianship basis of its own, with what its grant commits to."""

    def save_guardianship_basis(self, basis: GuardianshipBasis) -> None:
        """Store ordinal, withdrawal and end of a guardianship basis."""

    def add_step(self, step: Step) -> StepId:
        """Store a step; its id is higher than that of every earlier step of the person."""

    def step(self, ident: StepId) -> Step:
        """Return a step."""

    def pending_steps(self, controller: Controller, person: PersonKey, limit: int) -> list[Step]:
        """Return a person's steps that are not in the log yet, in order."""

    def save_receipt(self, step: Step, receipt: Receipt, basis: BasisOrdinal | None) -> None:
        """Store that a step is in the log."""

    def save_bar(self, step: Step, bar: Bar) -> None:
        """Store that the log refused a step for good."""

    def add_note(self, controller: Controller, note: Note) -> None:
        """Store an outgoing message; it is sent after this transaction, at least once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """A person (or a controller's own steps, `NOBODY`) with steps that are not in the log yet."""

    controller: Controller
    person: PersonKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The answer to a lookup: one list of bases for each subject, those of the ordinals, complete below `as_of`."""

    subjects: tuple[tuple[BasisFacts, ...], ...]
    bases: tuple[BasisFacts, ...]
    as_of: int


class Store(Protocol):
    """The service's database."""

    async def write(self, work: Callable[[Records], T]) -> T:
        """Run `work` in one transaction; durable once it returns, undone when it raises. It may run more than once.

        Raises ConcurrentChange when another replica changed the same records; nothing was written.
        """

    async def read(self, work: Callable[[Records], T]) -> T:
        """Run `work`, which only reads, on one snapshot."""

    async def backlog(self, *, accepted_before: Instant, limit: int) -> list[Backlog]:
        """Return whose steps wait since before then, the longest waiting first."""

    async def lookup(
        self, controller: Controller, subjects: Sequence[SubjectRef], ordinals: Sequence[int], now: Instant
    ) -> Found:
        """Return the consents behind persons and ordinals on one snapshot."""

    async def knows(self, controller: Controller) -> bool:
        """Whether this controller was met before."""

    async def remember(self, controller: Controller) -> None:
        """Store that a controller exists."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One draft on its way: `key` and `digest` make it safe to repeat. `draft` is one of placet.evidence.drafts."""

    key: bytes
    digest: bytes
    draft: Any


class Ledger(Protocol):
    """The controller's log, behind the audit service."""

    async def append(
        self, controller: Controller, submissions: Sequence[Submission], *, deadline: Instant
    ) -> list[Receipt | Bar]:
        """Append all submissions to the controller's log, in order; each is answered by itself, in the same order.

        Durable once it returns. Safe to repeat with the same keys: what is there already is answered with the same
        entry.
        A `Bar` is final: the log will never take that submission. Raises Unavailable (or Exhausted) when no answer
        came before the deadline: the same keys will find what was appended, if anything was.
        """


class Signer(Protocol):
    """Signs what the person keeps."""

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a compact JWS (EdDSA, typ `placet-receipt+jwt`) over the claims; the same claims give the same
        text."""


class Controllers(Protocol):
    """Which controllers exist."""

    async def require_open(self, controller: Controller, *, deadline: Instant) -> None:
        """Raise NotFound (CONTROLLER_UNKNOWN) or Precondition (CONTROLLER_CLOSED) unless new entries may be made.

        While nobody can be asked, a controller met before counts as open (the log has the last word); one never met
        raises Unavailable.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Ports:
    """Everything a handler reaches outside with. `fresh(n)` gives n random bytes; `law` is the pack in force."""

    store: Store
    ledger: Ledger
    signer: Signer
    controllers: Controllers
    fresh: Callable[[int], bytes]
    law: str


class Stored(Protocol):
    """The vault: which bases have a stored template."""

    async def changes(
        self, controller: Controller, *, after: int, limit: int, deadline: Instant
    ) -> tuple[Sequence[StockChange], int]:
        """Return the changes after that number, at most `limit`, in order, and the number of the latest there is.

        Raises Unavailable when the vault does not answer in time.
        """


class StockStore(Protocol):
    """The count of persons with a stored template."""

    async def counted(self, controller: Controller) -> int:
        """Return the number of the last change that is counted; 0 before the first."""

    async def count(self, controller: Controller, changes: Sequence[StockChange], now: Instant) -> None:
        """Count what is not counted yet; durable once it returns, and each change once however often it is told.

        Raises Corrupt when a number is missing.
        """

    async def stock(self, controller: Controller) -> Stock:
        """Return the count and its days, on one snapshot."""

    async def controllers(self) -> list[Controller]:
        """Return every controller that was met."""


__all__ = [
    "Backlog",
    "Controllers",
    "Ending",
    "Found",
    "Ledger",
    "Note",
    "Ports",
    "Records",
    "Salted",
    "Signer",
    "StockStore",
    "Store",
    "Stored",
    "Submission",
]
