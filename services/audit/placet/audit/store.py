"""The journal over SQL: reads by primary key, and the one transaction in which a group is judged and appended.

The head moves by compare-and-swap on (size, epoch) in that transaction, so of two holders only one can commit.
Durability is the engine's duty: synchronous FULL, pinned and asserted by `placet.kit.db`. Statements:
`statements.py`.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from placet.audit.errors import Corrupt, HeadMoved
from placet.audit.model import Commit, Head, Log, LogKey, StoredBasis, StoredKey
from placet.audit.partitions import Partitions
from placet.audit.rowseal import opened, sealed
from placet.audit.statements import Session, writing
from placet.audit.tables import BasisChangeRow, BasisRow, DecisionRow, EntryRow, KeyRow, LogRow, TileRow, UseRow, of
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.failpoints import Write

_log = logging.getLogger(__name__)
LOG, ENTRY, TILE, BASIS = of(LogRow), of(EntryRow), of(TileRow), of(BasisRow)
CHANGE, USE, KEY, DECISION = of(BasisChangeRow), of(UseRow), of(KeyRow), of(DecisionRow)

_HEAD: Final = "SELECT size, prev, at, state, bases, status_root FROM log WHERE id = ?"
_MOVE: Final = (
    "UPDATE log SET size = ?, prev = ?, at = ?, state = ?, bases = ?, status_root = ? "
    "WHERE id = ? AND size = ? AND epoch = ?"
)
_ROTATE: Final = "UPDATE log_key SET since = ?, until = ? WHERE log = ? AND number = ? AND vkey = ? AND since IS NULL"
_KEYS: Final = "SELECT key, idx, digest FROM idempotency WHERE log = ? AND service = ? AND key"
_DECISIONS: Final = "SELECT digest, idx FROM decision WHERE log = ? AND digest"
_BASES: Final = "SELECT ordinal, granted, ended, history, events FROM basis WHERE log = ? AND ordinal"
_CHANGES: Final = "SELECT ordinal, idx FROM basis_change WHERE log = ? AND ordinal"
_CHANGED: Final = "SELECT ordinal FROM basis_change WHERE log = ? AND idx >= ? ORDER BY idx LIMIT ?"
_ENTRIES: Final = "SELECT idx, body FROM entry WHERE log = ? AND idx"
_ALLOWED_USES: Final = "SELECT event, count(*) FROM event_use WHERE log = ? AND allowed AND event"
_USES: Final = "SELECT idx FROM event_use WHERE log = ? AND event = ? ORDER BY idx"
_PAGE: Final = "SELECT body FROM entry WHERE log = ? AND idx >= ? AND idx < ? ORDER BY idx"


class SqlJournal:
    """`placet.audit.ports.Journal` over SQLite or PostgreSQL, for one log and one epoch of its lease."""

    def __init__(self, engines: Engines, log: Log, epoch: int, partitions: Partitions | None = None) -> None:
        """`partitions` are needed to append; without them a journal can only be read."""
        self._engines = engines
        self._log = log
        self._epoch = epoch
        self._partitions = partitions
        self._open: Session | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Read and write in one transaction: durable when the block has been left, undone if it raised."""
        with mapped(), writing(self._engines.direct) as session:
            self._open = session
            try:
                yield
            finally:
                self._open = None

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        if self._open is not None:
            yield self._open
            return
        with mapped(), self._engines.reader.connect() as connection:
            yield Session.over(connection)

    def keys(self, wanted: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], StoredKey]:
        """Return what the (service, key) pairs stand for."""
        by_service: dict[str, list[bytes]] = {}
        for service, key in wanted:
            by_service.setdefault(service, []).append(key)
        found = {}
        with self._reading() as session:
            for service, keys in by_service.items():
                for key, index, digest in session.rows_in(_KEYS, (self._log.id, service), keys):
                    found[service, key] = _known(service, key, index, digest)
        return found

    def decisions(self, digests: Iterable[bytes]) -> Mapping[bytes, int]:
        """Return the index of the first decision entry of each content digest that has one."""
        with self._reading() as session:
            return dict(session.rows_in(_DECISIONS, (self._log.id,), digests))

    def bases(self, ordinals: Iterable[int]) -> Mapping[int, StoredBasis]:
        """Return the bases that exist."""
        with self._reading() as session:
            rows = session.rows_in(_BASES, (self._log.id,), ordinals)
        return {
            ordinal: StoredBasis(ordinal=ordinal, granted=granted, ended=ended, history=history, events=events)
            for ordinal, granted, ended, history, events in rows
        }

    def changes(self, ordinals: Iterable[int]) -> Mapping[int, Sequence[int]]:
        """Return the indexes of the amends and withdraws of each basis, in log order."""
        found: dict[int, list[int]] = {}
        with self._reading() as session:
            for ordinal, index in session.rows_in(_CHANGES, (self._log.id,), ordinals, " ORDER BY idx"):
                found.setdefault(ordinal, []).append(index)
        return found

    def changed_since(self, index: int, limit: int) -> list[int]:
        """Return the basis of each amend and withdraw at or after `index`, in log order; at most `limit`."""
        with self._reading() as session:
            return [ordinal for (ordinal,) in session.run(_CHANGED, self._log.id, index, limit)]

    def entries(self, indexes: Iterable[int]) -> Mapping[int, bytes]:
        """Return the bytes of the entries that exist."""
        with self._reading() as session:
            return dict(session.rows_in(_ENTRIES, (self._log.id,), indexes))

    def page(self, begin: int, end: int) -> list[bytes]:
        """Return the bytes of the entries [begin, end), in order."""
        with self._reading() as session:
            return [body for (body,) in session.run(_PAGE, self._log.id, begin, end)]

    def allowed_uses(self, events: Iterable[int]) -> Mapping[int, int]:
        """Return how many allowed uses each event has."""
        with self._reading() as session:
            rows = session.rows_in(_ALLOWED_USES, (self._log.id,), events, " GROUP BY event")
        return dict(rows)

    def uses(self, event: int) -> list[int]:
        """Return the indexes of the uses of an event, ascending."""
        with self._reading() as session:
            return [index for (index,) in session.run(_USES, self._log.id, event)]

    def append(self, commit: Commit) -> None:
        """Write a group into the open transaction; raises HeadMoved, having written nothing, if the head is another."""
        assert self._open is not None
        session, log, first = self._open, self._log.id, commit.before.size
        with Write.LEDGER_HEAD:
            self._move_head(session, commit)
        if self._partitions is not None:
            self._partitions.ensure(commit.after.size)
        with Write.LEDGER_ENTRIES:
            session.insert(ENTRY, [(log, first + n, body) for n, body in enumerate(commit.entries)])
        with Write.LEDGER_TILES:
            session.insert(TILE, [(log, t.level, t.number, t.root, t.hashes) for t in commit.tiles])
        with Write.LEDGER_KEYS:
            session.insert(KEY, [(log, *key[:3], sealed(*key)) for key in commit.keys])
        with Write.LEDGER_DECISIONS:
            session.insert(DECISION, [(log, *decision) for decision in commit.decisions])
        with Write.LEDGER_CHANGES:
            session.insert(CHANGE, [(log, *change) for change in commit.changes])
        with Write.LEDGER_USES:
            session.insert(USE, [(log, *use) for use in commit.uses])
        rows = [(log, b.ordinal, b.granted, b.ended, b.history, b.events) for b in commit.bases.values()]
        with Write.LEDGER_BASES:
            session.insert(BASIS, rows, replace=("ended", "history", "events"))

    def rotate(self, key: LogKey) -> None:
        """Write into the open transaction that this key is in force, from the entry that says so on."""
        assert self._open is not None
        with Write.KEY_ROTATE:
            rotated = self._open.run(_ROTATE, key.since, key.until, self._log.id, key.number, key.vkey)
        if rotated.rowcount != 1:
            raise Corrupt(f"key {key.number} of {self._log.controller} was not asked for, or is in force already")

    def _move_head(self, session: Session, commit: Commit) -> None:
        to = commit.after
        which = (self._log.id, commit.before.size, self._epoch)
        moved = session.run(_MOVE, to.size, to.prev, to.t, to.state, to.bases, to.status_root, *which)
        if moved.rowcount != 1:
            raise HeadMoved(self._log.controller)


def _known(service: str, key: bytes, index: int, digest: bytes) -> StoredKey:
    """Return what a key stands for; if its row is damaged, something that no request agrees with."""
    found = opened(service, key, index, digest)
    if found is None:
        _log.error("an idempotency row is damaged: run placet ledger fsck", extra={"index": index, "alarm": True})
    return StoredKey(index, found or b"")


def read_head(session: Session, log: int) -> Head:
    """Return the head of a log; raises Corrupt if its row cannot be one."""
    size, prev, at, state, bases, status_root = session.run(_HEAD, log).fetchone()
    try:
        return Head(size=size, prev=prev, t=at, state=state, bases=bases, status_root=status_root)
    except ValueError as error:
        raise Corrupt(str(error)) from None
