"""The vault's composition root: the only file that knows all others."""

import asyncio

from placet.api.vault.v1 import vault_pb2_grpc
from placet.evidence.terms import Micros
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.jetstream import JetStream
from placet.kit.db.database import Database
from placet.kit.ledger.client import LedgerClient
from placet.vault import outgoing
from placet.vault.consumer import DURABLE, FILTERS, consume
from placet.vault.keyring import FileKeyring
from placet.vault.permits import BusPermits
from placet.vault.ports import Ports
from placet.vault.records import OutboxRecords
from placet.vault.servicer import VaultServicer
from placet.vault.settings import Settings
from placet.vault.store import SqlStore
from placet.vault.tables import INBOX, OUTBOX, Table
from placet.vault.unsealing import create_missing, unseal

_SCRUB_EVERY_S = 1.0
_FORGET_EVERY_S = 600.0
_SECOND = 1_000_000
_INBOX_KEPT = 30 * 86_400 * _SECOND


async def main(stack: Stack[Settings]) -> None:
    """Start the vault; sealed until its keyring opens."""
    settings = stack.settings
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = await Database.open(settings.database(), secure_delete=True)
    stack.on_stop(database.close)
    await database.create_all(Table.metadata)
    bus = await stack.enter(_bus(stack))
    stream = JetStream(bus)
    ledger = LedgerClient(bus, settings.service)
    dispatcher = await stack.enter(
        OutboxDispatcher(
            database,
            OUTBOX,
            ledger=ledger,
            publisher=stream,
            clock=stack.now,
            settle=outgoing.settle(stack.now),
            metrics=stack.metrics,
        )
    )
    store = SqlStore(database, wake=dispatcher.kick)
    await store.scrub()  # what a crash may have left in the write-ahead log
    await stream.ensure_stream()
    await stack.enter(Consumer(stream, DURABLE, FILTERS, consume(store, now=stack.now)))
    stack.spawn(_tidy(store, database, stack), name="tidy")

    keyring = FileKeyring(settings.keyring_file())
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
    await _begin_unsealing(stack, keyring, store)


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


async def _begin_unsealing(stack: Stack[Settings], keyring: FileKeyring, store: SqlStore) -> None:
    settings = stack.settings
    if settings.keyring_create:
        keys_stored = await store.any_keys()
        create_missing(settings.keyring_file(), keys_stored=keys_stored, random=stack.random, now=stack.now)
    stack.spawn(unseal(keyring), name="unseal")


async def _tidy(store: SqlStore, database: Database, stack: Stack[Settings]) -> None:
    """Empty the write-ahead log after deletions, and forget old answers and old messages."""
    forget_at = 0.0
    loop = asyncio.get_running_loop()
    while True:
        await store.scrub()
        if loop.time() >= forget_at:
            forget_at = loop.time() + _FORGET_EVERY_S
            await store.forget_uses(Micros(stack.now() - round(stack.settings.answers_kept * _SECOND)))
            await database.write(lambda session: INBOX.prune(session, stack.now() - _INBOX_KEPT))
        await asyncio.sleep(_SCRUB_EVERY_S)
