"""Checking a stored log against itself: every entry replayed, every tile, row, link and signature derived again.

Trusts nothing that is stored but the pinned verifier key, if one is given. Names the first entry that is wrong; what
follows a wrong entry cannot be judged and is not. Reads only. See ledger.md section 7 and promise P7.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from placet.audit.model import Head, Log
from placet.audit.ports import LogKeys
from placet.audit.signing import Signers
from placet.audit.statements import Session
from placet.audit.store import BASIS, TILE, SqlJournal, read_head
from placet.audit.tail import FullTile, Tail
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EntryError, ReplayError
from placet.evidence.kinds import Event, Record
from placet.evidence.replay import Replay
from placet.evidence.rotation import Rotation, rotation_of
from placet.evidence.terms import BasisOrdinal, LeafIndex
from placet.evidence.view import EventFacts
from placet.kit.db.engine import Engines
from placet.kit.errors import PlacetError
from placet.tlog.hashing import HASH_SIZE, leaf_hash

PAGE: Final = 1_000
_BEYOND: Final = "SELECT min(idx) FROM entry WHERE log = ? AND idx >= ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong: in which part, at which index if it has one, and in words."""

    part: str  # entry, tile, head, basis, key
    index: int | None
    message: str

    def __str__(self) -> str:
        at = "" if self.index is None else f" {self.index}"
        return f"{self.part}{at}: {self.message}"


def fsck(
    engines: Engines, log: Log, *, keys: LogKeys | None, vkey: str | None, progress: Callable[[int, int], None]
) -> list[Finding]:
    """Check one log and return what is wrong, the first bad entry first; an empty list means that all is well.

    `vkey` is the pinned verifier key, if any; `keys` where its signing key should be. `progress` is told (done, size).
    """
    with engines.reader.connect() as connection:
        try:
            head = read_head(Session.over(connection), log.id)
        except PlacetError as error:
            return [Finding(part="head", index=None, message=error.message)]
        check = _Check(connection, engines, log, head)
        found = [*check.identity(vkey, keys), *check.entries(progress)]
        if not found:
            found.extend(check.rows())
        return found


class _Check:
    def __init__(self, connection: Connection, engines: Engines, log: Log, head: Head) -> None:
        self._connection = connection
        self._journal = SqlJournal(engines, log, epoch=-1)
        self._log = log
        self._head = head
        self._replay = Replay(log.origin, read_event=self._event)
        self._tail = Tail(_Nothing())
        self._last = bytes(HASH_SIZE)
        self._rotations: list[Rotation] = []

    def _event(self, index: LeafIndex) -> EventFacts | None:
        body = self._journal.entries([index]).get(index) if 0 <= index < self._replay.size else None
        entry = None if body is None else parse_entry(body)
        return EventFacts.of(entry) if isinstance(entry, Event) else None

    def identity(self, vkey: str | None, keys: LogKeys | None) -> Iterator[Finding]:
        """Compare the key that is stored with the pinned one and with the signing key."""
        known = [key.vkey for key in self._log.keys]
        if vkey is not None and vkey not in known:
            yield Finding(part="key", index=None, message=f"the log says {', '.join(known)}, pinned is {vkey}")
        if keys is None:
            return
        try:
            Signers(self._log, keys).at(self._head)
        except PlacetError as error:
            yield Finding(part="key", index=None, message=error.message)

    def entries(self, progress: Callable[[int, int], None]) -> Iterator[Finding]:
        """Replay every entry and compare the tiles that they complete; stop at the first that is wrong."""
        size = self._head.size
        while self._replay.size < size:
            begin = self._replay.size
            page = self._journal.page(begin, min(size, begin + PAGE))
            for body in page:
                finding = self._entry(body)
                if finding is not None:
                    yield finding
                    return
            progress(self._replay.size, size)
            if len(page) < min(PAGE, size - begin):
                yield Finding(part="entry", index=self._replay.size, message=f"is missing; the log has {size} entries")
                return

    def _entry(self, body: bytes) -> Finding | None:
        index = self._replay.size
        try:
            entry = self._replay.feed(body)
            rotation = rotation_of(entry, self._log.origin)
        except (ReplayError, EntryError) as error:
            return Finding(part="entry", index=index, message=f"{error.reason} {error.field}: {error.message}")
        if index == 0 and isinstance(entry, Record) and entry.data.get("vkey") != self._log.vkey:
            return Finding(part="entry", index=0, message="names another verifier key than the log's")
        if rotation is not None:
            self._rotations.append(rotation)
        self._last = leaf_hash(body)
        for tile in self._tail.extend([self._last]):
            stored = self._tile(tile)
            if stored != (tile.root, tile.hashes):
                what = "is missing" if stored is None else "is not what its entries give"
                return Finding(part=f"tile {tile.level}", index=tile.number, message=what)
        return None

    def _tile(self, tile: FullTile) -> tuple[bytes, bytes] | None:
        query = select(TILE.c.root, TILE.c.hashes).where(
            TILE.c.log == self._log.id, TILE.c.level == tile.level, TILE.c.number == tile.number
        )
        row = self._connection.execute(query).one_or_none()
        return None if row is None else (row.root, row.hashes)

    def rows(self) -> Iterator[Finding]:
        """Compare the head and the rows of the bases with what the replay gives."""
        head, replay = self._head, self._replay
        beyond = Session.over(self._connection).run(_BEYOND, self._log.id, head.size).fetchone()[0]
        if beyond is not None:
            yield Finding(part="entry", index=beyond, message=f"stands beyond the head, which has size {head.size}")
        if head.size and not replay.complete:
            yield Finding(part="head", index=head.size - 1, message="the last entry is not a state")
        if head.prev != self._last or head.bases != replay.statuses.size or head.status_root != replay.statuses.root():
            yield Finding(part="head", index=head.size, message="does not fit the entries")
        yield from self._keys()
        query = select(BASIS).where(BASIS.c.log == self._log.id).order_by(BASIS.c.ordinal)
        count = 0
        for row in self._connection.execute(query):
            count += 1
            status = replay.status(BasisOrdinal(row.ordinal))
            if status is None or (row.granted, row.ended, row.history) != (
                status.granted,
                status.ended,
                status.history,
            ):
                yield Finding(part="basis", index=row.ordinal, message="its row does not fit the entries")
        if count != replay.statuses.size:
            yield Finding(part="basis", index=None, message=f"{count} rows for {replay.statuses.size} bases")

    def _keys(self) -> Iterator[Finding]:
        """Compare the rows of the keys with the entries that put them in force."""
        stored = [(key.since, key.vkey, key.until) for key in self._log.rotated]
        said = [(one.index, one.vkey, one.until) for one in self._rotations]
        if stored != said:
            yield Finding(part="key", index=None, message=f"{len(stored)} rows do not fit {len(said)} rotations")
        for before, after in zip(self._log.keys, self._rotations, strict=False):
            if after.replaces != before.vkey:
                yield Finding(part="entry", index=after.index, message="replaces another key than the one before it")


class _Nothing:
    def node(self, level: int, index: int) -> bytes:
        """Never asked: a check appends and reads no node of a past window."""
        raise LookupError(level, index)
