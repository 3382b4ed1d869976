"""The search index against the entries: a projection, so whatever is wrong with it is put right by rebuilding it."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from placet.audit.checking.findings import Finding, Findings
from placet.audit.checking.streaming import AT_ONCE, Rows
from placet.audit.model import Log
from placet.audit.search import DAMAGED, FOUND, SearchIndex, row_of
from placet.audit.statements import Session
from placet.audit.store import SqlJournal, read_head
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError

Progress = Callable[[int, int], None]
_COLUMNS: Final = ", ".join(column.name for column in FOUND.columns)
_FOUND: Final = f"SELECT idx, {_COLUMNS} FROM found WHERE log = ? ORDER BY idx"  # noqa: S608 - names of ours
_PROGRESS: Final = "SELECT complete_to FROM progress WHERE log = ?"


def check_search(engines: Engines, index: SearchIndex, log: Log, *, progress: Progress) -> list[Finding]:
    """Compare the rows of the entries that are said to be indexed; how far that is, is no matter of right or wrong."""
    found = Findings()
    try:
        with mapped():
            _check(SqlJournal(engines, log, epoch=-1), _size(engines, log), index.engine, log, found, progress)
    except PlacetError as error:
        found.add("search", None, error.message)
    return list(found)


def rebuild_search(engines: Engines, index: SearchIndex, log: Log, *, progress: Progress) -> int:
    """Index a log anew from its first entry; return how many entries it has. The audit service may be running."""
    with mapped():
        _forget(index, log)
        journal, size = SqlJournal(engines, log, epoch=-1), _size(engines, log)
        # The service may be feeding it too: whoever comes second with a page has nothing to do.
        while (begin := index.complete_to(log.id)) < size:
            index.feed(log.id, begin, journal.page(begin, min(size, begin + AT_ONCE)))
            progress(min(size, begin + AT_ONCE), size)
    return size


def _forget(index: SearchIndex, log: Log) -> None:
    try:
        with mapped():
            index.create()
            index.forget(log.id)
    except PlacetError as error:
        if error.reason != DAMAGED:
            raise
        index.reset()


def _size(engines: Engines, log: Log) -> int:
    with mapped(), engines.reader.connect() as connection:
        return read_head(Session.over(connection), log.id).size


def _check(journal: SqlJournal, size: int, search: Engine, log: Log, found: Findings, progress: Progress) -> None:
    with search.connect() as connection:
        said = Session.over(connection).run(_PROGRESS, log.id).fetchone()
        complete_to = 0 if said is None else said[0]
        if not isinstance(complete_to, int) or not 0 <= complete_to <= size:
            found.add("search", None, f"says it has {complete_to!r} of {size} entries")
            return
        rows = Rows(connection, found, "search", _FOUND, log.id)
        for begin in range(0, complete_to, AT_ONCE):
            end = min(complete_to, begin + AT_ONCE)
            for index, body in enumerate(journal.page(begin, end), begin):
                stored = [tuple(row[1:]) for row in rows.take(index)]
                if stored != [row_of(log.id, body)]:
                    found.add("search", index, "its row is wrong" if stored else "is missing")
            progress(end, complete_to)
        rows.end()
        rows.close()
