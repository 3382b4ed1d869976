"""TLS: the server's certificate, clients' certificates, renewal without a restart, and load beyond the limit."""

import asyncio
import base64
import datetime
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from integration.kit_grpc.conftest import guard
from integration.kit_grpc.echo_service import Client, Echo, Request, Response, add_echo
from unit.kit.issuer import Issuer

from placet.kit.app import now_us
from placet.kit.errors import Kind, PlacetError
from placet.kit.grpc.guard import Limits
from placet.kit.grpc.peer import certificate_thumbprint
from placet.kit.grpc.server import Listen, Server, Tls
from placet.kit.grpc.status import from_rpc_error
from placet.kit.telemetry.metrics import Metrics


class Authority:
    """Issues certificates for 127.0.0.1."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._make("authority", self.key.public_key(), None)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str) -> tuple[bytes, bytes, bytes]:
        """Returns certificate and key as PEM, and the certificate as DER."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._make(name, key.public_key(), self.certificate.subject)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        encodings = serialization.Encoding
        return made.public_bytes(encodings.PEM), private, made.public_bytes(encodings.DER)

    def _make(self, name: str, public: Any, issuer: x509.Name | None) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        local = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(local, critical=False)
            .sign(self.key, hashes.SHA256())
        )


class Thumb(Echo):
    """Answers with the thumbprint of the client's certificate."""

    async def Unary(self, request: Any, context: Any) -> Any:
        if request.text == "sleep":
            await asyncio.sleep(0.5)
        return Response(text=certificate_thumbprint(context) or "none")


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def tls(authority: Authority, tmp_path: Path) -> Tls:
    files = Tls(certificate=tmp_path / "c.pem", key=tmp_path / "k.pem", client_ca=tmp_path / "ca.pem")
    write(files, authority)
    files.client_ca.write_bytes(authority.pem())
    return files


def write(files: Tls, authority: Authority) -> None:
    files.certificate.write_bytes(b"half")
    certificate, key, _ = authority.issue("server")
    files.key.write_bytes(key)
    files.certificate.write_bytes(certificate)


@asynccontextmanager
async def serving(issuer: Issuer, listen: Listen) -> AsyncIterator[int]:
    async with Server(listen, guard(issuer, Metrics(), Limits())) as server:
        server.add(add_echo, Thumb())
        yield await server.start()


async def ask(issuer: Issuer, port: int, credentials: Any, text: str = "x") -> str:
    bearer = (("authorization", f"Bearer {issuer.issue(now=now_us() // 1_000_000)}"),)
    target = f"localhost:{port}"
    options = [("grpc.use_local_subchannel_pool", 1)]
    make = grpc.aio.secure_channel if credentials else grpc.aio.insecure_channel
    async with make(target, credentials, options=options) if credentials else make(target, options=options) as channel:
        call = Client(channel).method("Unary")(Request(controller="bank", text=text), metadata=bearer, timeout=5)
        return (await call).text


async def failure(*args: Any) -> PlacetError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await ask(*args)
    return from_rpc_error(error.value)


async def test_tls_without_client_certificates(issuer: Issuer, tls: Tls, authority: Authority) -> None:
    own = Tls(certificate=tls.certificate, key=tls.key)
    async with serving(issuer, Listen(tls=own)) as port:
        assert await ask(issuer, port, grpc.ssl_channel_credentials(authority.pem())) == "none"
        assert (await failure(issuer, port, grpc.ssl_channel_credentials(Authority().pem()))).kind is Kind.UNAVAILABLE
        assert (await failure(issuer, port, None)).kind is Kind.UNAVAILABLE


async def test_clients_must_show_a_certificate(issuer: Issuer, tls: Tls, authority: Authority) -> None:
    certificate, key, der = authority.issue("till-7")
    stranger, strange_key, _ = Authority().issue("till-7")
    async with serving(issuer, Listen(tls=tls)) as port:
        thumb = await ask(issuer, port, grpc.ssl_channel_credentials(authority.pem(), key, certificate))
        assert thumb == base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")
        for credentials in (
            grpc.ssl_channel_credentials(authority.pem()),
            grpc.ssl_channel_credentials(authority.pem(), strange_key, stranger),
        ):
            assert (await failure(issuer, port, credentials)).kind is Kind.UNAVAILABLE


async def test_a_new_certificate_needs_no_restart(issuer: Issuer, tls: Tls, authority: Authority) -> None:
    own, later = Tls(certificate=tls.certificate, key=tls.key), Authority()
    async with serving(issuer, Listen(tls=own)) as port:
        assert await ask(issuer, port, grpc.ssl_channel_credentials(authority.pem()))
        await asyncio.sleep(0.01)
        write(own, later)
        assert await ask(issuer, port, grpc.ssl_channel_credentials(later.pem()))
        assert (await failure(issuer, port, grpc.ssl_channel_credentials(authority.pem()))).kind is Kind.UNAVAILABLE


async def test_missing_tls_files_are_named(issuer: Issuer, tls: Tls) -> None:
    tls.key.unlink()
    with pytest.raises(PlacetError, match=r"k\.pem"):
        async with serving(issuer, Listen(tls=tls)):
            pass


async def test_more_calls_than_it_bears_are_told_so(issuer: Issuer) -> None:
    async with serving(issuer, Listen(max_concurrent=4)) as port:
        calls = [ask(issuer, port, None, "sleep") for _ in range(12)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refused = [from_rpc_error(a) for a in answers if isinstance(a, grpc.RpcError)]
        assert 0 < len(refused) <= 8
        assert {error.kind for error in refused} == {Kind.EXHAUSTED}
        assert await ask(issuer, port, None) == "none"
