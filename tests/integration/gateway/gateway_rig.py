"""A gateway before a guarded audit stub, with a real issuer: in one loop, or with real HTTP in a thread of its own."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from integration.gateway.audit_stub import AuditStub
from integration.gateway.small_logs import Story, story
from unit.kit.issuer import ISSUER, Issuer

from placet.api.audit.v1 import audit_pb2_grpc
from placet.gateway.client import AuditClient
from placet.gateway.serving import http_server, listen
from placet.gateway.settings import Settings
from placet.gateway.web import create_app
from placet.kit.app import now_us
from placet.kit.grpc.guard import Guard
from placet.kit.grpc.server import Listen, Server
from placet.kit.security.jwks import KeySet, fetch_from
from placet.kit.security.jwt import TokenVerifier
from placet.kit.telemetry.metrics import Metrics
from placet.kit.telemetry.tracing import Tracing

ERROR_ID = "0123456789abcdef"


@dataclass
class Rig:
    """What a test of the gateway needs; a log `bank` and a log `retailer`."""

    issuer: Issuer
    stories: dict[str, Story]
    audit: AuditStub
    audit_server: Server
    audit_address: str
    app: FastAPI
    metrics: Metrics
    client: httpx.AsyncClient

    @property
    def bank(self) -> Story:
        return self.stories["bank"]

    def token(self, **claims: Any) -> str:
        return token(self.issuer, **claims)

    async def get(self, path: str, *, headers: dict[str, str] | None = None, **params: Any) -> httpx.Response:
        """Ask as an auditor of the bank."""
        sent = {"authorization": f"Bearer {self.token()}"} | (headers or {})
        return await self.client.get(path, params=params or None, headers=sent)

    async def json(self, path: str, **params: Any) -> Any:
        answer = await self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()


def token(issuer: Issuer, **claims: Any) -> str:
    """A token of now; an auditor of the bank unless the claims say otherwise."""
    return issuer.issue(now=now_us() // 1_000_000, **{"sub": "actor-1", "roles": ["auditor"]} | claims)


def problem(answer: httpx.Response, status: int, reason: str, field: str | None = None) -> dict[str, Any]:
    """The problem of an answer, which must be this one, whole and harmless."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said.keys() == {"type", "title", "status", "detail", "reason", "field", "metadata"}
    assert (said["status"], said["reason"], said["field"]) == (status, reason, field), said
    assert said["type"] == f"urn:placet:problem:{reason.lower().replace('_', '-')}"
    assert "Traceback" not in answer.text
    assert ".py" not in answer.text
    return dict(said)


@asynccontextmanager
async def rigged(tmp: Path, *, timeout: float = 5.0, max_concurrent: int = 64, many: int = 0) -> AsyncIterator[Rig]:
    """Start the stub and make the application."""
    issuer = Issuer(tmp / "jwks.json")
    issuer.add("k1")
    stories = {"bank": story("bank", many=many), "retailer": story("retailer")}
    stub, metrics = AuditStub(stories), Metrics()
    async with Server(Listen(), _guard(issuer)) as server:
        server.add(audit_pb2_grpc.add_AuditServiceServicer_to_server, stub)
        address = f"127.0.0.1:{await server.start()}"
        async with AuditClient(address, timeout=timeout) as audit:
            app = create_app(
                audit,
                _guard(issuer).verifier,
                new_error_id=lambda: ERROR_ID,
                metrics=metrics,
                max_concurrent=max_concurrent,
            )
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                yield Rig(issuer, stories, stub, server, address, app, metrics, client)


@dataclass
class Served:
    """A gateway with real HTTP, in another thread."""

    url: str
    issuer: Issuer
    app: FastAPI
    size: int
    rig: Rig


@contextmanager
def served(tmp: Path) -> Iterator[Served]:
    """Run the rig and uvicorn in a thread, for clients that are not asynchronous."""
    box: list[Served] = []
    ready, over = threading.Event(), threading.Event()

    async def run() -> None:
        async with rigged(tmp) as rig:
            bound = listen("127.0.0.1", 0)
            server = http_server(rig.app, settings(tmp))
            serving = asyncio.create_task(server.serve(sockets=[bound]))
            await server.serving.wait()
            url = f"http://127.0.0.1:{bound.getsockname()[1]}"
            box.append(Served(url, rig.issuer, rig.app, rig.bank.log.size, rig))
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.05)
            server.should_exit = True
            await serving

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield box[0]
    finally:
        over.set()
        thread.join(20)


def settings(tmp: Path, **other: Any) -> Settings:
    """Settings of a gateway on this machine."""
    told = {"audit": "127.0.0.1:1", "jwks": str(tmp / "jwks.json"), "issuer": ISSUER, **other}
    return Settings(**told)


async def until_ready(path: Path, within: float = 20.0) -> dict[str, Any]:
    """Wait for a ready file."""
    deadline = time.monotonic() + within
    while not path.exists():
        assert time.monotonic() < deadline, "not ready in time"
        await asyncio.sleep(0.02)
    return dict(json.loads(path.read_text()))


def _guard(issuer: Issuer) -> Guard:
    keys = KeySet(fetch_from(str(issuer.path)), clock=now_us)
    return Guard(
        TokenVerifier(keys, issuer=ISSUER, audience="placet", clock=now_us),
        clock=now_us,
        new_error_id=lambda: ERROR_ID,
        metrics=Metrics(),
        tracing=Tracing(),
    )
