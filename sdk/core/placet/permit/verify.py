"""Verifying permits, believing nothing in them before the signature holds.

The rules, in order (vault.md section 2, found by experiment with PyJWT):
 1. three segments of canonical base64url, at most 8 KiB: one text for one token;
 2. a header of exactly `alg` = EdDSA, `typ` = placet-permit+jwt and `kid`; no key, no URL, no `crit` is ever looked at;
 3. the key is the one that the pinned set has for `kid`, and the signature is its;
 4. no JSON key twice, every claim present and of its type, no unknown claim;
 5. issuer, audience and controller are exactly the expected ones;
 6. nbf and iat not in the future (but for the leeway), exp in the future, the lifetime within the cap;
 7. a permit bound to a TLS certificate comes with that certificate.
Left out: uses, and whether the basis still stands. The ledger alone knows: append a `use` first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt import PyJWS
from jwt.exceptions import PyJWTError

from placet.evidence.canonical import unb64url
from placet.evidence.errors import CanonicalError
from placet.evidence.terms import SECOND
from placet.permit.claims import PermitClaims, claims_of
from placet.permit.errors import PermitError, PermitReason
from placet.permit.keys import PermitKeys
from placet.permit.mint import ALGORITHM, MAX_TOKEN, TOKEN_TYPE

MAX_LIFETIME: Final = 60
"""Seconds that a permit may last unless its purpose allows more."""
_HEADERS: Final = frozenset({"alg", "typ", "kid"})
_jws = PyJWS(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a verifier of permits demands of every permit."""

    issuer: str
    audience: str
    controller: str
    max_lifetime: int = MAX_LIFETIME
    """Seconds."""
    leeway: int = 5
    """Seconds that the minter's clock may be ahead; an expiry has no leeway."""


def verify(
    token: str, keys: PermitKeys, expected: Expected, *, now: int, certificate: str | None = None
) -> PermitClaims:
    """Return the claims of a permit that may be presented now, here, by this caller.

    `now` is in microseconds since 1970 UTC; `certificate` is the SHA-256 thumbprint, as base64url, of the TLS
    certificate that the caller showed. For a permit of years ago, `now` is the `t` of its event. Raises PermitError.
    """
    claims = _signed_claims(token, keys)
    _require_for(claims, expected)
    _require_now(claims, expected, now, certificate)
    return claims


class PermitVerifier:
    """Verifies permits under one key set and remembers which tokens it found good (at most `remember`, 1 or more).

    A hit skips the signature, never time or certificate. Replacing the keys forgets everything.
    """

    def __init__(self, keys: PermitKeys, expected: Expected, *, remember: int = 10_000) -> None:
        self._keys = keys
        self._expected = expected
        self._remember = remember
        self._known: dict[bytes, PermitClaims] = {}

    def replace_keys(self, keys: PermitKeys) -> None:
        """Use another key set from now on."""
        self._keys = keys
        self._known.clear()

    def verify(self, token: str, *, now: int, certificate: str | None = None) -> PermitClaims:
        """Return the claims of a permit, as the function `verify` does; raises PermitError."""
        digest = sha256(token.encode(errors="surrogatepass")).digest()
        known = self._known.get(digest)
        if known is None:
            claims = verify(token, self._keys, self._expected, now=now, certificate=certificate)
            self._keep(digest, claims)
            return claims
        _require_now(known, self._expected, now, certificate)
        return known

    def _keep(self, digest: bytes, claims: PermitClaims) -> None:
        if len(self._known) >= self._remember:
            del self._known[next(iter(self._known))]
        self._known[digest] = claims


def _signed_claims(token: str, keys: PermitKeys) -> PermitClaims:
    """Return the claims once header and signature are right (rules 1 to 4)."""
    if len(token) > MAX_TOKEN:
        _refuse(PermitReason.MALFORMED, "permit", f"it has more than {MAX_TOKEN} characters")
    segments = token.split(".")
    if len(segments) != 3:
        _refuse(PermitReason.MALFORMED, "permit", "it is not three segments")
    header, payload, _ = (_segment(name, text) for name, text in zip(_PARTS, segments, strict=True))
    key = _key(_object("header", header), keys)
    try:
        _jws.decode_complete(token, key, algorithms=[ALGORITHM])
    except PyJWTError as error:
        raise PermitError(PermitReason.SIGNATURE, "signature", "the signature is not the key's") from error
    return claims_of(_object("claims", payload))


_PARTS: Final = ("header", "claims", "signature")


def _segment(name: str, text: str) -> bytes:
    try:
        return unb64url(text)
    except CanonicalError as error:
        raise PermitError(PermitReason.MALFORMED, name, f"the {name} is not canonical base64url") from error


def _object(name: str, data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data.decode(), object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise PermitError(PermitReason.MALFORMED, name, f"the {name} is no JSON with each key once") from error
    if not isinstance(found, dict):
        _refuse(PermitReason.MALFORMED, name, f"the {name} is no JSON object")
    return found


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    obj = dict(pairs)
    if len(obj) != len(pairs):
        raise ValueError("an object has the same key twice")
    return obj


def _no_float(_: str) -> object:
    raise ValueError("not an integer")


def _key(header: Mapping[str, object], keys: PermitKeys) -> Ed25519PublicKey:
    """Return the pinned key that the header names, once the header is one of a permit (rules 2 and 3)."""
    if header.get("alg") != ALGORITHM:
        _refuse(PermitReason.ALGORITHM, "alg", f"a permit is signed with {ALGORITHM} only")
    if header.get("typ") != TOKEN_TYPE:
        _refuse(PermitReason.HEADER, "typ", f"a permit has the type {TOKEN_TYPE}")
    unknown = sorted(set(header) - _HEADERS)
    if unknown:
        _refuse(PermitReason.HEADER, ascii(unknown[0])[1:-1], "no such header belongs in a permit")
    kid = header.get("kid")
    key = keys.get(kid) if isinstance(kid, str) else None
    if key is None:
        _refuse(PermitReason.KEY_UNKNOWN, "kid", "no pinned key has this kid; fetch the permit keys again")
    return key


def _require_for(claims: PermitClaims, expected: Expected) -> None:
    """Check whom the permit is from and for, and how long it lasts (rules 5 and 6)."""
    if claims.iss != expected.issuer:
        _refuse(PermitReason.ISSUER, "iss", "the permit is from another issuer")
    if claims.aud != expected.audience:
        _refuse(PermitReason.AUDIENCE, "aud", f"the permit is not for {expected.audience}")
    if claims.azp != expected.controller:
        _refuse(PermitReason.CONTROLLER, "azp", "the permit is another controller's")
    if claims.exp - claims.iat > expected.max_lifetime:
        _refuse(PermitReason.LIFETIME, "exp", f"a permit lasts at most {expected.max_lifetime} seconds")


def _require_now(claims: PermitClaims, expected: Expected, now: int, certificate: str | None) -> None:
    """Check time and presenter (rules 6 and 7)."""
    if now >= claims.exp * SECOND:
        _refuse(PermitReason.EXPIRED, "exp", "the permit has expired; ask Authorize again")
    if now < (claims.nbf - expected.leeway) * SECOND:
        _refuse(PermitReason.NOT_YET_VALID, "nbf", "the permit is not valid yet; compare the clocks")
    if claims.cnf is not None and claims.cnf != certificate:
        _refuse(PermitReason.BINDING, "cnf", "the permit is bound to another TLS certificate")


def _refuse(reason: PermitReason, field: str, message: str) -> NoReturn:
    raise PermitError(reason, field, message)
