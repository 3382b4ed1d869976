"""The books of all controllers in memory, loaded from the database and kept as fresh as promised.

Owns: when a book is read again. Own changes are applied at once; those of other replicas are seen by a version counter
that is read when `ttl` has passed, or when a caller knows of something newer (`after`). Never: serves a book whose age
is beyond that because the database does not answer (fail closed: Unavailable). Used by one event loop.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, and_, col, or_, select

from placet.kit.db.database import Database
from placet.permission.model.book import Book
from placet.permission.model.registers import ItemKind
from placet.permission.model.vocabulary import MAX_INT
from placet.permission.store.rows import change_of, permission_of
from placet.permission.tables import LegalPermissionRow, RegisterChangeRow, RegisterHeadRow

# Whether an assessment stands rests on every version of these, not on the newest alone (`model.assessing`).
_WITH_HISTORY = (ItemKind.PURPOSE.value, ItemKind.ASSESSMENT.value, ItemKind.INCIDENT.value)


@dataclass(slots=True)
class _Kept:
    book: Book
    version: int
    checked_at: int
    after: int


class MemoryBooks:
    """`ports.Books`; `ttl` in microseconds."""

    def __init__(self, database: Database, *, ttl: int) -> None:
        self._database = database
        self._ttl = ttl
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._changing: dict[str, asyncio.Lock] = {}
        # The newest version that this process committed: a book read before that commit is not kept.
        self._committed: dict[str, int] = {}

    async def open(self, controller: str, *, after: int, now: int) -> Book:
        """Return the controller's book, as the port promises."""
        kept = self._kept.get(controller)
        if kept is not None and now - kept.checked_at < self._ttl and after <= kept.after:
            return kept.book
        async with self._locks.setdefault(controller, asyncio.Lock()):
            return await self._refresh(controller, after, now)

    async def _refresh(self, controller: str, after: int, now: int) -> Book:
        kept = self._kept.get(controller)
        if kept is not None and now <= kept.checked_at and after <= kept.after:
            return kept.book  # somebody else read it while this call waited
        version = await self._database.read(lambda session: version_of(session, controller))
        kept = self._kept.get(controller)
        while kept is None or kept.version < max(version, self._committed.get(controller, 0)):
            version, book = await self._database.read(lambda session: _load(session, controller))
            kept = self._kept[controller] = _Kept(book, version, now, after)
        kept.checked_at = max(now, kept.checked_at)
        if after < MAX_INT:  # MAX_INT asks for what stands at this moment
            kept.after = max(after, kept.after)
        return kept.book

    def changing(self, controller: str) -> asyncio.Lock:
        """Return the lock under which changes of one controller are written, one after the other.

        They all count up one version, so at once they would only be in each other's way (PostgreSQL).
        """
        return self._changing.setdefault(controller, asyncio.Lock())

    def applied(self, controller: str, version: int, change: Callable[[Book], None]) -> None:
        """Take in a change that was committed as `version`: apply it, or read the book again if others came between."""
        self._committed[controller] = max(version, self._committed.get(controller, 0))
        kept = self._kept.get(controller)
        if kept is None:
            return
        if kept.version + 1 == version:
            change(kept.book)
            kept.version = version
        elif kept.version < version:
            del self._kept[controller]


def version_of(session: Session, controller: str) -> int:
    """Return how often this controller's registers and permissions changed."""
    row = session.get(RegisterHeadRow, controller)
    return 0 if row is None else row.version


def advance(session: Session, controller: str) -> int:
    """Count one more change, in the transaction that makes it; return the new version."""
    row = session.get(RegisterHeadRow, controller) or RegisterHeadRow(controller=controller, version=0)
    row.version += 1
    session.add(row)
    return row.version


def _load(session: Session, controller: str) -> tuple[int, Book]:
    """Read everything on one snapshot."""
    book = Book()
    in_the_log = and_(col(RegisterChangeRow.position).is_not(None), col(RegisterChangeRow.kind).in_(_WITH_HISTORY))
    changes = (
        select(RegisterChangeRow)
        .where(col(RegisterChangeRow.controller) == controller)
        .where(or_(col(RegisterChangeRow.current).is_(True), in_the_log))
        .order_by(col(RegisterChangeRow.position))
    )
    for row in session.exec(changes):
        change = change_of(row)
        if change.record and change.index is not None:
            book.put(change.item(), change.index)
    permissions = select(LegalPermissionRow).where(
        col(LegalPermissionRow.controller) == controller, col(LegalPermissionRow.basis).is_not(None)
    )
    for permission in session.exec(permissions):
        book.put_permission(permission_of(permission, ()).facts())
    return version_of(session, controller), book
