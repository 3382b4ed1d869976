"""A permission service without transport: real handlers, real SQLite, the real pack, real permits, a ledger in memory.

Consents come from `Persons`, which keeps the production port's promise over a dict: it grants and withdraws in the same
log, so that what the projection knows and what the sequencer judges can differ only as they do in production.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from unit.permission.sim_ledger import SimLedger

from placet.evidence.canonical import b64url
from placet.evidence.drafts import GrantDraft, WithdrawDraft
from placet.evidence.kinds import Grant
from placet.evidence.terms import BasisOrdinal, EndedBy, Form, Micros
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.jetstream import Stored
from placet.kit.bus.messages import Message, decode_message
from placet.kit.db.database import Database
from placet.kit.errors import NotFound
from placet.kit.ledger.messages import submission
from placet.permission import keyring
from placet.permission.errors import ConsentsUnavailable
from placet.permission.handlers import authorize as authorize_handler
from placet.permission.handlers.authorize import Answered, Desk
from placet.permission.handlers.legal import LegalDesk
from placet.permission.handlers.posture import PostureDesk
from placet.permission.handlers.registers import RegisterDesk, put
from placet.permission.handlers.rulings import Rulings
from placet.permission.model.basis import BasisFacts
from placet.permission.model.events import Answer, Asked, Audience, FaceEvent, Wanted
from placet.permission.model.projection import Projection
from placet.permission.model.registers import Attestation, Device, Purpose, Site
from placet.permission.model.vocabulary import (
    MAX_INT,
    SECOND,
    AgeBand,
    BasisForm,
    Inference,
    Operation,
    PlaceClass,
    Storage,
)
from placet.permission.policy.engine import Engine
from placet.permission.policy.pack import load_shipped
from placet.permission.ports import Found
from placet.permission.store import legal as legal_store
from placet.permission.store.books import MemoryBooks
from placet.permission.store.outcomes import OutboxOutcomes
from placet.permission.store.permit_keys import PublishedKeys
from placet.permission.store.pins import SqlArticles, SqlPins
from placet.permission.store.registers import SqlRegisters
from placet.permission.tables import OUTBOX, Table

BANK = "bank"
BEGIN = 1_800_000_000 * SECOND
DAY = 86_400 * SECOND
PACK = load_shipped()


@dataclass(slots=True)
class Clock:
    now: int = BEGIN

    def __call__(self) -> int:
        return self.now


class Persons:
    """`ports.Consents` over a dict, with the grants in the ledger."""

    def __init__(self, ledger: SimLedger, clock: Clock) -> None:
        self.ledger = ledger
        self.clock = clock
        self.consents: dict[tuple[str, bytes], list[BasisFacts]] = {}
        self.as_of: dict[str, int] = {}
        self.lookups: list[tuple[tuple[bytes, ...], tuple[int, ...]]] = []
        self.down = False
        self._count = 0

    async def lookup(
        self, controller: str, subjects: Sequence[bytes], ordinals: Sequence[int], *, deadline: int
    ) -> Found:
        if self.down or deadline <= self.clock():
            raise ConsentsUnavailable("it is down")
        self.lookups.append((tuple(subjects), tuple(ordinals)))
        everybody = [basis for (owner, _), bases in self.consents.items() if owner == controller for basis in bases]
        return Found(
            subjects=tuple(tuple(self.consents.get((controller, subject), ())) for subject in subjects),
            bases=tuple(basis for ordinal in ordinals for basis in everybody if basis.ordinal == ordinal),
            as_of=self.as_of.get(controller, 0),
        )

    async def grant(
        self, subject: bytes, *, controller: str = BANK, purpose: str = "entry", **changes: Any
    ) -> BasisFacts:
        """Grant a consent in the ledger and know of it."""
        wanted: dict[str, Any] = {
            "purposes": frozenset((purpose,)),
            "operations": frozenset(("verify", "enrol")),
            "sites": None,
            "egress": False,
            "not_before": 0,
            "not_after": MAX_INT,
            "separate": True,
            "explicit": True,
            "written": True,
            "notice_served": True,
            "notice_complete": True,
            "term_stated": True,
            "age_band": AgeBand.ADULT,
            **changes,
        }
        max_events = wanted.pop("max_events", None)
        draft = GrantDraft(
            form=Form.CONSENT,
            subject=b64url(self._fresh(16)),
            purposes=tuple(sorted(wanted["purposes"])),
            operations=tuple(sorted(wanted["operations"])),
            sites=("*",) if wanted["sites"] is None else tuple(sorted(wanted["sites"])),
            egress=wanted["egress"],
            not_before=Micros(wanted["not_before"]),
            not_after=None if wanted["not_after"] == MAX_INT else Micros(wanted["not_after"]),
            needs=(),
            max_events=max_events,
            approvals=(),
            record=b64url(self._fresh(32)),
            notice=None,
            law="cn-2025",
            authority=None,
        )
        receipt = await self._append(controller, submission(draft, key=self._fresh(16)))
        entry = self.ledger.logs[controller].kinds[receipt.index]
        assert isinstance(entry, Grant)
        wanted["not_before"] = entry.not_before
        facts = BasisFacts(
            ordinal=entry.basis,
            granted=entry.i,
            leaf=receipt.leaf,
            ended=None,
            form=BasisForm.CONSENT,
            code="none",
            **wanted,
        )
        self.consents.setdefault((controller, subject), []).append(facts)
        return facts

    async def withdraw(self, basis: BasisFacts, *, controller: str = BANK, tell: bool = True) -> int:
        """Withdraw in the ledger; `tell`: and know of it."""
        draft = WithdrawDraft(basis=BasisOrdinal(basis.ordinal), by=EndedBy.DATA_SUBJECT, reason="no_longer_wanted")
        receipt = await self._append(controller, submission(draft, key=b"withdraw:%d" % basis.ordinal))
        if tell:
            for bases in self.consents.values():
                bases[:] = [replace(one, ended=receipt.index) if one is basis else one for one in bases]
        return receipt.index

    async def _append(self, controller: str, one: Any) -> Any:
        appended = await self.ledger.append(controller, [one], deadline=self.clock() + SECOND)
        receipt = appended.receipt()
        self.as_of[controller] = receipt.index + 1
        return receipt

    def _fresh(self, size: int) -> bytes:
        self._count += 1
        return sha256(b"%d" % self._count).digest()[:size]


class Publisher:
    """Where messages go."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, subject: str, payload: bytes, *, message_id: str, deadline: int) -> Stored:
        self.messages.append(decode_message(payload, subject))
        return Stored(seq=len(self.messages), duplicate=False)


