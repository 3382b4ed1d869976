"""The keys of permits: Ed25519 public keys by key id, and the JWKS in which they are published (RFC 7517, RFC 8037).

A key set comes from configuration, from the permission service over a trusted channel, or from `key.rotated` entries of
the log; never from a token. Only `OKP`/`Ed25519` keys are taken, and a set that holds a private key is refused.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from placet.evidence.canonical import b64url, encode, unb64url
from placet.evidence.checks import byte_string, each, json_object, matching
from placet.evidence.errors import FieldError
from placet.permit.errors import PermitError, PermitReason

PermitKeys: TypeAlias = Mapping[str, Ed25519PublicKey]
# A thumbprint may begin with any letter of base64url, - and _ included.
_kid = matching(re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:/-]{0,127}"), "a key id")
_MEMBERS: Final = frozenset({"kty", "crv", "x", "kid", "use", "alg", "key_ops"})


def key_id(key: Ed25519PublicKey) -> str:
    """Return the key's thumbprint as base64url (RFC 7638): a good `kid`, the same wherever it is computed."""
    public = {"crv": "Ed25519", "kty": "OKP", "x": b64url(key.public_bytes_raw())}
    return b64url(sha256(encode(public)).digest())


def jwks_of(keys: PermitKeys) -> dict[str, Any]:
    """Return the key set as a JWKS."""
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": kid,
                "x": b64url(key.public_bytes_raw()),
            }
            for kid, key in keys.items()
        ]
    }


def parse_jwks(jwks: object) -> dict[str, Ed25519PublicKey]:
    """Return the keys of a JWKS by key id; raises PermitError naming the key that does not belong in one."""
    try:
        listed = json_object("jwks", jwks).get("keys")
        found = [_key(f"keys[{place}]", key) for place, key in enumerate(each(json_object)("keys", listed))]
    except FieldError as error:
        raise PermitError(PermitReason.JWKS, error.field, f"{error.field} {error.message}") from error
    keys = dict(found)
    if len(keys) != len(found):
        raise PermitError(PermitReason.JWKS, "keys", "two keys have the same kid; publish each once")
    return keys


def _key(field: str, jwk: Mapping[str, object]) -> tuple[str, Ed25519PublicKey]:
    unknown = sorted(set(jwk) - _MEMBERS)
    if unknown:
        raise FieldError(field, f"has the member {unknown[0]!r}; a public Ed25519 key has none such")
    wanted = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}
    for name, value in wanted.items():
        if jwk.get(name, value if name in ("alg", "use") else None) != value:
            raise FieldError(f"{field}.{name}", f"must be {value}")
    kid = _kid(f"{field}.kid", jwk.get("kid"))
    return kid, Ed25519PublicKey.from_public_bytes(unb64url(byte_string(32)(f"{field}.x", jwk.get("x"))))
