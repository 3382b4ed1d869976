"""The key set of the issuer: rotation, outage, sources, and key sets that are refused."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from unit.kit.conftest import refusal
from unit.kit.issuer import ISSUER, NOW_S, Clock, Issuer

from placet.kit.errors import PlacetError, Unavailable
from placet.kit.security.jwks import KeySet, fetch_from, parse_jwks
from placet.kit.security.jwt import TokenVerifier


async def test_rotation_needs_no_restart(issuer: Issuer, verifier: TokenVerifier, clock: Clock) -> None:
    await verifier.verify(issuer.issue())
    clock.forward(6)
    issuer.add("k2")
    assert await verifier.verify(issuer.issue("k2"))


async def test_unknown_key_ids_do_not_flood_the_issuer(issuer: Issuer, clock: Clock) -> None:
    fetched = []

    async def fetch() -> bytes:
        fetched.append(clock())
        return issuer.path.read_bytes()

    verifier = TokenVerifier(KeySet(fetch, clock=clock), issuer=ISSUER, audience="placet", clock=clock)
    await verifier.verify(issuer.issue())
    tokens = [issuer.issue(headers={"kid": f"other-{n}"}) for n in range(50)]
    assert await asyncio.gather(*(refusal(verifier, token) for token in tokens)) == ["TOKEN_INVALID"] * 50
    clock.forward(6)
    await asyncio.gather(*(refusal(verifier, token) for token in tokens))
    assert len(fetched) == 2


async def test_without_a_key_set_nobody_comes_in(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.issue()
    issuer.path.unlink()
    with pytest.raises(Unavailable) as refused:
        await verifier.verify(token)
    assert refused.value.reason == "DEPENDENCY_UNAVAILABLE"


async def test_old_keys_serve_for_an_hour_without_the_issuer(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    token = issuer.issue(exp=NOW_S + 86_400)
    await verifier.verify(token)
    issuer.path.write_text("{half a file")
    clock.forward(3_599)
    assert await verifier.verify(token)
    clock.forward(302)
    with pytest.raises(Unavailable):
        await verifier.verify(token)


async def test_load_says_at_once_that_there_is_no_key_set(tmp_path: Path, clock: Clock) -> None:
    with pytest.raises(Unavailable):
        await KeySet(fetch_from(str(tmp_path / "none.json")), clock=clock).load()


def test_a_private_or_symmetric_key_is_refused(issuer: Issuer) -> None:
    for extra in ({"d": "AA"}, {"k": "AA"}):
        with pytest.raises(ValueError, match="public parts only"):
            parse_jwks(json.dumps({"keys": [issuer.jwk("k1") | extra]}).encode())


@pytest.mark.parametrize("data", [b"", b"[]", b'{"keys": {}}', b'{"keys": [1]}', b'{"keys": [], "keys": []}', b"\xff"])
def test_no_jwks(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_jwks(data)


def test_the_same_key_id_twice_is_refused(issuer: Issuer) -> None:
    with pytest.raises(ValueError, match="twice"):
        parse_jwks(json.dumps({"keys": [issuer.jwk("k1")] * 2}).encode())


def test_keys_for_something_else_are_left_out(issuer: Issuer) -> None:
    issuer.add("rsa", "RS256")
    others = [
        issuer.jwk("k1") | {"kid": "enc", "use": "enc"},
        issuer.jwk("rsa") | {"kid": "ps", "alg": "PS256"},
        {"kty": "EC", "crv": "P-384", "kid": "p384", "x": "AA", "y": "AA"},
        {"kty": "odd", "kid": "odd"},
    ]
    assert set(parse_jwks(json.dumps({"keys": [issuer.jwk("k1"), *others]}).encode())) == {"k1"}


async def serve(answer: Callable[[], bytes]) -> tuple[asyncio.Server, str]:
    """A real HTTP server on this machine that gives one answer."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"


def http(body: bytes, status: str = "200 OK", extra: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}Connection: close\r\n\r\n".encode() + body


async def test_key_set_over_http(issuer: Issuer, clock: Clock) -> None:
    server, url = await serve(lambda: http(issuer.path.read_bytes()))
    async with server:
        verifier = TokenVerifier(KeySet(fetch_from(url), clock=clock), issuer=ISSUER, audience="placet", clock=clock)
        assert await verifier.verify(issuer.issue())


async def test_key_set_from_a_file_url(issuer: Issuer, clock: Clock) -> None:
    await KeySet(fetch_from(issuer.path.as_uri()), clock=clock).load()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: http(b"no", "500 Oh"),
        lambda: http(b"", "302 Found", "Location: http://127.0.0.1:1/\r\n"),
        lambda: http(b" " * (1 << 20) + b"{}"),
        lambda: b"",
        lambda: b"rubbish\r\n\r\n",
    ],
)
async def test_a_bad_answer_is_unavailable(answer: Callable[[], bytes], clock: Clock) -> None:
    server, url = await serve(answer)
    async with server:
        with pytest.raises(Unavailable):
            await KeySet(fetch_from(url), clock=clock).load()


async def test_a_silent_issuer_is_given_up_on(clock: Clock) -> None:
    server = await asyncio.start_server(lambda r, w: asyncio.sleep(9), "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(PlacetError):
            await asyncio.wait_for(KeySet(fetch_from(url, timeout=0.2), clock=clock).load(), 2)


def test_other_schemes_are_refused() -> None:
    with pytest.raises(ValueError, match="ftp"):
        fetch_from("ftp://127.0.0.1/jwks.json")