class Controllers:
    """`ports.Controllers` over the logs in memory."""

    def __init__(self, ledger: SimLedger) -> None:
        self._ledger = ledger

    async def origin(self, controller: str, *, deadline: int) -> str:
        if controller not in self._ledger.logs:
            raise NotFound("no such controller", reason="CONTROLLER_UNKNOWN")
        return self._ledger.logs[controller].origin


@dataclass(kw_only=True, slots=True)
class World:
    """Everything, wired as `app` does it."""

    clock: Clock
    ledger: SimLedger
    persons: Persons
    database: Database
    publisher: Publisher
    dispatcher: OutboxDispatcher
    books: MemoryBooks
    keys: PublishedKeys
    desk: Desk
    legal: LegalDesk
    registers: RegisterDesk
    posture: PostureDesk
    outcomes: OutboxOutcomes
    count: int = field(default=0)

    def event(self, **changes: Any) -> FaceEvent:
        """A lawful event of a person unless changed."""
        self.count += 1
        values: dict[str, Any] = {
            "id": f"0190b5b2-7c3d-7abc-8def-{self.count:012x}",
            "subject": b"alice",
            "basis": None,
            "purpose": "entry",
            "device": "cam-1",
            "site": "",
            "operation": Operation.VERIFY,
            "inference": None,
            "storage": None,
            "egress": False,
            "disclosure": False,
            "sale_or_profit": False,
            "scraped_source": False,
            "national_channel": None,
            "occurred": 0,
            "offline": False,
            "frame": None,
            "wanted": Wanted.DEFAULT,
            "audience": Audience.DEFAULT,
            "max_uses": 0,
            "lifetime": 0,
            **changes,
        }
        return FaceEvent(**values)

    def asked(self, *events: FaceEvent, permits: bool = True, **changes: Any) -> Asked:
        values: dict[str, Any] = {"controller": BANK, "seen": 0, "after": 0, **changes}
        return Asked(events=events, permits=permits, **values)

    async def authorize(self, *events: FaceEvent, **changes: Any) -> Answered:
        now = self.clock()
        asked = self.asked(*events, **changes)
        return await authorize_handler.authorize(asked, self.desk, now=now, deadline=now + 5 * SECOND)

    async def ask(self, **changes: Any) -> Answer:
        return (await self.authorize(self.event(**changes))).answers[0]

    async def put(self, *items: Any, controller: str = BANK) -> None:
        for item in items:
            now = self.clock()
            await put(controller, item, self.registers, now=now, deadline=now + SECOND)


