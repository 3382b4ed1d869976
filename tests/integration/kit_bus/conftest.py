"""A real NATS server per test, and buses connected to it."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from integration.kit_bus.databases import database, postgres_server, postgres_url, sqlite_url, url
from integration.kit_bus.nats_process import Nats

from placet.kit.bus.bus import Bus

__all__ = ("database", "postgres_server", "postgres_url", "sqlite_url", "url")

MakeBus = Callable[..., Awaitable[Bus]]


def unix_us() -> int:
    return time.time_ns() // 1_000


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[Nats]:
    server = Nats(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def make_bus(nats: Nats) -> AsyncIterator[MakeBus]:
    async with AsyncExitStack() as stack:

        async def make(name: str = "permission", **options: Any) -> Bus:
            options.setdefault("url", nats.url)
            bus = Bus(options.pop("url"), name=name, clock=unix_us, random=secrets.token_bytes, **options)
            return await stack.enter_async_context(bus)

        yield make
