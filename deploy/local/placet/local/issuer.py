"""The issuer of a mesh for development: tokens signed with a key that lives as long as the process.

Owns: an Ed25519 key made at each start and never written down, the JWKS file that services verify with, and `mint`.
Never: anything for production; there an identity provider issues tokens and Placet only reads its JWKS.
Source: RFC 7519, RFC 8037; the claims are those of placet.kit.security.jwt.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from placet.local.files import write

ISSUER: Final = "urn:placet:dev"
AUDIENCE: Final = "placet"
WEEK_S: Final = 7 * 24 * 3_600


class Issuer:
    """Mints tokens; `clock` gives unix seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.issuer = ISSUER
        self._clock = clock
        self._key = Ed25519PrivateKey.generate()
        self._public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._kid = hashlib.sha256(self._public).hexdigest()[:16]

    def jwks(self) -> str:
        """Return the public key as a JWKS."""
        key = {"kty": "OKP", "crv": "Ed25519", "x": _b64(self._public), "kid": self._kid, "alg": "EdDSA", "use": "sig"}
        return json.dumps({"keys": [key]})

    def write_jwks(self, path: Path) -> None:
        """Write the JWKS for the services to read."""
        write(path, self.jwks())

    def mint(
        self, sub: str, controllers: Iterable[str], roles: Iterable[str], lifetime: float = WEEK_S, **other: object
    ) -> str:
        """Return a token for an actor; `lifetime` in seconds, below 0 for an expired one; `other` replaces claims."""
        now = self._clock()
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": sub,
            "controllers": sorted(controllers),
            "roles": sorted(roles),
            "iat": int(now + min(lifetime, 0)),
            "exp": int(now + lifetime),
            "jti": secrets.token_hex(8),
        }
        return jwt.encode(claims | other, self._key, algorithm="EdDSA", headers={"kid": self._kid})


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
