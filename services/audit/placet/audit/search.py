"""Searching entries, and feeding the index that makes it quick: outside the append's transaction, behind it, never in
its way.

Owns `SearchIndex`: takes entries in order and answers filters a page at a time, newest first. A page says up to which
index it is complete. A cursor is the index of the last row shown, so pages neither skip nor repeat while the log
grows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import URL, Engine, delete, select

from placet.audit.search_tables import FoundRow, ProgressRow, SearchTable
from placet.audit.statements import Session
from placet.audit.tables import of
from placet.evidence.reasons import Reason
from placet.kit.db.errors import mapped
from placet.kit.db.migrating import one_at_a_time
from placet.kit.errors import PlacetError
from placet.kit.failpoints import Write

FOUND, PROGRESS = of(FoundRow), of(ProgressRow)
_FIRST: Final = "INSERT INTO progress (log, complete_to) VALUES (?, ?) ON CONFLICT (log) DO NOTHING"
_MOVE: Final = "UPDATE progress SET complete_to = ? WHERE log = ? AND complete_to = ?"
DAMAGED: Final = "STORAGE_CORRUPT"
BITS = {reason.value: 1 << n for n, reason in enumerate(Reason)}


class Indexed(msgspec.Struct, frozen=True):
    """The fields of an entry that the index keeps."""

    kind: str
    t: int
    i: int
    verdict: str | None = None
    reasons: tuple[str, ...] = ()
    purpose: str | None = None
    site: str | None = None
    device: str | None = None
    basis: int | None = None


_decode = msgspec.json.Decoder(Indexed).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to look for; None matches everything. Times are of the entry, `since` inclusive and `until` exclusive."""

    since: int | None = None
    until: int | None = None
    kind: str | None = None
    verdict: str | None = None
    reason: Reason | None = None
    purpose: str | None = None
    site: str | None = None
    device: str | None = None
    basis: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Indexes found, newest first; `more` says that others follow; complete for every index below `complete_to`."""

    indexes: tuple[int, ...]
    more: bool
    complete_to: int


class SearchIndex:
    """The index in its own database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """The engine of its database."""
        return self._engine

    def create(self) -> None:
        """Make the index's tables if there are none; a file that cannot be read is thrown away."""
        try:
            self._make_tables()
        except PlacetError as error:
            if error.reason != DAMAGED:
                raise
            self.reset()

    def _make_tables(self) -> None:
        with mapped(), self._engine.begin() as connection:
            one_at_a_time(connection)  # replicas may do so at the same time
            SearchTable.metadata.create_all(connection)

    def reset(self) -> None:
        """Throw everything away, a SQLite file that cannot be read too; indexing begins at 0."""
        self._engine.dispose()
        if self._engine.dialect.name == "sqlite":
            remove_files(self._engine.url)
        else:
            SearchTable.metadata.drop_all(self._engine)
        self._make_tables()

    def complete_to(self, log: int) -> int:
        """Return the index up to which (exclusive) the log is indexed."""
        with self._engine.connect() as connection:
            found = connection.execute(select(PROGRESS.c.complete_to).where(PROGRESS.c.log == log)).scalar_one_or_none()
        return found or 0

    def feed(self, log: int, begin: int, entries: Sequence[bytes]) -> None:
        """Index the entries from `begin` on; they must follow what is indexed, otherwise nothing happens."""
        rows = [row_of(log, entry) for entry in entries]
        with Write.SEARCH_COMMIT, mapped(), self._engine.begin() as connection:
            session = Session.over(connection)
            # Two replicas may feed one index, around a takeover: the row's lock makes the second find it moved.
            session.run(_FIRST, log, 0)
            with Write.SEARCH_PROGRESS:
                moved = session.run(_MOVE, begin + len(entries), log, begin).rowcount == 1
            if moved:
                with Write.SEARCH_ROWS:
                    session.insert(FOUND, rows)

    def forget(self, log: int) -> None:
        """Drop all rows of a log; indexing begins at 0 again."""
        with self._engine.begin() as connection:
            connection.execute(delete(FOUND).where(FOUND.c.log == log))
            connection.execute(delete(PROGRESS).where(PROGRESS.c.log == log))

    def find(self, log: int, query: Query, *, limit: int, before: int | None = None) -> Page:
        """Return the newest matches below `before` (all if None), at most `limit`."""
        statement = select(FOUND.c.idx).where(FOUND.c.log == log, *_conditions(query))
        if before is not None:
            statement = statement.where(FOUND.c.idx < before)
        statement = statement.order_by(FOUND.c.idx.desc()).limit(limit + 1)
        with self._engine.begin() as connection:
            done = connection.execute(select(PROGRESS.c.complete_to).where(PROGRESS.c.log == log)).scalar_one_or_none()
            found = [index for (index,) in connection.execute(statement)]
        return Page(tuple(found[:limit]), len(found) > limit, done or 0)


def remove_files(url: URL) -> None:
    """Remove the files of a SQLite database, if there are any."""
    assert url.database is not None
    for ending in ("", "-wal", "-shm"):
        Path(f"{url.database}{ending}").unlink(missing_ok=True)


def row_of(log: int, body: bytes) -> tuple[Any, ...]:
    """Return the row by which an entry is found, in the order of the columns."""
    entry = _decode(body)
    mask = 0
    for reason in entry.reasons:
        mask |= BITS[reason]
    return (
        log,
        entry.i,
        entry.t,
        entry.kind,
        entry.verdict,
        mask,
        entry.purpose,
        entry.site,
        entry.device,
        entry.basis,
    )


def _conditions(query: Query) -> list[Any]:
    columns = ("kind", "verdict", "purpose", "site", "device", "basis")
    wanted = [FOUND.c[name] == getattr(query, name) for name in columns if getattr(query, name) is not None]
    if query.since is not None:
        wanted.append(FOUND.c.at >= query.since)
    if query.until is not None:
        wanted.append(FOUND.c.at < query.until)
    if query.reason is not None:
        wanted.append(FOUND.c.reasons.op("&")(BITS[query.reason.value]) != 0)
    return wanted
