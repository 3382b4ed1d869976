"""Engines that keep what they acknowledge: SQLite in WAL mode with synchronous FULL, or PostgreSQL.

Measured (promises.md): with synchronous NORMAL a power cut loses every acknowledged row. So each connection reads its
settings back and refuses to be used if one is not as set. Writers take the write lock when they begin (BEGIN
IMMEDIATE), so a transaction never fails half-way for having read first. Readers cannot write.
A service declares its tables on a base with a registry of its own, so that two services in one process (tests,
`placet dev`) may both have a table `outbox`:

    class Table(SQLModel, registry=sqlalchemy.orm.registry()): ...     # Table.metadata is this service's alone
    class ConsentRow(Table, table=True): ...
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

from placet.kit.db.errors import UnsafeDatabase
from placet.kit.durable import make_directory
from placet.kit.errors import Invalid

READERS: Final = 4
BUSY_TIMEOUT_MS: Final = 5_000

# SQLite: what is set on every connection, and what it must then read back.
_PRAGMAS: Final[dict[str, tuple[str | int, str | int]]] = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "foreign_keys": ("ON", 1),
    "trusted_schema": ("OFF", 0),
}

# PostgreSQL: a host that is gone is noticed within seconds, not after the system's two hours.
_NETWORK: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 9_000,
}

# PostgreSQL: values of a setting under which a commit is not durable.
_UNSAFE: Final = {"fsync": ("off",), "synchronous_commit": ("off",), "full_page_writes": ("off",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Where to write and where to read the same database. `serial`: it takes one writer at a time (SQLite).

    `direct` is for one thread that writes all the time: a single connection that is not tested before each use, so its
    user gives up on it (`invalidate`) when a transaction failed and it is closed. On SQLite it is the writer.
    """

    writer: Engine
    reader: Engine
    direct: Engine
    serial: bool

    @contextmanager
    def moment(self) -> Iterator[Connection]:
        """Read the database as of one moment, in as many statements as it takes, whatever others commit meanwhile."""
        with self.reader.connect() as connection:
            if not self.serial:  # any transaction of SQLite reads as of one moment
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():  # statements on the driver itself would not begin one
                yield connection

    def dispose(self) -> None:
        """Close all connections."""
        self.reader.dispose()
        self.writer.dispose()
        self.direct.dispose()


def open_engines(
    url: str,
    *,
    readers: int = READERS,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    secure_delete: bool = False,
    rebuildable: bool = False,
) -> Engines:
    """Return the engines of `sqlite:///FILE` or `postgresql://...`; no connection is made yet.

    `secure_delete` overwrites what is deleted (SQLite), for tables whose rows must be erasable. `rebuildable` is for a
    projection: a power cut may cost it its newest rows, never its integrity, and its writes do not hold up the disk
    (SQLite: synchronous NORMAL).
    Raises Invalid for another database, or for SQLite without a file: memory keeps nothing.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(parsed, readers, busy_timeout_ms, _pragmas(secure_delete, rebuildable))
    if backend == "postgresql":
        return _open_postgres(parsed, readers, busy_timeout_ms)
    raise Invalid("database_url", f"{backend} is not supported; give sqlite:///FILE or postgresql://...")


def _pragmas(secure_delete: bool, rebuildable: bool) -> dict[str, tuple[str | int, str | int]]:
    pragmas = dict(_PRAGMAS)
    if secure_delete:
        pragmas["secure_delete"] = ("ON", 1)
    if rebuildable:
        pragmas["synchronous"] = ("NORMAL", 1)
    return pragmas


def _open_sqlite(
    url: URL, readers: int, busy_timeout_ms: int, pragmas: dict[str, tuple[str | int, str | int]]
) -> Engines:
    if url.database in (None, "", ":memory:"):
        raise Invalid("database_url", "SQLite in memory keeps nothing; give sqlite:///FILE")
    assert url.database is not None
    make_directory(Path(url.database).parent)

    def engine(size: int, begin: str, *, read_only: bool) -> Engine:
        made = create_engine(
            url.set(drivername="sqlite"),
            pool_size=size,
            max_overflow=0,
            pool_timeout=busy_timeout_ms / 1000,
            hide_parameters=True,
            connect_args={"check_same_thread": False, "timeout": busy_timeout_ms / 1000},
        )
        event.listen(made, "connect", _sqlite_connect(pragmas, busy_timeout_ms, read_only=read_only))
        event.listen(made, "begin", lambda connection: _begin(connection, begin))
        return made

    writer = engine(1, "BEGIN IMMEDIATE", read_only=False)
    return Engines(writer=writer, reader=engine(readers, "BEGIN", read_only=True), direct=writer, serial=True)


def _begin(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _sqlite_connect(
    pragmas: dict[str, tuple[str | int, str | int]], busy_timeout_ms: int, *, read_only: bool
) -> Callable[[Any, Any], None]:
    def connect(driver: Any, _record: Any) -> None:
        driver.isolation_level = None  # the driver must not begin transactions of its own
        driver.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
        try:
            for name, (value, _) in pragmas.items():
                driver.execute(f"PRAGMA {name} = {value}")
        except UnicodeDecodeError as error:  # what SQLite says of a damaged schema need not be text
            raise _damaged() from error
        for name, (value, expected) in pragmas.items():
            _require(name, driver.execute(f"PRAGMA {name}").fetchone()[0], expected, value)
        _require("busy_timeout", driver.execute("PRAGMA busy_timeout").fetchone()[0], busy_timeout_ms, busy_timeout_ms)
        if read_only:
            driver.execute("PRAGMA query_only = ON")

    return connect


def _damaged() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("the schema is damaged")
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


def _require(setting: str, found: object, expected: object, needed: object) -> None:
    if found != expected:
        raise UnsafeDatabase(setting, found, needed)


def _open_postgres(url: URL, readers: int, busy_timeout_ms: int) -> Engines:
    given = url.query.get("options", ())
    own = " ".join((given,) if isinstance(given, str) else given)
    bare = url.difference_update_query(["options"]).set(drivername="postgresql+psycopg")

    limits = f"-c lock_timeout={busy_timeout_ms} -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"

    def engine(*, direct: bool = False) -> Engine:
        made = create_engine(
            bare,
            pool_size=1 if direct else readers,
            max_overflow=0,
            pool_timeout=busy_timeout_ms / 1000,
            pool_pre_ping=not direct,
            hide_parameters=True,
            connect_args={"options": f"{own} {limits}".strip(), **_NETWORK},
        )
        event.listen(made, "connect", _postgres_connect)
        return made

    reader = engine().execution_options(postgresql_readonly=True)
    return Engines(writer=engine(), reader=reader, direct=engine(direct=True), serial=False)


def _postgres_connect(driver: Any, _record: Any) -> None:
    for setting, unsafe in _UNSAFE.items():
        found = driver.execute(f"SHOW {setting}").fetchone()[0]
        if found in unsafe:
            raise UnsafeDatabase(setting, found, "on")
    driver.rollback()
