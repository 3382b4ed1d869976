"""`python -m placet.gateway` as a process: ready file, real HTTP, TLS on both sides, stopping, and bad settings."""

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from integration.gateway.audit_stub import AuditStub
from integration.gateway.gateway_rig import Rig, problem, token, until_ready
from integration.gateway.small_logs import story
from integration.kit_grpc.conftest import guard
from integration.kit_grpc.test_kit_tls import Authority
from unit.kit.issuer import ISSUER, Issuer

from placet.api.audit.v1 import audit_pb2_grpc
from placet.gateway.boundary import HSTS
from placet.kit.grpc.guard import Limits
from placet.kit.grpc.server import Listen, Server, Tls
from placet.kit.telemetry.metrics import Metrics

Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    started: list[asyncio.subprocess.Process] = []

    async def begin(**told: str) -> asyncio.subprocess.Process:
        env = {
            "PLACET_JWKS": str(tmp_path / "jwks.json"),
            "PLACET_ISSUER": ISSUER,
            "PLACET_READY_FILE": str(tmp_path / "ready.json"),
            "PLACET_EXIT_WITH_PARENT": str(os.getpid()),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "placet.gateway",
            env=os.environ | env | told,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_it_serves_says_so_and_stops(rig: Rig, start: Start, tmp_path: Path) -> None:
    process = await start(PLACET_AUDIT=rig.audit_address)
    said = await until_ready(tmp_path / "ready.json")
    assert (said["service"], said["pid"]) == ("gateway", process.pid)
    bearer = {"authorization": f"Bearer {rig.token()}"}
    async with httpx.AsyncClient(base_url=f"http://{said['http']}", trust_env=False) as client:
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        answer = await client.get("/log/bank/checkpoint", headers=bearer)
        assert answer.text == rig.bank.log.checkpoint
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers
        problem(await client.get("/v1/bank/events"), 401, "TOKEN_MISSING")
        rig.audit.sleep = 0.5
        running = asyncio.create_task(client.get("/v1/bank/checkpoint", headers=bearer))
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert (await running).status_code == 200, "a running call is finished"
    _, log = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert not (tmp_path / "ready.json").exists()
    assert b"eyJ" not in log, "a token stands in the log"
    assert all(json.loads(line) for line in log.splitlines())


async def test_it_starts_without_audit_and_finds_it_later(start: Start, tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "jwks.json")
    issuer.add("k1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    await start(PLACET_AUDIT=f"127.0.0.1:{port}")
    said = await until_ready(tmp_path / "ready.json")
    async with httpx.AsyncClient(base_url=f"http://{said['http']}", trust_env=False) as client:
        assert (await client.get("/healthz")).status_code == 200
        problem(await client.get("/readyz"), 503, "DEPENDENCY_UNAVAILABLE")
        async with Server(Listen(port=port), guard(issuer, Metrics(), Limits())) as server:
            server.add(audit_pb2_grpc.add_AuditServiceServicer_to_server, AuditStub({"bank": story("bank")}))
            await server.start()
            until = time.monotonic() + 10
            while (await client.get("/readyz")).status_code != 200:
                assert time.monotonic() < until, "audit is back and the gateway did not notice"
                await asyncio.sleep(0.1)


async def test_tls_on_both_sides(start: Start, tmp_path: Path) -> None:
    issuer, authority = Issuer(tmp_path / "jwks.json"), Authority()
    issuer.add("k1")
    certificate, key, _ = authority.issue("mesh")
    files = {"ca.pem": authority.pem(), "cert.pem": certificate, "key.pem": key}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    tls = Tls(certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem", client_ca=tmp_path / "ca.pem")
    told = story("bank")
    async with Server(Listen(tls=tls), guard(issuer, Metrics(), Limits())) as server:
        server.add(audit_pb2_grpc.add_AuditServiceServicer_to_server, AuditStub({"bank": told}))
        ca, cert, private = (str(tmp_path / name) for name in files)
        await start(
            PLACET_AUDIT=f"localhost:{await server.start()}",
            PLACET_AUDIT_CA=ca,
            PLACET_AUDIT_CERT=cert,
            PLACET_AUDIT_KEY=private,
            PLACET_TLS_CERT=cert,
            PLACET_TLS_KEY=private,
        )
        said = await until_ready(tmp_path / "ready.json")
        url = f"https://localhost:{said['http'].rpartition(':')[2]}"
        trusting = ssl.create_default_context(cafile=ca)
        async with httpx.AsyncClient(base_url=url, verify=trusting, trust_env=False) as client:
            answer = await client.get("/log/bank/checkpoint", headers={"authorization": f"Bearer {token(issuer)}"})
            assert answer.text == told.log.checkpoint
            assert answer.headers["strict-transport-security"] == HSTS
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("/healthz")


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({}, b"PLACET_AUDIT"),
        ({"PLACET_AUDIT": "10.1.2.3:7000"}, b"PLACET_AUDIT_CA"),
        ({"PLACET_AUDIT": "localhost:1", "PLACET_HOST": "0.0.0.0"}, b"PLACET_TLS_CERT"),
        ({"PLACET_AUDIT": "localhost:1", "PLACET_AUDIT_CERT": "x"}, b"PLACET_AUDIT_KEY"),
        ({"PLACET_AUDIT": "localhost:1", "PLACET_AUDIT_CERT": "x", "PLACET_AUDIT_KEY": "x"}, b"PLACET_AUDIT_CA"),
    ],
)
async def test_wrong_settings_are_said_in_words(start: Start, told: dict[str, str], named: bytes) -> None:
    process = await start(**told)
    _, said = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert named in said
    assert b"Traceback" not in said


async def test_a_taken_port_is_said(start: Start, tmp_path: Path) -> None:
    Issuer(tmp_path / "jwks.json").add("k1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = await start(PLACET_AUDIT="localhost:1", PLACET_PORT=str(taken.getsockname()[1]))
        _, log = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert b"choose another PLACET_PORT" in log
    assert not (tmp_path / "ready.json").exists()
