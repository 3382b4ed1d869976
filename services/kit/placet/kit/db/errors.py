"""What a database can do to a service, as typed errors: no driver error ever leaves.

Owns the mapping from SQLite's result codes and PostgreSQL's SQLSTATEs to kinds. Whatever may pass (a lock, a lost
connection, a full disk) is Unavailable: nothing was written, the same request may be repeated. Damage is Corrupt.
Never: shows SQL or its parameters, which may be personal data; the driver's error stays the `__cause__`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import exc

from placet.kit.errors import AlreadyExists, Conflict, Corrupt, Kind, PlacetError, Unavailable


class DuplicateKey(AlreadyExists):
    """A row with this key exists already: catch it where that is expected, e.g. a repeated request.

    `constraint` names what was violated, as the driver says it: `table.column, ...` or the constraint's name.
    """

    def __init__(self, constraint: str) -> None:
        super().__init__("this exists already; read it instead of creating it again")
        self.constraint = constraint


class ConstraintViolated(PlacetError):
    """A row that must never exist, or a change to one that must never change: a bug, stopped by the database."""

    def __init__(self, constraint: str) -> None:
        super().__init__(Kind.INTERNAL, "INTERNAL", "the database refused what would have broken an invariant")
        self.constraint = constraint


class DatabaseFault(PlacetError):
    """The database could not make sense of what it was asked: a bug or a missing migration."""

    def __init__(self) -> None:
        super().__init__(Kind.INTERNAL, "INTERNAL", "the database could not do what it was asked; see the log")


class SerializationFailure(Conflict):
    """Another transaction was in the way (PostgreSQL); running this one again from its start may succeed."""

    def __init__(self) -> None:
        super().__init__("CONCURRENT_CHANGE", "somebody else changed the same thing; read it again and repeat")


class DatabaseUnavailable(Unavailable):
    """The database does not answer, not in time, or cannot write. What was asked was not written."""

    def __init__(self, why: str) -> None:
        super().__init__("DEPENDENCY_UNAVAILABLE", f"the database {why}; nothing was written: repeat the request")


class UnsafeDatabase(Unavailable):
    """The database is not set up to keep what it acknowledges: the service refuses to run on it."""

    def __init__(self, setting: str, found: object, needed: object) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            f"the database has {setting} = {found}, which can lose acknowledged writes; set it to {needed}",
        )


class SchemaDiffers(Unavailable):
    """The tables are of another release: the service refuses to run on them."""

    def __init__(self, found: str | None, needed: str | None) -> None:
        super().__init__(
            "DEPENDENCY_UNAVAILABLE",
            f"the database has schema revision {found or 'none'}, this release needs {needed}; run the service's "
            "migrations with the role that owns the tables (or the release that fits the database)",
        )


@contextmanager
def mapped() -> Iterator[None]:
    """Turn driver errors that leave the block into the errors of this module."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _of_driver(error.orig, disconnected=error.connection_invalidated) from error
    except exc.TimeoutError as error:
        raise DatabaseUnavailable("has no free connection") from error
    except (sqlite3.Error, psycopg.Error) as error:
        raise _of_driver(error) from error


def _of_driver(error: BaseException | None, *, disconnected: bool = False) -> PlacetError:
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(error, psycopg.Error):
        return _of_postgres(error, disconnected=disconnected)
    return DatabaseFault()


_SQLITE_PASSING = {
    "SQLITE_BUSY": "is locked by another writer",
    "SQLITE_LOCKED": "is locked by another writer",
    "SQLITE_FULL": "has no space left on its disk",
    "SQLITE_IOERR": "cannot read or write its file",
    "SQLITE_CANTOPEN": "cannot open its file",
    "SQLITE_READONLY": "may not write its file",
    "SQLITE_PERM": "may not use its file",
    "SQLITE_NOMEM": "has no memory left",
    "SQLITE_PROTOCOL": "is locked by another writer",
    "SQLITE_INTERRUPT": "was interrupted",
}
_SQLITE_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def _of_sqlite(error: sqlite3.Error) -> PlacetError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"):
        return DuplicateKey(str(error).rpartition(": ")[2])
    if name.startswith("SQLITE_CONSTRAINT"):
        return ConstraintViolated(str(error))
    if name.startswith(_SQLITE_DAMAGED):
        return Corrupt("STORAGE_CORRUPT", "the database file is damaged; stop, keep the file, restore a backup")
    # An extended code (SQLITE_IOERR_WRITE) begins with its primary code (SQLITE_IOERR).
    primary = "_".join(name.split("_")[:2])
    why = _SQLITE_PASSING.get(primary)
    return DatabaseUnavailable(why) if why else DatabaseFault()


_POSTGRES_PASSING = {
    "08": "lost its connection",
    "53": "has no resources left",
    "57": "was stopped or took too long",
    "58": "has a failing disk",
    "55": "is locked by another writer",
    "25": "does not accept writes",
    "28": "refused our credentials",
}


def _of_postgres(error: psycopg.Error, *, disconnected: bool) -> PlacetError:
    state = error.sqlstate or ""
    if state == "23505":
        return DuplicateKey(error.diag.constraint_name or "")
    if state.startswith("23") or state == "P0001":  # P0001: RAISE EXCEPTION in a trigger
        return ConstraintViolated(error.diag.constraint_name or error.diag.table_name or "")
    if state in ("40001", "40P01"):
        return SerializationFailure()
    if state in ("XX001", "XX002"):
        return Corrupt("STORAGE_CORRUPT", "the database is damaged; stop and restore a backup")
    why = _POSTGRES_PASSING.get(state[:2])
    if why is None and (disconnected or (not state and isinstance(error, psycopg.OperationalError))):
        why = "lost its connection"
    return DatabaseUnavailable(why) if why else DatabaseFault()
