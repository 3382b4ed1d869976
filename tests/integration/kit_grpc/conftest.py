"""A real server on a free port of this machine, guarded, with a real issuer."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from integration.kit_grpc.echo_service import Client, Echo, Request, add_echo
from placet.kit.app import now_us
from placet.kit.grpc.guard import Guard, Limits
from placet.kit.grpc.server import Listen, Server
from placet.kit.security.jwks import KeySet, fetch_from
from placet.kit.security.jwt import TokenVerifier
from placet.kit.telemetry.metrics import Metrics
from placet.kit.telemetry.tracing import Tracing
from unit.kit.issuer import ISSUER, Issuer


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
