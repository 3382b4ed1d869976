"""One mesh for all tests of this folder; each test has persons and devices of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from integration.permission.permission_rig import Client, start, until

from placet.local.mesh import Mesh


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mesh]:
    """NATS, audit, consent and permission as processes."""
    made = await start(Path(tmp_path_factory.mktemp("mesh")))
    yield made
    await made.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def bank(mesh: Mesh) -> AsyncIterator[Client]:
    """A client of the bank, open for business."""
    client = Client(mesh, "bank")
    await client.open_shop()
    yield client
    await client.close()


@pytest_asyncio.fixture(loop_scope="package")
async def whole(mesh: Mesh, bank: Client) -> AsyncIterator[Mesh]:
    """The mesh, made whole again after a test that broke it."""
    yield mesh
    for name in ("nats", "audit", "consent", "permission"):
        if not mesh.child(name).running:
            await mesh.start_service(name)
    await until(lambda: bank.authorize(bank.event("nobody")))
