"""The audit service's composition root: the only file that knows all others."""

import os
import time

from sqlalchemy import make_url

from placet.api.audit.v1 import audit_pb2_grpc
from placet.audit import migrations
from placet.audit.consumer import Appends, Info
from placet.audit.creating import Controllers
from placet.audit.grants import require_least
from placet.audit.holding import Holder
from placet.audit.indexing import Indexer
from placet.audit.lease import MAX_NAME
from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.partitions import Partitions
from placet.audit.search import SearchIndex
from placet.audit.servicer import AuditServicer
from placet.audit.settings import Settings
from placet.kit.app import Stack
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.db.database import Database
from placet.kit.db.engine import Engines
from placet.kit.db.migrating import migrate, require_migrated


async def main(stack: Stack[Settings]) -> None:
    """Start the audit service."""
    settings = stack.settings
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    name = f"{stack.random(8).hex()}:{os.getpid()}:{os.uname().nodename}"[:MAX_NAME]
    database = await Database.open(_named(settings.database(), name))
    stack.on_stop(database.close)
    _prepare(database.engines)
    searching = await Database.open(settings.search_database())
    stack.on_stop(searching.close)
    index = SearchIndex(searching.engines.writer)
    index.create()
    partitions = Partitions(database.engines.writer, settings.entry_partition)
    partitions.ahead()

    logs = Logs(database.engines.writer)
    indexer = Indexer(database.engines, index)
    keys = KeyFiles(settings.data_dir / "keys", stack.random)
    holder = Holder(
        database.engines,
        logs,
        keys,
        name=name,
        wall=stack.now,
        monotonic=lambda: time.monotonic_ns() // 1_000,
        queue_bound=settings.queue_bound,
        appended=indexer.appended,
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
    servicer = AuditServicer(controllers, holder, index, now=stack.now)
    await stack.serve((audit_pb2_grpc.add_AuditServiceServicer_to_server, servicer))


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
