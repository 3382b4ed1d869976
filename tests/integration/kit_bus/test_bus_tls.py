"""The bus over TLS: the same promises, and no connection to a server that cannot prove who it is."""

import asyncio
import datetime
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from integration.kit_bus.conftest import MakeBus, unix_us
from integration.kit_bus.nats_process import Nats

from placet.kit.bus.errors import BusDown, BusLost
from placet.kit.bus.serving import Request

SECOND = 1_000_000


@pytest.fixture
def authority(nats: Nats, tmp_path: Path) -> ssl.SSLContext:
    """Restart the server with TLS; return what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    nats.stop()
    nats.configure(f'tls {{ cert_file: "{tmp_path}/cert.pem", key_file: "{tmp_path}/key.pem" }}')
    nats.start()
    return ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))


async def echo(request: Request) -> bytes:
    return request.payload


async def test_requests_and_reconnects_over_tls(nats: Nats, make_bus: MakeBus, authority: ssl.SSLContext) -> None:
    bus = await make_bus(tls=authority)
    await bus.serve("x", echo)
    large = bytes(500_000)
    assert await bus.request("x", large, unix_us() + 5 * SECOND) == large
    nats.kill()
    with pytest.raises((BusDown, BusLost)):
        await bus.request("x", b"late", unix_us() + SECOND)
    nats.start()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await bus.request("x", b"back", unix_us() + SECOND) == b"back"
                break
            except (BusDown, BusLost):
                await asyncio.sleep(0.05)


async def test_an_unknown_server_is_not_talked_to(make_bus: MakeBus, authority: ssl.SSLContext) -> None:
    with pytest.raises(BusDown):
        await make_bus(tls=ssl.create_default_context(), connect_within=1)
