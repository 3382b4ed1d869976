"""The key set of permits: only public Ed25519 keys, each once."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.evidence.canonical import b64url
from placet.permit.errors import PermitError, PermitReason
from placet.permit.keys import jwks_of, key_id, parse_jwks

KEYS = {f"k{n}": Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32).public_key() for n in range(3)}
ONE = jwks_of({"k1": KEYS["k1"]})["keys"][0]


def test_a_key_set_is_read_as_it_was_written():
    read = parse_jwks(json.loads(json.dumps(jwks_of(KEYS))))
    assert {kid: key.public_bytes_raw() for kid, key in read.items()} == {
        kid: key.public_bytes_raw() for kid, key in KEYS.items()
    }
    assert parse_jwks({"keys": []}) == {}


def test_alg_and_use_may_be_left_out():
    assert list(parse_jwks({"keys": [{name: ONE[name] for name in ("kty", "crv", "kid", "x")}]})) == ["k1"]


def test_the_key_id_is_the_thumbprint_of_rfc_8037():
    """RFC 8037 appendix A.3."""
    seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).public_key()
    assert key_id(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize("kid", ["-starts-with-a-dash", "_x", "9"])
def test_a_thumbprint_may_begin_with_any_letter_of_base64url(kid):
    assert list(parse_jwks({"keys": [{**ONE, "kid": kid}]})) == [kid]


@pytest.mark.parametrize(
    ("jwks", "field"),
    [
        (None, "jwks"),
        ([], "jwks"),
        ({}, "keys"),
        ({"keys": {}}, "keys"),
        ({"keys": [1]}, "keys[0]"),
        ({"keys": [ONE, ONE]}, "keys"),
        ({"keys": [{**ONE, "d": "AAAA"}]}, "keys[0]"),
        ({"keys": [{**ONE, "kty": "EC"}]}, "keys[0].kty"),
        ({"keys": [{**ONE, "kty": None}]}, "keys[0].kty"),
        ({"keys": [{**ONE, "crv": "X25519"}]}, "keys[0].crv"),
        ({"keys": [{**ONE, "alg": "ES256"}]}, "keys[0].alg"),
        ({"keys": [{**ONE, "use": "enc"}]}, "keys[0].use"),
        ({"keys": [{**ONE, "kid": ""}]}, "keys[0].kid"),
        ({"keys": [{**ONE, "kid": None}]}, "keys[0].kid"),
        ({"keys": [{**ONE, "x": b64url(bytes(31))}]}, "keys[0].x"),
        ({"keys": [{name: ONE[name] for name in ONE if name != "crv"}]}, "keys[0].crv"),
    ],
)
def test_what_does_not_belong_in_a_key_set_is_named(jwks, field):
    with pytest.raises(PermitError) as caught:
        parse_jwks(jwks)
    assert caught.value.reason == PermitReason.JWKS
    assert caught.value.field == field
