"""The journal over SQL: reads by primary key, and the one transaction that appends a group.

Rows go in through the driver's executemany, with statements written once per table (the expression layer costs
several times the insert itself). The head moves by compare-and-swap on (size, epoch) in the same transaction, so of
two holders only one can commit. Durability is the engine's duty: synchronous FULL, pinned and asserted by
`placet.kit.db`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, select, update

from placet.audit.errors import HeadMoved
from placet.audit.model import Commit, Head, Log, StoredBasis, StoredKey
from placet.audit.tables import BasisChangeRow, BasisRow, DecisionRow, EntryRow, KeyRow, LogRow, TileRow, UseRow, of
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped

LOG, ENTRY, TILE, BASIS = of(LogRow), of(EntryRow), of(TileRow), of(BasisRow)
CHANGE, USE, KEY, DECISION = of(BasisChangeRow), of(UseRow), of(KeyRow), of(DecisionRow)

# A statement takes a bounded number of parameters (SQLite: 32,766).
CHUNK = 1_000

T = TypeVar("T")


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Cut `items` into lists short enough for one statement."""
    source = iter(items)
    while part := list(islice(source, CHUNK)):
        yield part


class SqlJournal:
    """`placet.audit.ports.Journal` over SQLite or PostgreSQL, for one log and one epoch of its lease."""

    def __init__(self, engines: Engines, log: Log, epoch: int) -> None:
        self._engines = engines
        self._log = log
        self._epoch = epoch

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with mapped(), self._engines.reader.connect() as connection:
            yield connection

    def head(self) -> Head:
        """Return the last committed head."""
        with self._read() as connection:
            return read_head(connection, self._log.id)

    def keys(self, wanted: Iterable[tuple[str, bytes]]) -> Mapping[tuple[str, bytes], StoredKey]:
        """Return what the (service, key) pairs stand for."""
        by_service: dict[str, list[bytes]] = {}
        for service, key in wanted:
            by_service.setdefault(service, []).append(key)
        found = {}
        with self._read() as connection:
            for service, keys in by_service.items():
                query = select(KEY.c.key, KEY.c.idx, KEY.c.digest).where(
                    KEY.c.log == self._log.id, KEY.c.service == service
                )
                for row in _where_in(connection, query, KEY.c.key, keys):
                    found[service, row.key] = StoredKey(row.idx, row.digest)
        return found

    def decisions(self, digests: Iterable[bytes]) -> Mapping[bytes, int]:
        """Return the index of the first decision entry of each content digest that has one."""
        query = select(DECISION.c.digest, DECISION.c.idx).where(DECISION.c.log == self._log.id)
        with self._read() as connection:
            return {row.digest: row.idx for row in _where_in(connection, query, DECISION.c.digest, digests)}

    def bases(self, ordinals: Iterable[int]) -> Mapping[int, StoredBasis]:
        """Return the bases that exist."""
        with self._read() as connection:
            return read_bases(connection, self._log.id, ordinals)

    def changes(self, ordinals: Iterable[int]) -> Mapping[int, Sequence[int]]:
        """Return the indexes of the amends and withdraws of each basis, in log order."""
        with self._read() as connection:
            return read_changes(connection, self._log.id, ordinals)

    def entries(self, indexes: Iterable[int]) -> Mapping[int, bytes]:
        """Return the bytes of the entries that exist."""
        with self._read() as connection:
            return read_entries(connection, self._log.id, indexes)

    def allowed_uses(self, events: Iterable[int]) -> Mapping[int, int]:
        """Return how many allowed uses each event has."""
        query = select(USE.c.event, func.count().label("n")).where(USE.c.log == self._log.id, USE.c.allowed)
        query = query.group_by(USE.c.event)
        with self._read() as connection:
            return {row.event: row.n for row in _where_in(connection, query, USE.c.event, events)}

    def commit(self, commit: Commit) -> None:
        """Write the group in one transaction; raises HeadMoved, with nothing written, if the head is another."""
        log = self._log.id
        first = commit.before.size
        with mapped(), self._engines.writer.begin() as connection:
            self._move_head(connection, commit)
            insert(connection, ENTRY, [(log, first + n, body) for n, body in enumerate(commit.entries)])
            insert(connection, TILE, [(log, t.level, t.number, t.root, t.hashes) for t in commit.tiles])
            insert(connection, KEY, [(log, *key) for key in commit.keys])
            insert(connection, DECISION, [(log, *decision) for decision in commit.decisions])
            insert(connection, CHANGE, [(log, *change) for change in commit.changes])
            insert(connection, USE, [(log, *use) for use in commit.uses])
            rows = [(log, b.ordinal, b.granted, b.ended, b.history, b.events) for b in commit.bases.values()]
            insert(connection, BASIS, rows, replace=("ended", "history", "events"))

    def _move_head(self, connection: Connection, commit: Commit) -> None:
        after = commit.after
        moved = connection.execute(
            update(LOG)
            .where(LOG.c.id == self._log.id, LOG.c.size == commit.before.size, LOG.c.epoch == self._epoch)
            .values(
                size=after.size,
                prev=after.prev,
                at=after.t,
                state=after.state,
                bases=after.bases,
                status_root=after.status_root,
            )
        )
        if moved.rowcount != 1:
            raise HeadMoved(self._log.controller)


