"""TLS: the configured authority is the only one believed, a certificate is shown, and renewal needs no new client."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from integration.kit_grpc.test_kit_tls import Authority
from integration.sdk.conftest import ASK, config_of
from integration.sdk.little_mesh import LittleMesh

from placet.api.audit.v1 import audit_pb2_grpc
from placet.api.permission.v1 import permission_pb2_grpc
from placet.sdk import AsyncClient, Targets, Tls, Unreachable
from placet.sdk.transport import channels


class SecureMesh(LittleMesh):
    """Notes which certificate each caller showed."""

    def __init__(self, authority: Authority) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.authority = authority

    async def start(self) -> str:
        certificate, key, _ = self.authority.issue("server")
        self.server = grpc.aio.server()
        permission_pb2_grpc.add_PermissionServiceServicer_to_server(self, self.server)
        audit_pb2_grpc.add_AuditServiceServicer_to_server(self, self.server)
        credentials = grpc.ssl_server_credentials([(key, certificate)], self.authority.pem(), True)
        port = self.server.add_secure_port("localhost:0", credentials)
        await self.server.start()
        return f"localhost:{port}"

    async def Check(self, request: Any, context: Any) -> Any:
        (pem,) = context.auth_context()["x509_pem_cert"]
        body = b"".join(pem.splitlines()[1:-1])
        self.shown.append(hashlib.sha256(base64.b64decode(body)).hexdigest())
        return await super().Check(request, context)


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def mesh(authority: Authority) -> AsyncIterator[SecureMesh]:
    made = SecureMesh(authority)
    made.address = await made.start()
    yield made
    await made.stop()


def renew(tls: Tls, authority: Authority, turn: int) -> str:
    """Write a new certificate and key; returns the certificate's thumbprint."""
    assert tls.cert is not None
    assert tls.key is not None
    certificate, key, der = authority.issue("client")
    tls.key.write_bytes(key)
    tls.cert.write_bytes(certificate)
    for path in (tls.key, tls.cert):
        os.utime(path, (turn, turn))
    return hashlib.sha256(der).hexdigest()


@pytest.fixture
def tls(tmp_path: Path, authority: Authority) -> Tls:
    (tmp_path / "ca.pem").write_bytes(authority.pem())
    return Tls(ca=tmp_path / "ca.pem", cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")


async def test_a_renewed_certificate_is_shown_without_a_new_client(
    mesh: SecureMesh, authority: Authority, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_RELOAD_CHECK", 0.0)
    expected = [renew(tls, authority, 1)]
    async with AsyncClient(config_of(mesh, tls=tls)) as client:
        await client.check(**ASK)
        await client.check(**ASK)
        waiting = asyncio.ensure_future(client.authorize(**ASK))
        gate = asyncio.Event()
        mesh.wait = lambda name, _: gate.wait() if name == "Authorize" else None
        while not mesh.calls or mesh.calls[-1][0] != "Authorize":
            await asyncio.sleep(0.001)
        expected.append(renew(tls, authority, 2))
        await client.check(**ASK)
        gate.set()
        assert (await waiting).allowed, "a call in flight on the old channel is not cut off"
    assert mesh.shown == [expected[0], expected[0], expected[1]]


async def test_a_file_that_is_missing_for_a_moment_does_no_harm(
    mesh: SecureMesh, authority: Authority, tls: Tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_RELOAD_CHECK", 0.0)
    renew(tls, authority, 1)
    async with AsyncClient(config_of(mesh, tls=tls)) as client:
        await client.check(**ASK)
        assert tls.cert is not None
        tls.cert.unlink()
        await client.check(**ASK)
        expected = renew(tls, authority, 3)
        await client.check(**ASK)
    assert mesh.shown[-1] == expected


@pytest.mark.parametrize("wrong", ["another authority", "plain text", "no certificate"])
async def test_nothing_is_said_to_whom_the_configuration_does_not_name(
    mesh: SecureMesh, authority: Authority, tls: Tls, wrong: str
) -> None:
    renew(tls, authority, 1)
    assert tls.ca is not None
    told: dict[str, Any] = {"tls": tls}
    if wrong == "another authority":
        tls.ca.write_bytes(Authority().pem())
    elif wrong == "plain text":
        told["tls"] = None
    else:
        told["tls"] = Tls(ca=tls.ca)
    async with AsyncClient(config_of(mesh, timeout=0.5, **told)) as client:
        with pytest.raises(Unreachable):
            await client.check(**ASK)
    assert mesh.calls == []


async def test_targets_may_differ(mesh: SecureMesh, authority: Authority, tls: Tls) -> None:
    """Services behind one address share a channel, others get their own."""
    renew(tls, authority, 1)
    targets = Targets(permission=mesh.address, audit=mesh.address, consent="localhost:9", vault="localhost:9")
    async with AsyncClient(config_of(mesh, tls=tls, targets=targets)) as client:
        await client.authorize(**ASK)
        await client.checkpoint()
        assert len(client._session.channels._channels) == 1
