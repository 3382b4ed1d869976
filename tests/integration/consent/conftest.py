"""One mesh for all tests of this folder; each test has persons of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from integration.consent.mesh_rig import Client, start

from placet.local.mesh import Mesh


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """NATS, audit and consent as processes."""
    made = await start(Path(tmp_path_factory.mktemp("mesh")))
    yield made
    await made.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def bank(mesh: Mesh) -> AsyncIterator[Client]:
    """A client of the bank, with a published notice."""
    client = Client(mesh, vkey=mesh.controllers["bank"].vkey)
    await client.publish()
    yield client
    await client.channel.close()
