"""A NATS server of its own for each test module, and a vault on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from integration.kit_bus.nats_process import Nats
from integration.vault.world import World


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    server = Nats(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def world(tmp_path: Path, nats: Nats) -> AsyncIterator[World]:
    async with World(tmp_path, nats.url) as made:
        yield made