def read_head(connection: Connection, log: int) -> Head:
    """Return the head of a log."""
    row = connection.execute(select(LOG).where(LOG.c.id == log)).one()
    return Head(size=row.size, prev=row.prev, t=row.at, state=row.state, bases=row.bases, status_root=row.status_root)


def read_entries(connection: Connection, log: int, indexes: Iterable[int]) -> dict[int, bytes]:
    """Return the bytes of the entries that exist, by index."""
    query = select(ENTRY.c.idx, ENTRY.c.body).where(ENTRY.c.log == log)
    return {row.idx: row.body for row in _where_in(connection, query, ENTRY.c.idx, indexes)}


def read_bases(connection: Connection, log: int, ordinals: Iterable[int]) -> dict[int, StoredBasis]:
    """Return the bases that exist, by ordinal."""
    query = select(BASIS).where(BASIS.c.log == log)
    return {row.ordinal: stored_basis(row) for row in _where_in(connection, query, BASIS.c.ordinal, ordinals)}


def stored_basis(row: Any) -> StoredBasis:
    """Turn a row of `basis` into its value."""
    return StoredBasis(
        ordinal=row.ordinal, granted=row.granted, ended=row.ended, history=row.history, events=row.events
    )


def read_changes(connection: Connection, log: int, ordinals: Iterable[int]) -> dict[int, list[int]]:
    """Return the indexes of amends and withdraws, ascending, by ordinal."""
    query = select(CHANGE.c.ordinal, CHANGE.c.idx).where(CHANGE.c.log == log).order_by(CHANGE.c.idx)
    found: dict[int, list[int]] = {}
    for row in _where_in(connection, query, CHANGE.c.ordinal, ordinals):
        found.setdefault(row.ordinal, []).append(row.idx)
    return found


def _where_in(connection: Connection, query: Any, column: Any, values: Iterable[Any]) -> Iterator[Any]:
    for part in chunks(values):
        yield from connection.execute(query.where(column.in_(part)))


def insert(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], *, replace: tuple[str, ...] = ()
) -> None:
    """Insert rows given as tuples in the order of the columns; on a known key overwrite the columns in `replace`."""
    if rows:
        connection.exec_driver_sql(_insert_text(table, replace, connection.dialect.paramstyle), list(rows))


@cache
def _insert_text(table: Table, replace: tuple[str, ...], paramstyle: str) -> str:
    columns = [column.name for column in table.columns]
    marks = ", ".join(["?" if paramstyle == "qmark" else "%s"] * len(columns))
    text = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names are ours
    if replace:
        keys = ", ".join(column.name for column in table.primary_key.columns)
        text += f" ON CONFLICT ({keys}) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in replace)
    return text
