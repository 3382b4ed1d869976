"""The consent service's composition root: the only file that knows all others.

Owns: the order of starting, and the loop that brings in late what was accepted while the ledger was away.
Never: decides anything.
"""

import asyncio
import logging

from placet.api.consent.v1 import consent_pb2_grpc
from placet.consent import consumer, signing
from placet.consent.controllers import BusControllers
from placet.consent.handlers import delivery
from placet.consent.ledger import KitLedger
from placet.consent.model.vocabulary import SECOND, Instant
from placet.consent.ports import Ports
from placet.consent.servicer import ConsentServicer
from placet.consent.settings import Settings
from placet.consent.store.sql import SqlStore
from placet.consent.store.stock import SqlStock
from placet.consent.stored import BusStored, count_for_ever
from placet.consent.tables import outbox
from placet.kit import app as kit
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.jetstream import JetStream
from placet.kit.durable import make_directory
from placet.kit.errors import PlacetError
from placet.kit.ledger.client import LedgerClient

# Steps that a call accepted a moment ago are still being brought by that call.
_OWN_TURN = 2 * SECOND
_SWEEP_WITHIN = 10 * SECOND
_LONGEST_PAUSE = 5.0
_log = logging.getLogger(__name__)


async def start(stack: Stack[Settings]) -> None:
    """Start the consent service."""
    settings = stack.settings
    make_directory(settings.data_dir)
    store = await SqlStore.open(settings.database())
    stack.on_stop(store.close)
    signer = signing.load(settings.data_dir, stack.random)
    bus = await stack.enter(_bus(stack))
    client = LedgerClient(bus, settings.service)
    ports = Ports(
        store=store,
        ledger=KitLedger(client),
        signer=signer,
        controllers=BusControllers(bus, store, clock=stack.now),
        fresh=stack.random,
        law=settings.law,
    )
    stream = JetStream(bus)
    await stream.ensure_stream()
    dispatcher = await stack.enter(
        OutboxDispatcher(
            store.database, outbox, ledger=client, publisher=stream, clock=stack.now, metrics=stack.metrics
        )
    )
    store.on_note = dispatcher.kick
    messages = consumer.MessageHandler(store, clock=stack.now)
    await stack.enter(Consumer(stream, consumer.DURABLE, consumer.FILTERS, messages))
    stack.spawn(_sweep_for_ever(stack, ports), name="sweep")
    lookups = consumer.LookupHandler(ports, clock=stack.now)
    await bus.serve(consumer.LOOKUP_SUBJECT, lookups, queue=settings.service)
    stock, stored = SqlStock(store.database), BusStored(bus)
    await bus.serve(
        consumer.COUNT_SUBJECT, consumer.CountHandler(stock, stored, clock=stack.now), queue=settings.service
    )
    stack.spawn(count_for_ever(stock, stored, clock=stack.now, every=settings.count_every), name="count")
    servicer = ConsentServicer(ports, clock=stack.now)
    await stack.serve((consent_pb2_grpc.add_ConsentServiceServicer_to_server, servicer))


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


async def _sweep_for_ever(stack: Stack[Settings], ports: Ports) -> None:
    """Sweep again and again; while nothing arrives the pauses grow."""
    settings = stack.settings
    waiting = stack.metrics.counter("placet.consent.waiting", "persons whose steps a sweep could not bring in")
    pause = settings.sweep_every
    while True:
        await asyncio.sleep(pause)
        left = await _sweep(ports, stack.now(), settings.sweep_batch)
        waiting.add(left)
        pause = min(_LONGEST_PAUSE, pause * 2) if left else settings.sweep_every


async def _sweep(ports: Ports, now: int, limit: int) -> int:
    try:
        return await delivery.sweep(
            ports=ports,
            accepted_before=Instant(now - _OWN_TURN),
            deadline=Instant(now + _SWEEP_WITHIN),
            limit=limit,
        )
    except PlacetError as error:  # the database: whatever it was, the steps are still there
        _log.warning("cannot look for waiting steps; trying again", extra={"error": repr(error)})
        return 1


def main() -> int:
    """Run the service; returns the exit status."""
    return kit.run(start, Settings)
