"""Opening stored logs for a command: where the database is, which logs it has. Reads only.

A PostgreSQL database is named by its URL, as the service is told it; the signing keys are in the data directory always.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer
from sqlalchemy import inspect

from placet.audit import migrations
from placet.audit.clock import LogClock
from placet.audit.keyproviders import open_keys
from placet.audit.logs import Logs
from placet.audit.model import Log
from placet.audit.ports import LogKeys
from placet.audit.reading import Snapshot
from placet.audit.search import SearchIndex
from placet.audit.sequencer import Sequencer
from placet.audit.settings import KeySettings
from placet.audit.store import SqlJournal
from placet.audit.tables import of
from placet.audit.witness_tables import WitnessedRow
from placet.kit.db.engine import Engines, open_engines
from placet.kit.db.errors import mapped
from placet.kit.db.migrating import require_migrated
from placet.kit.errors import Invalid, NotFound

DATA: Final = Path("var/dev")
DatabaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option(envvar="PLACET_DATABASE_URL", help="URL of the database, if it is not SQLite in the data directory."),
]


@dataclass(frozen=True, slots=True)
class Stored:
    """An audit database, the logs asked for, and their keys."""

    folder: Path
    engines: Engines
    logs: list[Log]
    keys: LogKeys


@contextmanager
def stored(
    data: Path,
    controller: str | None,
    database: str | None = None,
    *,
    random: Callable[[int], bytes] | None = None,
) -> Iterator[Stored]:
    """Open the audit database: of that URL, or in `data`, in `data`/audit, or `data` itself if it is a file.

    `random` is for a command that makes keys. Raises typed errors.
    """
    path = None if database else _database(data)
    engines = open_engines(database or f"sqlite:///{path}")
    try:
        require_migrated(engines.reader, migrations.__name__)
        with mapped():
            logs = [log for log in Logs(engines.reader).all() if controller in (None, log.controller)]
        if not logs:
            where = path or "the database"
            raise NotFound(f"{where} has no log" + (f" of controller {controller}" if controller else ""))
        keys = path.parent / "keys" if path else _keys(data)
        yield Stored(keys.parent, engines, logs, open_keys(KeySettings(), keys, random or _never))
    finally:
        engines.dispose()


@contextmanager
def stored_search(found: Stored) -> Iterator[SearchIndex | None]:
    """Open the search index beside an audit database; None if there is none."""
    path = found.folder / "search.db"
    if not path.is_file():
        yield None
        return
    engines = open_engines(f"sqlite:///{path}")
    try:
        yield SearchIndex(engines.writer)
    finally:
        engines.dispose()


@contextmanager
def stored_cosignatures(found: Stored) -> Iterator[Engines | None]:
    """Open what witnesses signed: beside an audit database that is a file, or in it; None if there is none."""
    path = found.folder / "witness.db"
    with mapped():
        beside = not inspect(found.engines.reader).has_table(of(WitnessedRow).name)
    if not beside:
        yield found.engines
    elif path.is_file():
        engines = open_engines(f"sqlite:///{path}")
        try:
            yield engines
        finally:
            engines.dispose()
    else:
        yield None


def _keys(data: Path) -> Path:
    inner = data / "audit" / "keys"
    return inner if inner.is_dir() else data / "keys"


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
