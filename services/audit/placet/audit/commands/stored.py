"""Opening stored logs for a command: where the database is, which logs it has. Reads only."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from placet.audit.clock import LogClock
from placet.audit.keyproviders import open_keys
from placet.audit.logs import Logs
from placet.audit.model import Log
from placet.audit.ports import LogKeys
from placet.audit.reading import Snapshot
from placet.audit.sequencer import Sequencer
from placet.audit.settings import KeySettings
from placet.audit.store import SqlJournal
from placet.kit.db.engine import Engines, open_engines
from placet.kit.errors import Invalid, NotFound

DATA: Final = Path("var/dev")
DATA_HELP: Final = "Data directory of the audit service, or of `placet dev`."


@dataclass(frozen=True, slots=True)
class Stored:
    """An audit database, the logs asked for, and their keys."""

    engines: Engines
    logs: list[Log]
    keys: LogKeys


@contextmanager
def stored(data: Path, controller: str | None, *, random: Callable[[int], bytes] | None = None) -> Iterator[Stored]:
    """Open the audit database in `data`, in `data`/audit, or `data` itself if it is a file; raises typed errors."""
    path = _database(data)
    engines = open_engines(f"sqlite:///{path}")
    try:
        logs = [log for log in Logs(engines.reader).all() if controller in (None, log.controller)]
        if not logs:
            raise NotFound(f"{path} has no log" + (f" of controller {controller}" if controller else ""))
        yield Stored(engines, logs, open_keys(KeySettings(), path.parent / "keys", random or _never))
    finally:
        engines.dispose()


def snapshot(found: Stored, log: Log) -> Snapshot:
    """Return a stored log at its head, its checkpoint signed anew (signing is deterministic)."""
    clock = LogClock(lambda: time.time_ns() // 1_000, lambda: time.monotonic_ns() // 1_000)
    journal = SqlJournal(found.engines, log, epoch=-1)
    return Sequencer(log, journal, found.engines, found.keys, clock).snapshot()


def _database(data: Path) -> Path:
    for path in (data, data / "audit.db", data / "audit" / "audit.db"):
        if path.is_file():
            return path
    raise Invalid(
        "--data", f"there is no audit.db in {data} or {data / 'audit'}; give the audit service's data directory"
    )


def _never(_size: int) -> bytes:
    raise AssertionError("a command that reads makes no keys")
