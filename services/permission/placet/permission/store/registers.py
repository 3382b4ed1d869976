"""`ports.Registers` over SQL.

Owns: when a change is in force. Invariant: of the confirmed changes of an item, the one with the highest log position.
"""

from sqlmodel import Session, col, select

from placet.kit.db.database import Database
from placet.kit.db.errors import DuplicateKey
from placet.permission.model.registers import Change, Item, ItemKind
from placet.permission.store.books import MemoryBooks, advance
from placet.permission.store.rows import change_of, change_row
from placet.permission.tables import RegisterChangeRow


class SqlRegisters:
    """Changes of registers; what is confirmed goes into the book at once."""

    def __init__(self, database: Database, books: MemoryBooks) -> None:
        self._database = database
        self._books = books

    async def current(self, controller: str, kind: ItemKind, ident: str) -> Change | None:
        """Return the change in force, as the port promises."""
        row = await self._database.read(lambda session: _current(session, controller, kind, ident))
        return None if row is None else change_of(row)

    async def prepare(self, controller: str, change: Change) -> Change:
        """Store a change, as the port promises."""
        async with self._books.changing(controller):
            try:
                return await self._database.write(lambda session: _prepare(session, controller, change))
            except DuplicateKey:  # another replica stored the same at this moment
                return await self._database.write(lambda session: _prepare(session, controller, change))

    async def confirm(self, controller: str, change: Change, index: int) -> None:
        """Put a change in force, as the port promises."""
        item = change.item()
        async with self._books.changing(controller):
            version = await self._database.write(lambda session: _confirm(session, controller, change, index))
            if version is not None:
                self._books.applied(controller, version, lambda book: book.put(item, index))

    async def items(self, controller: str, kind: ItemKind) -> list[Item]:
        """Return what is in force, by id."""
        return await self._database.read(lambda session: _items(session, controller, kind))


def _current(session: Session, controller: str, kind: ItemKind, ident: str) -> RegisterChangeRow | None:
    query = select(RegisterChangeRow).where(
        col(RegisterChangeRow.controller) == controller,
        col(RegisterChangeRow.kind) == kind.value,
        col(RegisterChangeRow.item) == ident,
        col(RegisterChangeRow.current).is_(True),
    )
    return session.exec(query).first()


def _stored(session: Session, controller: str, change: Change) -> RegisterChangeRow | None:
    key = (controller, change.kind.value, change.id, change.version, change.digest)
    return session.get(RegisterChangeRow, key)


def _prepare(session: Session, controller: str, change: Change) -> Change:
    stored = _stored(session, controller, change)
    if stored is not None:
        return change_of(stored)
    session.add(change_row(controller, change))
    return change


def _confirm(session: Session, controller: str, change: Change, index: int) -> int | None:
    """Return the new version of the book, None if nothing changed: it was confirmed before.

    One that a later change has overtaken is not in force, but counts as history.
    """
    row = _stored(session, controller, change)
    if row is None or row.position is not None:
        return None
    current = _current(session, controller, change.kind, change.id)
    row.position = index
    session.add(row)
    if change.kind is ItemKind.DESTRUCTION:
        _wipe(session, controller, change.id)
    if current is not None:
        if current.position is not None and current.position > index:
            return advance(session, controller)
        current.current = False
        session.add(current)
        session.flush()  # the old one first: only one may be current
    row.current = True
    session.add(row)
    return advance(session, controller)


def _wipe(session: Session, controller: str, assessment: str) -> None:
    """Destroy salt and record of every version of an assessment: its commitments can never be opened again."""
    query = select(RegisterChangeRow).where(
        col(RegisterChangeRow.controller) == controller,
        col(RegisterChangeRow.kind) == ItemKind.ASSESSMENT.value,
        col(RegisterChangeRow.item) == assessment,
    )
    for row in session.exec(query):
        row.record, row.salt, row.current = b"", b"", False
        session.add(row)


def _items(session: Session, controller: str, kind: ItemKind) -> list[Item]:
    query = (
        select(RegisterChangeRow)
        .where(
            col(RegisterChangeRow.controller) == controller,
            col(RegisterChangeRow.kind) == kind.value,
            col(RegisterChangeRow.current).is_(True),
        )
        .order_by(col(RegisterChangeRow.item))
    )
    return [change_of(row).item() for row in session.exec(query)]
