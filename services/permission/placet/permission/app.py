"""The permission service's composition root: the only file that knows all others.

Owns: the order of starting. Never: decides anything; a pack that does not load, or a key file that others may read,
stops the start.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from placet.api.permission.v1 import filing_pb2_grpc, permission_pb2_grpc, register_pb2_grpc
from placet.kit import app as kit
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.serving import Request
from placet.kit.db.database import Database
from placet.kit.durable import make_directory
from placet.kit.grpc.peer import thumbprint_reader
from placet.kit.ledger.client import LedgerClient
from placet.permission import consumer, keyring
from placet.permission.filing.calendar import WorkingDays, announcements
from placet.permission.filing.rules import load as load_rules
from placet.permission.filing_servicer import FilingServicer
from placet.permission.handlers.authorize import Desk
from placet.permission.handlers.filing import FilingDesk, stand
from placet.permission.handlers.legal import LegalDesk
from placet.permission.handlers.posture import PostureDesk
from placet.permission.handlers.registers import RegisterDesk
from placet.permission.handlers.rulings import Rulings
from placet.permission.model.projection import Projection
from placet.permission.model.vocabulary import SECOND
from placet.permission.peers import BusConsents, BusControllers, BusStocks
from placet.permission.policy.engine import Engine
from placet.permission.policy.pack import load_shipped, on_purpose
from placet.permission.register_servicer import RegisterServicer
from placet.permission.servicer import Desks, PermissionServicer
from placet.permission.settings import Settings
from placet.permission.store import legal as legal_store
from placet.permission.store.books import MemoryBooks
from placet.permission.store.outcomes import OutboxOutcomes
from placet.permission.store.permit_keys import PublishedKeys
from placet.permission.store.pins import SqlArticles, SqlPins
from placet.permission.store.registers import SqlRegisters
from placet.permission.tables import OUTBOX, Table

KEYS_SUBJECT = "placet.*.permission.keys"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """What everything else is made of."""

    database: Database
    books: MemoryBooks
    bus: Bus
    ledger: LedgerClient
    dispatcher: OutboxDispatcher
    keys: PublishedKeys
    projection: Projection
    engine: Engine


async def start(stack: Stack[Settings]) -> None:
    """Start the permission service."""
    settings = stack.settings
    make_directory(settings.data_dir, 0o700)
    rules, calendar = load_rules(settings.filing_rules), WorkingDays(announcements(settings.filing_calendar))
    engine = _engine(settings.packs)
    # What is deleted is overwritten: records of assessments are destroyed at the end of their term.
    database = await Database.open(settings.database(), secure_delete=True)
    stack.on_stop(database.close)
    await database.create_all(Table.metadata)
    keys = PublishedKeys(database, keyring.load(settings.data_dir, stack.random))
    await keys.publish()
    bus = await stack.enter(_bus(stack))
    stream = JetStream(bus)
    await stream.ensure_stream()
    ledger = LedgerClient(bus, settings.service)
    dispatcher = await stack.enter(_dispatcher(stack, database, ledger, stream))
    projection = _projection(stack)
    await stack.enter(Consumer(stream, consumer.DURABLE, consumer.FILTERS, consumer.handler(projection)))
    await bus.serve(KEYS_SUBJECT, _answer_keys(keys), queue=settings.service)
    parts = _Parts(
        database=database,
        books=MemoryBooks(database, ttl=int(settings.registers_ttl * SECOND)),
        bus=bus,
        ledger=ledger,
        dispatcher=dispatcher,
        keys=keys,
        projection=projection,
        engine=engine,
    )
    registers = RegisterDesk(
        registers=SqlRegisters(database, parts.books), ledger=ledger, engine=engine, fresh=stack.random
    )
    filing = FilingDesk(registers=registers, stocks=BusStocks(bus), rules=rules, calendar=calendar)
    desks = _desks(stack, parts, filing)
    thumbprint = thumbprint_reader(certificates=settings.tls_client_ca is not None)
    await stack.serve(
        (permission_pb2_grpc.add_PermissionServiceServicer_to_server, PermissionServicer(desks, thumbprint)),
        (register_pb2_grpc.add_RegisterServiceServicer_to_server, RegisterServicer(registers, now=stack.now)),
        (filing_pb2_grpc.add_FilingServiceServicer_to_server, FilingServicer(filing, now=stack.now)),
    )


def _engine(names: Iterable[str]) -> Engine:
    """Return the engine of these packs. Naming a draft is the deliberate choice that lets it decide: it is logged."""
    packs = [on_purpose(load_shipped(name)) for name in names]
    for pack in packs:
        if pack.draft:
            _log.warning("a draft decides that never was law: PLACET_PACKS names it", extra={"pack": pack.id})
    return Engine(packs)


def _bus(stack: Stack[Settings]) -> Bus:
    settings = stack.settings
    return Bus(
        settings.nats_url,
        name=settings.service,
        clock=stack.now,
        random=stack.random,
        credentials=Credentials(seed_file=settings.nats_seed_file),
        metrics=stack.metrics,
    )


def _dispatcher(
    stack: Stack[Settings], database: Database, ledger: LedgerClient, stream: JetStream
) -> OutboxDispatcher:
    return OutboxDispatcher(
        database,
        OUTBOX,
        ledger=ledger,
        publisher=stream,
        clock=stack.now,
        settle=legal_store.settle,
        metrics=stack.metrics,
    )


def _projection(stack: Stack[Settings]) -> Projection:
    settings = stack.settings
    projection = Projection(
        capacity=settings.projection_size,
        max_age=int(settings.projection_ttl * SECOND),
        doubt_age=int(settings.doubt_after * SECOND),
    )
    stack.metrics.gauge("placet.permission.projection", lambda: len(projection), "persons whose consents are in memory")
    return projection


def _desks(stack: Stack[Settings], parts: _Parts, filing: FilingDesk) -> Desks:
    settings, database, books = stack.settings, parts.database, parts.books
    return Desks(
        events=Desk(
            books=books,
            consents=BusConsents(parts.bus),
            projection=parts.projection,
            rulings=Rulings(parts.engine),
            ledger=parts.ledger,
            articles=SqlArticles(database),
            permit_keys=parts.keys,
            pins=SqlPins(database),
            issuer=settings.permit_issuer,
        ),
        legal=LegalDesk(
            permissions=legal_store.SqlLegalPermissions(
                database, books, ledger=parts.ledger, dispatcher=parts.dispatcher, clock=stack.now
            ),
            controllers=BusControllers(parts.bus),
            ledger=parts.ledger,
            fresh=stack.random,
        ),
        posture=PostureDesk(books=books, engine=parts.engine, filings=partial(stand, desk=filing)),
        outcomes=OutboxOutcomes(database, parts.dispatcher, clock=stack.now),
        now=stack.now,
    )


def _answer_keys(keys: PublishedKeys) -> Callable[[Request], Awaitable[bytes]]:
    """Answer `placet.<controller>.permission.keys`; the same keys sign for every controller."""

    async def answer(_: Request) -> bytes:
        return (await keys.jwks()).encode()

    return answer


def main() -> int:
    """Run the service; returns the exit status."""
    return kit.run(start, Settings)
