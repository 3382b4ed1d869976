"""Tokens of callers: what is accepted, and everything that is not, each with its typed error."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from unit.kit.issuer import ISSUER, NOW_S, Clock, Issuer

from placet.kit.errors import Kind, PlacetError, Unauthenticated, Unavailable
from placet.kit.security.jwks import KeySet, fetch_from, parse_jwks
from placet.kit.security.jwt import Token, TokenVerifier


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    made = Issuer(tmp_path / "jwks.json")
    made.add("k1")
    return made


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> KeySet:
    return KeySet(fetch_from(str(issuer.path)), clock=clock)


@pytest.fixture
def verifier(keys: KeySet, clock: Clock) -> TokenVerifier:
    return TokenVerifier(keys, issuer=ISSUER, audience="placet", clock=clock, leeway=5)


async def refusal(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(token)
    assert refused.value.kind is Kind.UNAUTHENTICATED
    assert not token or token not in refused.value.message
    return refused.value.reason


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
async def test_a_good_token(issuer: Issuer, verifier: TokenVerifier, algorithm: str) -> None:
    issuer.add("k2", algorithm)
    token = await verifier.verify(issuer.issue("k2", controllers=["bank", "shop"], roles=["process", "enrol"]))
    assert token.caller.actor == "till-7"
    assert token.caller.controllers == {"bank", "shop"}
    assert token.caller.roles == {"process", "enrol"}
    assert token.expires == (NOW_S + 605) * 1_000_000


async def test_audience_may_be_a_list(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert await verifier.verify(issuer.issue(aud=["other", "placet"]))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "other"}, "TOKEN_INVALID"),
        ({"aud": None}, "TOKEN_INVALID"),
        ({"aud": ["placets"]}, "TOKEN_INVALID"),
        ({"aud": {"placet": 1}}, "TOKEN_INVALID"),
        ({"iss": "https://other.test"}, "TOKEN_INVALID"),
        ({"iss": None}, "TOKEN_INVALID"),
        ({"exp": NOW_S - 5}, "TOKEN_EXPIRED"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"exp": "tomorrow"}, "TOKEN_INVALID"),
        ({"exp": True}, "TOKEN_INVALID"),
        ({"exp": 1e300}, "TOKEN_INVALID"),
        ({"exp": -1}, "TOKEN_INVALID"),
        ({"iat": None}, "TOKEN_INVALID"),
        ({"iat": NOW_S + 6}, "TOKEN_INVALID"),
        ({"nbf": NOW_S + 6}, "TOKEN_INVALID"),
        ({"sub": None}, "TOKEN_INVALID"),
        ({"sub": ""}, "TOKEN_INVALID"),
        ({"sub": "x" * 257}, "TOKEN_INVALID"),
        ({"controllers": None}, "TOKEN_INVALID"),
        ({"controllers": "bank"}, "TOKEN_INVALID"),
        ({"controllers": [1]}, "TOKEN_INVALID"),
        ({"roles": None}, "TOKEN_INVALID"),
        ({"roles": {"process": True}}, "TOKEN_INVALID"),
    ],
)
async def test_claims_that_are_refused(
    issuer: Issuer, verifier: TokenVerifier, claims: dict[str, Any], reason: str
) -> None:
    assert await refusal(verifier, issuer.issue(**claims)) == reason


async def test_leeway_reaches_as_far_as_it_says(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert await verifier.verify(issuer.issue(exp=NOW_S - 4))
    assert await verifier.verify(issuer.issue(iat=NOW_S + 5, nbf=NOW_S + 5))


@pytest.mark.parametrize("leeway", [-1, 31])
def test_leeway_is_bounded(keys: KeySet, clock: Clock, leeway: int) -> None:
    with pytest.raises(ValueError, match="leeway"):
        TokenVerifier(keys, issuer=ISSUER, audience="placet", clock=clock, leeway=leeway)


async def test_any_changed_character_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    """Each position of the header, the claims and the signature, but for the unused bits of a last character."""
    token = issuer.issue()
    await verifier.verify(token)
    last = {position - 1 for position, char in enumerate(token) if char == "."} | {len(token) - 1}
    for position in range(len(token)):
        if position not in last:
            changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
            assert await refusal(verifier, changed) == "TOKEN_INVALID"


async def test_none_is_no_algorithm(issuer: Issuer, verifier: TokenVerifier) -> None:
    claims = issuer.issue().split(".")[1]
    for algorithm in ("none", "None", "NONE", ""):
        header = b64({"alg": algorithm, "typ": "JWT", "kid": "k1"})
        assert await refusal(verifier, f"{header}.{claims}.") == "TOKEN_INVALID"


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
async def test_a_public_key_is_no_shared_secret(issuer: Issuer, verifier: TokenVerifier, algorithm: str) -> None:
    issuer.add("k2", algorithm)
    public = issuer.keys["k2"][1].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = f"{b64({'alg': 'HS256', 'typ': 'JWT', 'kid': 'k2'})}.{issuer.issue('k2').split('.')[1]}"
    mac = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
    assert await refusal(verifier, f"{signed}.{b64(mac)}") == "TOKEN_INVALID"


async def test_an_algorithm_must_fit_its_key(issuer: Issuer, verifier: TokenVerifier) -> None:
    issuer.add("rsa", "RS256")
    _, claims, signature = issuer.issue("k1").split(".")
    forged = f"{b64({'alg': 'EdDSA', 'kid': 'rsa'})}.{claims}.{signature}"
    assert await refusal(verifier, forged) == "TOKEN_INVALID"


async def test_a_key_in_the_header_is_not_used(issuer: Issuer, verifier: TokenVerifier, tmp_path: Path) -> None:
    stranger = Issuer(tmp_path / "other.json")
    stranger.add("k1")
    token = stranger.issue("k1", headers={"jwk": stranger.jwk("k1"), "jku": stranger.path.as_uri()})
    assert await refusal(verifier, token) == "TOKEN_INVALID"


async def test_duplicate_keys_are_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    private = issuer.keys["k1"][1]
    claims = json.dumps(
        {"iss": ISSUER, "aud": "placet", "sub": "a", "iat": NOW_S, "exp": NOW_S + 60, "controllers": [], "roles": []}
    ).encode()

    def signed(header: bytes, body: bytes) -> str:
        text = f"{b64(header)}.{b64(body)}"
        return f"{text}.{b64(private.sign(text.encode()))}"

    good = signed(b'{"alg":"EdDSA","kid":"k1"}', claims)
    assert await verifier.verify(good)
    twice = claims[:-1] + b',"controllers":["bank"]}'
    assert await refusal(verifier, signed(b'{"alg":"EdDSA","kid":"k1"}', twice)) == "TOKEN_INVALID"
    assert await refusal(verifier, signed(b'{"alg":"none","alg":"EdDSA","kid":"k1"}', claims)) == "TOKEN_INVALID"
    assert await refusal(verifier, signed(b'{"alg":"EdDSA","kid":"k1"}', b"[]")) == "TOKEN_INVALID"
    assert await refusal(verifier, signed(b'{"alg":"EdDSA","kid":"k1"}', b"[" * 3_000)) == "TOKEN_INVALID"
    assert await refusal(verifier, signed(b'{"alg":"EdDSA","kid":"k1","crit":["x"],"x":1}', claims)) == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "é.é.é", "\ud800", "x" * 100_000, "eyJ9.e30.", "null.null.null", b64(b"[]") + ".e30.AA"],
)
async def test_rubbish_is_refused(verifier: TokenVerifier, token: str) -> None:
    assert await refusal(verifier, token) == "TOKEN_INVALID"


async def test_a_huge_token_is_refused_unread(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert await refusal(verifier, issuer.issue(controllers=["c" * 8_000])) == "TOKEN_INVALID"


async def test_a_token_without_key_id_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    assert await refusal(verifier, issuer.issue(headers={"kid": ""})) == "TOKEN_INVALID"


# --- the cache


async def test_the_cache_honours_expiry(issuer: Issuer, verifier: TokenVerifier, clock: Clock) -> None:
    token = issuer.issue(exp=NOW_S + 10)
    await verifier.verify(token)
    assert verifier.remembered(token)
    clock.forward(14.999_999)
    assert verifier.remembered(token)
    clock.forward(0.000_001)
    assert verifier.remembered(token) is None
    assert await refusal(verifier, token) == "TOKEN_EXPIRED"


async def test_a_refused_token_is_not_remembered(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.issue(aud="other")
    await refusal(verifier, token)
    assert verifier.remembered(token) is None


async def test_the_cache_is_bounded(issuer: Issuer, keys: KeySet, clock: Clock) -> None:
    verifier = TokenVerifier(keys, issuer=ISSUER, audience="placet", clock=clock, cache_size=3)
    tokens = [issuer.issue(sub=f"till-{n}") for n in range(5)]
    for token in tokens:
        await verifier.verify(token)
    assert [verifier.remembered(token) is not None for token in tokens] == [False, False, True, True, True]


async def test_the_cache_does_not_outlive_a_withdrawn_key(
    issuer: Issuer, verifier: TokenVerifier, clock: Clock
) -> None:
    token = issuer.issue(exp=NOW_S + 86_400)
    await verifier.verify(token)
    issuer.add("k2")
    del issuer.keys["k1"]
    issuer.publish()
    clock.forward(299)
    assert await verifier.verify(token)
    clock.forward(2)
    assert await refusal(verifier, token) == "TOKEN_INVALID"


# --- the key set


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


def test_a_token_shows_who_not_what(issuer: Issuer) -> None:
    assert set(Token.__slots__) == {"caller", "expires"}
