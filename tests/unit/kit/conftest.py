"""What the tests of tokens share: an issuer with one key, its key set, a verifier, a clock."""

from pathlib import Path

import pytest
from unit.kit.issuer import ISSUER, Clock, Issuer

from placet.kit.errors import Kind, Unauthenticated
from placet.kit.security.jwks import KeySet, fetch_from
from placet.kit.security.jwt import TokenVerifier


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
