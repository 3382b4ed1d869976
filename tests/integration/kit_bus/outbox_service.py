"""A tiny service with an outbox, an inbox and a state that both change; also runs as a process that can be killed."""

import asyncio
import json
import secrets
import sys
from dataclasses import dataclass

from integration.kit_bus.conftest import unix_us
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, func, select

from placet.evidence.drafts import OutcomeDraft
from placet.evidence.terms import LeafIndex
from placet.kit.bus.bus import Bus
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.inbox import Inbox
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.messages import Message
from placet.kit.bus.outbox import Outbox, OutboxRow
from placet.kit.db.database import Database
from placet.kit.errors import PlacetError
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import submission
from placet.kit.ledger.port import Ledger
from placet.kit.ledger.receipts import Receipt


class Table(SQLModel, registry=registry()):
    """This service's tables."""


class Fact(Table, table=True):
    """Something that must get into the ledger: `settled` counts how often that was noted."""

    __tablename__ = "fact"
    id: str = Field(primary_key=True)
    settled: int = 0
    index: int | None = None
    refused: str | None = None


outbox = Outbox(Table.metadata)
inbox = Inbox(Table.metadata)


def put(session: Session, fact: str, *, now: int, controller: str = "bank", own_turn_us: int = 0) -> OutboxRow:
    """Change the state and ask for the entry, in one transaction."""
    session.add(Fact(id=fact))
    draft = OutcomeDraft(of=LeafIndex(1), result=fact)
    entry = submission(draft, key=fact.encode())
    return outbox.put_append(session, controller, entry, id=fact, now=now, about=fact, own_turn_us=own_turn_us)


def settle(session: Session, row: OutboxRow, outcome: Receipt | PlacetError) -> None:
    """Note the entry's position, and tell others."""
    fact = session.get(Fact, row.about)
    assert fact is not None
    fact.settled += 1
    if isinstance(outcome, PlacetError):
        fact.refused = outcome.reason
        return
    fact.index = outcome.index
    told = Message(
        id=f"{row.id}.told",
        controller=row.controller,
        service="consent",
        kind="fact.recorded",
        at=1,
        index=outcome.index,
    )
    outbox.put_message(session, told, now=unix_us())


def facts(session: Session) -> dict[str, Fact]:
    return {fact.id: fact for fact in session.exec(select(Fact))}


@dataclass
class Service:
    database: Database
    dispatcher: OutboxDispatcher

    async def record(self, fact: str, *, controller: str = "bank", own_turn_us: int = 0) -> OutboxRow:
        now = unix_us()
        return await self.database.write(
            lambda session: put(session, fact, now=now, controller=controller, own_turn_us=own_turn_us)
        )

    async def facts(self) -> dict[str, Fact]:
        return await self.database.read(facts)

    async def pending(self) -> int:
        query = select(func.count()).select_from(outbox.table).where(outbox.table.c.done_at.is_(None))
        return await self.database.read(lambda session: int(session.connection().execute(query).scalar_one()))


async def make_service(url: str, bus: Bus, *, ledger: Ledger | None = None) -> Service:
    database = await Database.open(url)
    await database.create_all(Table.metadata)
    dispatcher = OutboxDispatcher(
        database,
        outbox,
        ledger=ledger or LedgerClient(bus, "consent"),
        publisher=JetStream(bus),
        clock=unix_us,
        settle=settle,
    )
    return Service(database, dispatcher)


async def run_until_killed(url: str, nats_url: str, prefix: str, count: int) -> None:
    """Record and deliver facts, saying each on stdout once it is safe: in the state ("put"), in the log ("done")."""
    async with Bus(nats_url, name="consent", clock=unix_us, random=secrets.token_bytes) as bus:
        service = await make_service(url, bus)
        async with service.dispatcher:
            for number in range(count):
                fact = f"{prefix}.{number}"
                await service.record(fact)
                print(json.dumps(["put", fact]), flush=True)
                if number % 3 == 0:
                    appended = await service.dispatcher.deliver(fact, deadline=unix_us() + 5_000_000)
                    print(json.dumps(["done", fact, appended.receipt().index]), flush=True)
                else:
                    service.dispatcher.kick()
            while await service.pending():  # facts to be appended, and messages to be sent about them
                await asyncio.sleep(0.02)
            print(json.dumps(["all settled"]), flush=True)


if __name__ == "__main__":
    asyncio.run(run_until_killed(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
