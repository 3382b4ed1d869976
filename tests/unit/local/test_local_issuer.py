"""Tokens of the dev issuer: the services' own verifier accepts them, and refuses what it must."""

import json
from pathlib import Path

import pytest

from placet.kit.errors import Unauthenticated
from placet.kit.security.jwks import KeySet, fetch_from
from placet.kit.security.jwt import TokenVerifier
from placet.local.issuer import AUDIENCE, ISSUER, Issuer

NOW_S = 1_800_000_000


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    issuer = Issuer(clock=lambda: NOW_S)
    issuer.write_jwks(tmp_path / "jwks.json")
    return issuer


@pytest.fixture
def verifier(issuer: Issuer, tmp_path: Path) -> TokenVerifier:
    keys = KeySet(fetch_from(str(tmp_path / "jwks.json")), clock=lambda: NOW_S * 1_000_000)
    return TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW_S * 1_000_000)


async def test_a_token_says_who_for_whom_as_what_and_until_when(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = await verifier.verify(issuer.mint("ann", ["bank", "shop"], ["auditor"], lifetime=60))
    assert token.caller.actor == "ann"
    assert token.caller.controllers == {"bank", "shop"}
    assert token.caller.roles == {"auditor"}
    assert token.expires == (NOW_S + 60 + 5) * 1_000_000


async def test_an_expired_token_can_be_minted_and_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await verifier.verify(issuer.mint("ann", ["bank"], ["auditor"], lifetime=-60))
    assert refused.value.reason == "TOKEN_EXPIRED"


@pytest.mark.parametrize("claim", [{"aud": "elsewhere"}, {"iss": "urn:somebody"}])
async def test_claims_can_be_replaced_by_wrong_ones(
    issuer: Issuer, verifier: TokenVerifier, claim: dict[str, str]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(issuer.mint("ann", ["bank"], ["auditor"], **claim))


async def test_a_token_of_another_start_is_refused(verifier: TokenVerifier) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(Issuer(clock=lambda: NOW_S).mint("ann", ["bank"], ["auditor"]))


def test_what_is_written_is_the_public_key_only(issuer: Issuer, tmp_path: Path) -> None:
    (key,) = json.loads((tmp_path / "jwks.json").read_text())["keys"]
    assert "d" not in key
    assert key["alg"] == "EdDSA"
    assert [path.name for path in tmp_path.iterdir()] == ["jwks.json"]
