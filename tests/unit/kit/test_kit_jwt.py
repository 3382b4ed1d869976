"""Tokens of callers: what is accepted, and everything that is not, each with its typed error."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from unit.kit.conftest import refusal
from unit.kit.issuer import ISSUER, NOW_S, Clock, Issuer

from placet.kit.security.jwks import KeySet
from placet.kit.security.jwt import Token, TokenVerifier


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


def test_a_token_shows_who_not_what(issuer: Issuer) -> None:
    assert set(Token.__slots__) == {"caller", "expires"}
