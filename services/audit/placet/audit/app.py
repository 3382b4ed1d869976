"""The audit service's composition root: the only file that knows all others."""

import os
import time
from collections.abc import Callable

from sqlalchemy import make_url

from placet.api.audit.v1 import audit_pb2_grpc
from placet.audit import migrations
from placet.audit.consumer import Appends, Info
from placet.audit.cosigners import NoCosigners, WitnessCosigners
from placet.audit.cosigning import Pace, Surroundings
from placet.audit.creating import Controllers, record_refusal
from placet.audit.grants import require_least
from placet.audit.holding import Holder
from placet.audit.indexing import Indexer, open_search
from placet.audit.keyproviders import open_keys
from placet.audit.lease import MAX_NAME
from placet.audit.logs import Logs
from placet.audit.model import Log
from placet.audit.partitions import Partitions
from placet.audit.quorum import at_least
from placet.audit.search import SearchIndex
from placet.audit.servicer import AuditServicer
from placet.audit.settings import Settings
from placet.audit.witness_http import http_client, http_witnesses
from placet.audit.witness_store import WitnessStore
from placet.audit.witness_tables import WitnessTable
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.db.database import Database
from placet.kit.db.engine import Engines
from placet.kit.db.migrating import migrate, require_migrated
from placet.kit.durable import make_directory


async def main(stack: Stack[Settings]) -> None:
    """Start the audit service."""
    settings = stack.settings
    make_directory(settings.data_dir)
    name = f"{stack.random(8).hex()}:{os.getpid()}:{os.uname().nodename}"[:MAX_NAME]
    database = await Database.open(_named(settings.database(), name))
    stack.on_stop(database.close)
    _prepare(database.engines)
    searching = await open_search(settings.search_database())
    stack.on_stop(searching.close)
    index = SearchIndex(searching.engines.writer)
    index.create()
    partitions = Partitions(database.engines.writer, settings.entry_partition)
    partitions.ahead()

    logs = Logs(database.engines.writer)
    indexer = Indexer(database.engines, index)
    keys = open_keys(settings, settings.data_dir / "keys", stack.random)
    cosigners = await _cosigners(stack, lambda: holder)
    holder = Holder(
        database.engines,
        logs,
        keys,
        name=name,
        wall=stack.now,
        monotonic=lambda: time.monotonic_ns() // 1_000,
        queue_bound=settings.queue_bound,
        appended=_both(indexer.appended, cosigners.appended),
        partitions=partitions,
    )
    bus = await stack.enter(
        Bus(
            settings.nats_url,
            name=settings.service,
            clock=stack.now,
            random=stack.random,
            credentials=Credentials(seed_file=settings.nats_seed_file),
            metrics=stack.metrics,
        )
    )
    stack.on_stop(holder.close)
    appends = Appends(bus, holder)
    holder.subscribe_with(appends)
    await holder.look()
    stack.spawn(holder.run(), name="holder")
    stack.spawn(partitions.run(), name="partitions")
    stack.spawn(indexer.run(logs.all()), name="indexer")
    await Info(logs).open(bus)
    controllers = Controllers(logs, keys, holder, prefix=settings.log_prefix)
    servicer = AuditServicer(controllers, holder, index, cosigners, now=stack.now)
    await stack.serve((audit_pb2_grpc.add_AuditServiceServicer_to_server, servicer))


async def _cosigners(stack: Stack[Settings], holder: Callable[[], Holder]) -> WitnessCosigners | NoCosigners:
    """Return what puts the logs to the witnesses; it runs, and asks for the holder once a log was appended to."""
    settings = stack.settings
    named = settings.named_witnesses()
    if not named:
        return NoCosigners()
    database = await Database.open(settings.witness_database())
    stack.on_stop(database.close)
    if database.engines.serial:
        await database.create_all(WitnessTable.metadata)  # in PostgreSQL the migration does
    client = await stack.enter(http_client(settings.witness_timeout, settings.witness_ca))
    witnesses = http_witnesses(client, named, timeout=settings.witness_timeout, rate=settings.witness_rate)
    store = WitnessStore(database)
    around = Surroundings(
        newest=lambda log: holder().snapshot(log.controller) if holder().holds(log.controller) else None,
        refused=lambda log, vkey, status: record_refusal(holder(), log, vkey, status, now=stack.now()),
        store=store,
        quorum=at_least(settings.quorum_count(), named),
        pace=Pace(interval=settings.witness_interval, round=settings.witness_timeout),
        jitter=lambda: stack.random(1)[0] / 256,
        answers=stack.metrics.counter("placet.audit.witnesses", "Answers of witnesses, by witness and outcome."),
    )
    cosigners = WitnessCosigners(list(zip(named, witnesses, strict=True)), around, store)
    stack.metrics.gauge(
        "placet.audit.uncosigned", cosigners.uncosigned, "Entries that no quorum of witnesses has cosigned yet."
    )
    stack.spawn(cosigners.run(), name="cosigners")
    return cosigners


def _both(first: Callable[[Log], None], second: Callable[[Log], None]) -> Callable[[Log], None]:
    def appended(log: Log) -> None:
        first(log)
        second(log)

    return appended


def _named(url: str, name: str) -> str:
    """Return the URL of a database with our name on its connections, by which another replica can end them."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "postgresql":
        return url
    return parsed.update_query_dict({"application_name": name}).render_as_string(hide_password=False)


def _prepare(engines: Engines) -> None:
    """Bring SQLite to this release; of PostgreSQL require that its owner did, and that we may not."""
    if engines.serial:
        migrate(engines.writer, migrations.__name__)
    else:
        require_migrated(engines.reader, migrations.__name__)
        require_least(engines.reader)