def purpose(**changes: Any) -> Purpose:
    """A lawful purpose; unless said otherwise its assessment is of this very purpose and method."""
    values: dict[str, Any] = {
        "id": "entry",
        "name": "Entry to the vault room",
        "necessity": "cards are lent",
        "operations": (Operation.VERIFY, Operation.ENROL, Operation.IDENTIFY, Operation.EXPORT, Operation.DELETE),
        "inferences": (),
        "storage": Storage.DEVICE,
        "retention_days": 30,
        "assessment_valid_until": BEGIN + 365 * DAY,
        "reviewed_by": "reviewer-7",
        "reviewed_at": BEGIN - DAY,
        "public_safety": False,
        "alternative": "card and PIN",
        "permit_lifetime": 0,
        **changes,
    }
    method = [values[name] for name in ("necessity", "operations", "inferences", "storage", "public_safety")]
    return Purpose(**{"assessment_sha256": sha256(repr(method).encode()).digest()} | values)


def site(**changes: Any) -> Site:
    values: dict[str, Any] = {
        "id": "hq", "name": "Head office", "place_class": PlaceClass.BRANCH_COUNTER, "public_place": False, **changes
    }  # fmt: skip
    return Site(**values)


def device(**changes: Any) -> Device:
    values: dict[str, Any] = {
        "id": "cam-1",
        "name": "Counter 1",
        "site": "hq",
        "place_class": PlaceClass.BRANCH_COUNTER,
        "public_place": False,
        "sign_sha256": b"s" * 32,
        "sign_valid_until": BEGIN + 30 * DAY,
        "collection_area_set": True,
        "alternative": "",
        **changes,
    }
    return Device(**values)


def attestation(**changes: Any) -> Attestation:
    values: dict[str, Any] = {
        "protection_valid_until": BEGIN + 90 * DAY,
        "filing_current": True,
        "face_is_default": False,
        "refusal_equal": True,
        "choice_reset_by_update": False,
        **changes,
    }
    return Attestation(**values)


@asynccontextmanager
async def world(folder: Path, *, lawful: bool = True, url: str | None = None) -> AsyncIterator[World]:
    """A service with its files in `folder`; `lawful`: with one purpose, site, device and attestation of the bank."""
    clock = Clock()
    ledger = SimLedger(clock)
    ledger.create(BANK)
    async with on_files(folder, clock, ledger, url=url) as made:
        if lawful:
            await made.put(purpose(), site(), device(), attestation())
        yield made


@asynccontextmanager
async def on_files(
    folder: Path, clock: Clock, ledger: SimLedger, *, seed: int = 1, url: str | None = None
) -> AsyncIterator[World]:
    """A process of the service over files that may exist already: opening it twice is a restart, or a replica."""
    fresh = Random(seed).randbytes
    database = await Database.open(url or f"sqlite:///{folder}/permission.db", secure_delete=True)
    try:
        await database.create_all(Table.metadata)
        yield await _wire(folder, clock, ledger, database, fresh)
    finally:
        await database.close()


async def _wire(folder: Path, clock: Clock, ledger: SimLedger, database: Database, fresh: Any) -> World:
    publisher, persons = Publisher(), Persons(ledger, clock)
    books = MemoryBooks(database, ttl=2 * SECOND)
    dispatcher = OutboxDispatcher(
        database, OUTBOX, ledger=ledger, publisher=publisher, clock=clock, settle=legal_store.settle
    )
    keys = PublishedKeys(database, keyring.load(folder, fresh))
    await keys.publish()
    permissions = legal_store.SqlLegalPermissions(database, books, ledger=ledger, dispatcher=dispatcher, clock=clock)
    engine = Engine([PACK])
    desk = Desk(
        books=books,
        consents=persons,
        projection=Projection(capacity=1_000),
        rulings=Rulings(engine),
        ledger=ledger,
        articles=SqlArticles(database),
        permit_keys=keys,
        pins=SqlPins(database),
        issuer="placet-permission",
    )
    return World(
        clock=clock,
        ledger=ledger,
        persons=persons,
        database=database,
        publisher=publisher,
        dispatcher=dispatcher,
        books=books,
        keys=keys,
        desk=desk,
        legal=LegalDesk(permissions=permissions, controllers=Controllers(ledger), ledger=ledger, fresh=fresh),
        registers=RegisterDesk(registers=SqlRegisters(database, books), ledger=ledger, engine=engine, fresh=fresh),
        posture=PostureDesk(books=books, engine=engine),
        outcomes=OutboxOutcomes(database, dispatcher, clock=clock),
    )


__all__ = ["BANK", "BEGIN", "DAY", "Clock", "Inference", "Persons", "World", "on_files", "world"]
