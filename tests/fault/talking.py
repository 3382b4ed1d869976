"""A service that tells and one that listens, over a real broker: outbox and inbox with everything around them.

Owns one "process": its bus, database, dispatcher and consumer. `die` ends it without another word, as a crash does.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from integration.kit_bus.conftest import unix_us
from integration.kit_bus.outbox_service import Service, Table, inbox, make_service
from sqlmodel import Field, Session, select

from placet.kit.bus.bus import Bus
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.jetstream import DEAD_LETTERS, JetStream
from placet.kit.bus.messages import Message, filter_subject
from placet.kit.errors import Unavailable


class Heard(Table, table=True):
    """What the listener has dealt with, and how often."""

    __tablename__ = "heard"
    id: str = Field(primary_key=True)
    count: int = 0


class Process:
    """One run of the service on its database."""

    service: Service
    bus: Bus

    def __init__(self, folder: Path, nats_url: str) -> None:
        self._url = f"sqlite:///{folder / 'talking.db'}"
        self._nats = nats_url
        self._stack = AsyncExitStack()
        self.refuse: Callable[[Message], None] = lambda _: None

    async def __aenter__(self) -> Self:
        bus = Bus(self._nats, name="consent", clock=unix_us, random=secrets.token_bytes)
        self.bus = await self._stack.enter_async_context(bus)
        stream = JetStream(self.bus)
        await stream.ensure_stream()
        await stream.ensure_stream(DEAD_LETTERS)
        self.service = await make_service(self._url, self.bus)
        self._stack.push_async_callback(self.service.database.close)
        consumer = Consumer(stream, "listener", [filter_subject("consent")], self._hear)
        await self._stack.enter_async_context(consumer)
        self._stack.push_async_callback(self._stop_dispatcher)
        self.service.dispatcher.start()
        # Pruning comes first, and is a write too: let it be over.
        while not self.service.dispatcher._pruned:
            await asyncio.sleep(0)
        await self.service.database.write(lambda _: None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _stop_dispatcher(self) -> None:
        task = self.service.dispatcher._task
        assert task is not None
        task.cancel()
        await asyncio.wait({task})

    async def _hear(self, message: Message) -> None:
        self.refuse(message)
        await self.service.database.write(lambda session: note(session, message))

    async def heard(self) -> dict[str, int]:
        """How often each message changed something."""
        return await self.service.database.read(
            lambda session: {row.id: row.count for row in session.exec(select(Heard))}
        )

    async def messages(self, stream: str = "PLACET") -> int:
        info = await JetStream(self.bus).api(f"STREAM.INFO.{stream}", {})
        return int(info["state"]["messages"])


def note(session: Session, message: Message) -> None:
    """Deal with a message: once, whatever comes twice."""
    if not inbox.once(session, message.id, unix_us()):
        return
    row = session.get(Heard, message.id) or Heard(id=message.id)
    row.count += 1
    session.add(row)


def not_now(_message: Message) -> None:
    raise Unavailable("DEPENDENCY_UNAVAILABLE", "come again")


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    """Wait until something has come to pass."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.01)
