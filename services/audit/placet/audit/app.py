"""The audit service's composition root: the only file that knows all others."""

import os
import time

from placet.api.audit.v1 import audit_pb2_grpc
from placet.audit.consumer import Appends, Info
from placet.audit.creating import Controllers
from placet.audit.holding import Holder
from placet.audit.indexing import Indexer
from placet.audit.keyproviders import open_keys
from placet.audit.logs import Logs
from placet.audit.search import SearchIndex
from placet.audit.search_tables import SearchTable
from placet.audit.servicer import AuditServicer
from placet.audit.settings import Settings
from placet.audit.tables import Table
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.db.database import Database


async def main(stack: Stack[Settings]) -> None:
    """Start the audit service."""
    settings = stack.settings
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = await Database.open(settings.database())
    stack.on_stop(database.close)
    await database.create_all(Table.metadata)
    searching = await Database.open(settings.search_database(), rebuildable=True)
    stack.on_stop(searching.close)
    await searching.create_all(SearchTable.metadata)

    logs = Logs(database.engines.writer)
    index = SearchIndex(searching.engines.writer)
    indexer = Indexer(database.engines, index)
    keys = open_keys(settings, settings.data_dir / "keys", stack.random)
    holder = Holder(
        database.engines,
        logs,
        keys,
        name=f"{os.uname().nodename}:{os.getpid()}:{stack.random(4).hex()}",
        wall=stack.now,
        monotonic=lambda: time.monotonic_ns() // 1_000,
        queue_bound=settings.queue_bound,
        appended=indexer.appended,
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
    stack.spawn(indexer.run(logs.all()), name="indexer")
    await Info(logs).open(bus)
    controllers = Controllers(logs, keys, holder, prefix=settings.log_prefix)
    servicer = AuditServicer(controllers, holder, index, now=stack.now)
    await stack.serve((audit_pb2_grpc.add_AuditServiceServicer_to_server, servicer))
