"""The audit service's composition root: the only file that knows all others."""

import os
import time

from placet.api.audit.v1 import audit_pb2_grpc
from placet.audit.consumer import Appends, Info
from placet.audit.creating import Controllers
from placet.audit.holding import Holder
from placet.audit.indexing import Indexer, open_search
from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.search import SearchIndex
from placet.audit.servicer import AuditServicer
from placet.audit.settings import Settings
from placet.audit.tables import Table
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.db.database import Database
from placet.kit.durable import make_directory


async def main(stack: Stack[Settings]) -> None:
    """Start the audit service."""
    settings = stack.settings
    make_directory(settings.data_dir)
    database = await Database.open(settings.database())
    stack.on_stop(database.close)
    await database.create_all(Table.metadata)
    searching = await open_search(settings.search_database())
    stack.on_stop(searching.close)
    index = SearchIndex(searching.engines.writer)
    index.create()

    logs = Logs(database.engines.writer)
    indexer = Indexer(database.engines, index)
    keys = KeyFiles(settings.data_dir / "keys", stack.random)
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
