"""An issuer of tokens for tests: real keys, real signatures, a JWKS file, and a clock that tests can set."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER = "https://issuer.test"
NOW_S = 1_800_000_000


@dataclass
class Clock:
    """Unix microseconds that move only when told."""

    now: int = NOW_S * 1_000_000

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1e6)


@dataclass
class Issuer:
    """Keys by id; `issue` signs whatever claims a test wants."""

    path: Path
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)

    def add(self, kid: str, algorithm: str = "EdDSA") -> None:
        private: Any
        if algorithm == "EdDSA":
            private = ed25519.Ed25519PrivateKey.generate()
        elif algorithm == "ES256":
            private = ec.generate_private_key(ec.SECP256R1())
        else:
            private = rsa.generate_private_key(65537, 2048)
        self.keys[kid] = (algorithm, private)
        self.publish()

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.jwk(kid) for kid in self.keys]}

    def jwk(self, kid: str) -> dict[str, Any]:
        algorithm, private = self.keys[kid]
        kinds: dict[str, Any] = {"EdDSA": OKPAlgorithm, "ES256": ECAlgorithm, "RS256": RSAAlgorithm}
        return {**kinds[algorithm].to_jwk(private.public_key(), as_dict=True), "kid": kid, "use": "sig"}

    def publish(self) -> None:
        self.path.write_text(json.dumps(self.jwks()))

    def issue(self, kid: str = "k1", *, now: int = NOW_S, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Sign a token; a claim given as None is left out."""
        algorithm, private = self.keys[kid]
        body = {
            "iss": ISSUER,
            "aud": "placet",
            "sub": "till-7",
            "iat": now,
            "exp": now + 600,
            "controllers": ["bank"],
            "roles": ["process"],
        } | claims
        kept = {name: value for name, value in body.items() if value is not None}
        return jwt.encode(kept, private, algorithm=algorithm, headers={"kid": kid} | (headers or {}))
