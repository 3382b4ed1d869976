"""The vault's composition root: the only file that knows all others."""

import asyncio
import logging

from placet.api.vault.v1 import vault_pb2_grpc
from placet.evidence.terms import Micros
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.jetstream import JetStream
from placet.kit.db.database import Database
from placet.kit.durable import make_directory
from placet.kit.errors import PlacetError
from placet.kit.ledger.client import LedgerClient
from placet.vault import outgoing
from placet.vault.consumer import DURABLE, FILTERS, STOCK_SUBJECT, answer_stock, consume
from placet.vault.keyring import FileKeyring
from placet.vault.permits import BusPermits
from placet.vault.ports import Ports
from placet.vault.records import OutboxRecords
from placet.vault.servicer import VaultServicer
from placet.vault.settings import Settings
from placet.vault.store import SqlStore
from placet.vault.tables import INBOX, OUTBOX, Table
from placet.vault.unsealing import Unsealing, create_missing

_log = logging.getLogger(__name__)
_SCRUB_EVERY_S = 1.0
_FORGET_EVERY_S = 600.0
_SECOND = 1_000_000
_INBOX_KEPT = 30 * 86_400 * _SECOND


async def main(stack: Stack[Settings]) -> None:
    """Start the vault; sealed until its keyring opens."""
    settings = stack.settings
    database = await _database(stack)
    bus = await stack.enter(_bus(stack))
    stream, ledger = JetStream(bus), LedgerClient(bus, settings.service)
    dispatcher = await stack.enter(_dispatcher(stack, database, ledger, stream))
    store = SqlStore(database, wake=dispatcher.kick)
    await store.number_older()
    await store.scrub()  # what a crash may have left in the write-ahead log
    await stream.ensure_stream()
    await stack.enter(Consumer(stream, DURABLE, FILTERS, consume(store, now=stack.now)))
    await bus.serve(STOCK_SUBJECT, answer_stock(store), queue=settings.service)
    stack.spawn(_tidy(store, database, stack), name="tidy")

    keyring = FileKeyring(settings.keyring_file())
    if settings.keyring_create:
        keys_stored = await store.any_keys()
        create_missing(settings.keyring_file(), keys_stored=keys_stored, random=stack.random, now=stack.now)
    unsealing = Unsealing(keyring)
    await unsealing.once()
    ports = Ports(
        store=store,
        ledger=ledger,
        records=OutboxRecords(dispatcher, ledger),
        permits=BusPermits(bus, issuer=settings.permit_issuer, max_lifetime=settings.permit_lifetime, now=stack.now),
        root=keyring,
        random=stack.random,
    )
    servicer = VaultServicer(ports, settings.rules(), now=stack.now)
    await stack.serve((vault_pb2_grpc.add_VaultServiceServicer_to_server, servicer))
    if keyring.sealed:
        await _serve_sealed(stack, unsealing)


async def _database(stack: Stack[Settings]) -> Database:
    make_directory(stack.settings.data_dir, 0o700)
    database = await Database.open(stack.settings.database(), secure_delete=True)
    stack.on_stop(database.close)
    await database.create_all(Table.metadata)
    return database


def _dispatcher(
    stack: Stack[Settings], database: Database, ledger: LedgerClient, stream: JetStream
) -> OutboxDispatcher:
    return OutboxDispatcher(
        database,
        OUTBOX,
        ledger=ledger,
        publisher=stream,
        clock=stack.now,
        settle=outgoing.settle(stack.now),
        metrics=stack.metrics,
    )


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


async def _serve_sealed(stack: Stack[Settings], unsealing: Unsealing) -> None:
    """Tell health checks that the vault is sealed, until it is not."""
    server = stack.server
    assert server is not None
    await server.set_serving(False)
    stack.spawn(unsealing.until_open(lambda: server.set_serving(True)), name="unseal")


async def _tidy(store: SqlStore, database: Database, stack: Stack[Settings]) -> None:
    """Empty the write-ahead log after deletions, and forget old answers and old messages, now and then."""
    forget_at = 0.0
    loop = asyncio.get_running_loop()
    while True:
        try:
            await store.scrub()
            if loop.time() >= forget_at:
                await _forget(store, database, stack)
                forget_at = loop.time() + _FORGET_EVERY_S
        except PlacetError as error:
            _log.warning("the database cannot be tidied now; trying again", extra={"error": repr(error)})
        await asyncio.sleep(_SCRUB_EVERY_S)


async def _forget(store: SqlStore, database: Database, stack: Stack[Settings]) -> None:
    now = stack.now()
    await store.forget_uses(Micros(now - round(stack.settings.answers_kept * _SECOND)))
    await database.write(lambda session: INBOX.prune(session, now - _INBOX_KEPT))
