"""What the database itself can say of its file, and whether every row belongs to a log."""

from typing import Final

from sqlalchemy import Connection

from placet.audit.checking.findings import MOST, Finding
from placet.audit.statements import Session
from placet.audit.tables import APPEND_ONLY, BasisRow, LogKeyRow, of
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError

TABLES: Final = tuple(of(row).name for row in (*APPEND_ONLY, BasisRow, LogKeyRow))


def check_storage(engines: Engines) -> list[Finding]:
    """Return what is wrong with the database as a whole: SQLite's own check of every page, and rows of no log."""
    found: list[Finding] = []
    try:
        with mapped(), engines.reader.connect() as connection:
            if connection.dialect.name == "sqlite":
                said = connection.exec_driver_sql(f"PRAGMA integrity_check({MOST})").scalars()
                found += [_finding(line) for line in said if line != "ok"]
            found += [
                _finding(f"table {table} has rows of log {log}, which does not exist")
                for table in TABLES
                for log in _orphans(connection, table)
            ]
    except PlacetError as error:
        found.append(_finding(error.message))
    return found


def _finding(message: str) -> Finding:
    return Finding(part="storage", index=None, message=message)


def _orphans(connection: Connection, table: str) -> list[object]:
    """Return the logs that have rows and do not exist, by jumping from one log to the next in the primary key."""
    run = Session.over(connection).run
    known = {row[0] for row in run("SELECT id FROM log").fetchall()}
    orphans: list[object] = []
    log = run(f"SELECT min(log) FROM {table}").fetchone()[0]  # noqa: S608 - a name of ours
    while log is not None and len(orphans) < MOST:
        if log not in known:
            orphans.append(log)
        log = run(f"SELECT min(log) FROM {table} WHERE log > ?", log).fetchone()[0]  # noqa: S608
    return orphans
