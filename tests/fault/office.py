"""An audit process without NATS and gRPC, for the life of a log: made, held, given a new key, closed."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from integration.audit.rig import SECOND

from placet.audit import lease as leases
from placet.audit import migrations
from placet.audit.creating import Controllers
from placet.audit.fsck import fsck
from placet.audit.holding import Holder
from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.model import Log
from placet.audit.partitions import LEAST, Partitions
from placet.audit.store import SqlJournal
from placet.kit.db.engine import open_engines
from placet.kit.db.migrating import migrate

TTL = leases.TTL + SECOND


class NoBus:
    """Requests come in by `Holder.append` only."""

    async def open(self, controller: str) -> Callable[[], Awaitable[None]]:
        return self.stop

    async def stop(self) -> None:
        """Nothing was opened."""


class Office:
    """An audit process without NATS and gRPC: it makes, holds and closes logs in one folder."""

    def __init__(self, folder: Path, now: int, name: str) -> None:
        self.now = now
        self.engines = open_engines(f"sqlite:///{folder / 'audit.db'}")
        migrate(self.engines.writer, migrations.__name__)
        self.keys = KeyFiles(folder / "keys", lambda size: bytes([len(name)]) * size)
        self.logs = Logs(self.engines.writer)
        self.holder = Holder(
            self.engines,
            self.logs,
            self.keys,
            name=name,
            wall=lambda: self.now,
            monotonic=lambda: self.now,
            queue_bound=512,
            appended=lambda _: None,
            partitions=Partitions(self.engines.writer, LEAST),
        )
        self.holder.subscribe_with(NoBus())
        self.controllers = Controllers(self.logs, self.keys, self.holder, prefix="test/log")

    @property
    def log(self) -> Log:
        """The one log, as it is stored."""
        (log,) = self.logs.all()
        return log

    def clean(self) -> bool:
        return fsck(self.engines, self.log, keys=self.keys, vkey=self.log.vkey, progress=lambda *_: None) == []

    def entries(self) -> list[bytes]:
        return SqlJournal(self.engines, self.log, -1).page(0, 100)
