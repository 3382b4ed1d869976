"""A real server on a free port of this machine, guarded, with a real issuer."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from integration.kit_grpc.echo_service import SHAPES, Client, Echo, Request, add_echo
from unit.kit.issuer import ISSUER, Issuer

from placet.kit.app import now_us
from placet.kit.errors import PlacetError
from placet.kit.grpc.guard import Guard, Limits
from placet.kit.grpc.server import Listen, Server
from placet.kit.grpc.status import from_rpc_error
from placet.kit.security.jwks import KeySet, fetch_from
from placet.kit.security.jwt import TokenVerifier
from placet.kit.telemetry.metrics import Metrics
from placet.kit.telemetry.tracing import Tracing


@dataclass
class Mesh:
    """What a test of the guard needs."""

    issuer: Issuer
    guard: Guard
    metrics: Metrics
    echo: Echo
    server: Server
    address: str
    client: Client

    def bearer(self, **claims: Any) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.issuer.issue(now=now_us() // 1_000_000, **claims)}"),)

    async def call(self, text: str = "hello", *, method: str = "Unary", controller: str = "bank", **claims: Any) -> Any:
        request = Request(controller=controller, text=text)
        return await self.client.method(method)(request, metadata=self.bearer(**claims), timeout=20)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    made = Issuer(tmp_path / "jwks.json")
    made.add("k1")
    return made


async def refused(call: Any) -> PlacetError:
    """The error a client of ours makes of the failed call."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await finish(call)
    return from_rpc_error(failure.value)


async def finish(call: Any) -> None:
    if hasattr(call, "__aiter__") and not hasattr(call, "__await__"):
        async for _ in call:
            pass
    else:
        await call


async def start(mesh: Mesh, method: str, metadata: Any, controller: str = "bank", text: str = "x") -> Any:
    """Make a call of any shape with one request."""
    request = Request(controller=controller, text=text)
    sent = one(request) if SHAPES[method][0] else request
    return mesh.client.method(method)(sent, metadata=metadata, timeout=20)


async def one(*requests: Any) -> AsyncIterator[Any]:
    for request in requests:
        yield request


def guard(issuer: Issuer, metrics: Metrics, limits: Limits) -> Guard:
    keys = KeySet(fetch_from(str(issuer.path)), clock=now_us)
    return Guard(
        TokenVerifier(keys, issuer=ISSUER, audience="placet", clock=now_us),
        clock=now_us,
        new_error_id=lambda: secrets.token_hex(8),
        metrics=metrics,
        tracing=Tracing(),
        limits=limits,
    )


@pytest.fixture
def limits() -> Limits:
    return Limits()


@pytest.fixture
async def mesh(issuer: Issuer, limits: Limits) -> AsyncIterator[Mesh]:
    metrics, echo = Metrics(), Echo()
    made = guard(issuer, metrics, limits)
    async with Server(Listen(), made) as server:
        server.add(add_echo, echo)
        address = f"127.0.0.1:{await server.start()}"
        async with grpc.aio.insecure_channel(address) as channel:
            yield Mesh(issuer, made, metrics, echo, server, address, Client(channel))
