"""What the databases themselves can say of their files, and whether every row belongs to a log."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from sqlalchemy import Connection

from placet.audit.checking.findings import MOST, Finding
from placet.audit.statements import Session
from placet.audit.tables import APPEND_ONLY, BasisRow, LogKeyRow, of
from placet.audit.witness_tables import CosignatureRow, WitnessedRow
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError

TABLES: Final = tuple(of(row).name for row in (*APPEND_ONLY, BasisRow, LogKeyRow))
COSIGNED: Final = tuple(of(row).name for row in (WitnessedRow, CosignatureRow))


def check_storage(engines: Engines, cosigned: Engines | None = None) -> list[Finding]:
    """Return what is wrong with the databases as a whole: SQLite's own check of every page, and rows of no log.

    `cosigned` is where cosignatures are kept, if they are to be checked too; it may be the same database.
    """
    found: list[Finding] = []
    with ExitStack() as stack:
        others: Connection | None = None
        if cosigned is not None:
            # Before the logs are read: of a log that is made meanwhile no cosignature is seen.
            with _readable("cosignatures: ", found):
                others = stack.enter_context(cosigned.moment())
                others.exec_driver_sql(f"SELECT 1 FROM {COSIGNED[0]} LIMIT 1").fetchall()  # noqa: S608 - a name of ours
        with _readable("", found):
            connection = stack.enter_context(engines.reader.connect())
            found += _damage(connection)
            found += _orphaned(connection, TABLES, "log", _column(connection, "id"))
            with _readable("cosignatures: ", found):
                if others is not None and cosigned is not engines:
                    found += _damage(others)
                if others is not None:
                    found += _orphaned(others, COSIGNED, "origin", _column(connection, "origin"))
    return found


@contextmanager
def _readable(where: str, found: list[Finding]) -> Iterator[None]:
    """Note whatever cannot be read in the block."""
    try:
        with mapped():
            yield
    except PlacetError as error:
        found.append(_finding(where + error.message))
    except UnicodeDecodeError:  # of a text, or of what SQLite says of one
        found.append(_finding(f"{where}the database file is damaged: a text in it is none"))


def _finding(message: str) -> Finding:
    return Finding(part="storage", index=None, message=message)


def _damage(connection: Connection) -> list[Finding]:
    """Return what SQLite says of its file."""
    if connection.dialect.name != "sqlite":
        return []
    said = connection.exec_driver_sql(f"PRAGMA integrity_check({MOST})").scalars()
    return [_finding(line) for line in said if line != "ok"]


def _column(connection: Connection, column: str) -> set[object]:
    """Return a column of all logs."""
    return {row[0] for row in Session.over(connection).run(f"SELECT {column} FROM log").fetchall()}  # noqa: S608


def _orphaned(connection: Connection, tables: Sequence[str], column: str, known: set[object]) -> list[Finding]:
    return [
        _finding(f"table {table} has rows of {'log ' * (column == 'log')}{one}, which does not exist")
        for table in tables
        for one in _orphans(connection, table, column, known)
    ]


def _orphans(connection: Connection, table: str, column: str, known: set[object]) -> list[object]:
    """Return the logs that have rows and do not exist, by jumping from one log to the next in the primary key."""
    run = Session.over(connection).run
    orphans: list[object] = []
    one = run(f"SELECT min({column}) FROM {table}").fetchone()[0]  # noqa: S608 - names of ours
    while one is not None and len(orphans) < MOST:
        if one not in known:
            orphans.append(one)
        one = run(f"SELECT min({column}) FROM {table} WHERE {column} > ?", one).fetchone()[0]  # noqa: S608
    return orphans
