"""Opens transactions for the handlers.

Owns: `SqlStore`, the port `Store` over `placet.kit.db`; which of its errors a handler may see.
Never: keeps anything in memory: what is durable is what there is.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import func
from sqlmodel import Session, col, select

from placet.consent.errors import ConcurrentChange
from placet.consent.model.vocabulary import ConsentId, Controller, Instant, PersonKey, SubjectRef
from placet.consent.ports import Backlog, Found, Records
from placet.consent.store.erasing import destroy_records
from placet.consent.store.lookup import look_up
from placet.consent.store.records import SqlRecords
from placet.consent.tables import ControllerRow, StepRow, Table
from placet.kit.db.database import Database
from placet.kit.db.errors import DuplicateKey, SerializationFailure
from placet.kit.db.scrubbing import scrub

T = TypeVar("T")

# PostgreSQL only: how long a transaction that lost against others waits before it is run again from its start.
_PAUSES_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.0)


class SqlStore:
    """`ports.Store` over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        # Called after a transaction that put messages into the outbox.
        self.on_note: Callable[[], None] = _nobody

    @classmethod
    async def open(cls, url: str) -> "SqlStore":
        """Open the database and make missing tables. What is deleted from it is overwritten (secure_delete)."""
        database = await Database.open(url, secure_delete=True)
        await database.create_all(Table.metadata)
        return cls(database)

    async def close(self) -> None:
        """Finish what runs, then close."""
        await self.database.close()

    async def write(self, work: Callable[[Records], T]) -> T:
        for pause in _PAUSES_S:
            try:
                result, noted = await self.database.write(lambda session: _work(session, work))
            except (DuplicateKey, SerializationFailure):  # what was read has changed since: another writer was first
                await asyncio.sleep(pause)
            else:
                if noted:
                    self.on_note()
                return result
        raise ConcurrentChange

    async def destroy_records(self, controller: Controller, consent: ConsentId) -> bool:
        """Destroy for good what opens the commitments of a consent (`erasing`).

        False if a reader still holds old pages, which go with the next call (SQLite). Safe to repeat.
        """
        await self.database.write(lambda session: destroy_records(session, controller, consent))
        return await asyncio.to_thread(scrub, self.database.engines.writer)

    async def read(self, work: Callable[[Records], T]) -> T:
        return await self.database.read(lambda session: work(SqlRecords(session)))

    async def backlog(self, *, accepted_before: Instant, limit: int) -> list[Backlog]:
        return await self.database.read(lambda session: _backlog(session, accepted_before, limit))

    async def lookup(
        self, controller: Controller, subjects: Sequence[SubjectRef], ordinals: Sequence[int], now: Instant
    ) -> Found:
        return await self.database.read(lambda session: look_up(session, controller, subjects, ordinals, now))

    async def knows(self, controller: Controller) -> bool:
        return await self.database.read(lambda session: session.get(ControllerRow, controller) is not None)

    async def remember(self, controller: Controller) -> None:
        await self.database.write(lambda session: remember(session, controller))


def _nobody() -> None:
    """Told of messages while nobody sends them: they wait in the outbox."""


def _work(session: Session, work: Callable[[Records], T]) -> tuple[T, bool]:
    records = SqlRecords(session)
    return work(records), records.noted


def _backlog(session: Session, accepted_before: Instant, limit: int) -> list[Backlog]:
    query = (
        select(StepRow.controller, StepRow.person)
        .where(col(StepRow.pending).is_(True))
        .group_by(col(StepRow.controller), col(StepRow.person))
        .having(func.min(StepRow.accepted_at) < accepted_before)
        .order_by(func.min(StepRow.id))
        .limit(limit)
    )
    return [Backlog(controller=Controller(one), person=PersonKey(person)) for one, person in session.exec(query)]


def remember(session: Session, controller: Controller) -> None:
    """Store that a controller exists."""
    if session.get(ControllerRow, controller) is None:
        session.add(ControllerRow(controller=controller))
