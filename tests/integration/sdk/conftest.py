"""A little mesh on a free port, and clients of it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from integration.sdk.little_mesh import LittleMesh

from placet.sdk import AsyncClient, Config, SubjectReferences, Targets

ASK: dict[str, Any] = {"customer": "C-1", "purpose": "payment", "device": "cam-1", "operation": "verify"}


@pytest.fixture
async def mesh() -> AsyncIterator[LittleMesh]:
    made = LittleMesh()
    made.log.grant()
    made.log.state()
    made.address = await made.start()
    yield made
    await made.stop()


def config_of(mesh: LittleMesh, **changes: Any) -> Config:
    told: dict[str, Any] = {
        "controller": "shop",
        "targets": Targets(consent=mesh.address, permission=mesh.address, vault=mesh.address, audit=mesh.address),
        "token": "one.two.three",
        "log_vkey": mesh.log.vkey,
        "references": SubjectReferences(b"k" * 32),
    }
    return Config(**{**told, **changes})


@pytest.fixture
async def new_client(mesh: LittleMesh) -> AsyncIterator[Callable[..., AsyncClient]]:
    made: list[AsyncClient] = []

    def new(**changes: Any) -> AsyncClient:
        made.append(AsyncClient(config_of(mesh, **changes)))
        return made[-1]

    yield new
    for client in made:
        await client.close()


@pytest.fixture
def client(new_client: Callable[..., AsyncClient]) -> AsyncClient:
    return new_client()
