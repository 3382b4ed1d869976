"""Bearer tokens of callers: verified once, remembered by hash.

Owns: `TokenVerifier`. A token is a JWT (RFC 7519) signed with EdDSA, ES256 or RS256 by a key of the issuer's JWKS, with
`iss`, `aud`, `sub`, `iat`, `exp`, and the lists `controllers` and `roles`. Best practice: RFC 8725.
Never: takes an algorithm or a key from the token, accepts a token without `exp`, lets a cached answer outlive `exp`
or the five minutes after which the key set is looked at again. Permits are another token: `placet.permit`.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from jwt import PyJWK
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from placet.kit.errors import Unauthenticated
from placet.kit.grpc.caller import Caller
from placet.kit.security.jwks import ALGORITHMS, KeySet
from placet.kit.security.strict_json import loads_object

MAX_TOKEN_CHARS = 8_192
MAX_LEEWAY_S = 30
_MAX_LIST = 1_024
_MAX_NAME = 256
_MAX_DATE = 1 << 40  # seconds
_SECOND = 1_000_000
_RECHECK = 300 * _SECOND


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A verified token: who, and until when (unix microseconds, leeway included)."""

    caller: Caller
    expires: int


class TokenVerifier:
    """Verifies tokens of one issuer for one audience; `clock` gives unix microseconds, `leeway` is in seconds."""

    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        audience: str,
        clock: Callable[[], int],
        leeway: int = 5,
        cache_size: int = 4_096,
    ) -> None:
        if not 0 <= leeway <= MAX_LEEWAY_S:
            raise ValueError(f"leeway is 0 to {MAX_LEEWAY_S} seconds")
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._leeway = leeway * _SECOND
        self._cache_size = cache_size
        # Invariant: only tokens that passed every check are in here, each until min(expires, checked + _RECHECK).
        self._cache: dict[bytes, tuple[Token, int]] = {}
        self._jws = PyJWS(algorithms=sorted(ALGORITHMS), options={"enforce_minimum_key_length": True})

    def remembered(self, token: str) -> Token | None:
        """Return the answer given before for the same token, if it still holds; costs a hash and a look-up."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found = self._cache.get(digest)
        if found is None:
            return None
        if self._clock() < found[1]:
            return found[0]
        del self._cache[digest]
        return None

    async def verify(self, token: str) -> Token:
        """Return who the token speaks for.

        Raises Unauthenticated (TOKEN_INVALID, TOKEN_EXPIRED), or Unavailable when no key set can be had.
        """
        known = self.remembered(token)
        if known is not None:
            return known
        if len(token) > MAX_TOKEN_CHARS:
            raise _invalid(f"the token is longer than {MAX_TOKEN_CHARS} characters")
        key = await self._keys.find(_key_id(token))
        verified = self._check(self._claims(token, key))
        self._remember(token, verified)
        return verified

    def _claims(self, token: str, key: PyJWK) -> dict[str, object]:
        """Return the claims of a token whose signature is right."""
        try:
            decoded = self._jws.decode_complete(token, key=key, algorithms=[key.algorithm_name])
            return loads_object(decoded["payload"])
        except (PyJWTError, ValueError):
            raise _invalid("the token's signature or form is not valid") from None

    def _check(self, claims: dict[str, object]) -> Token:
        now = self._clock()
        if claims.get("iss") != self._issuer:
            raise _invalid("the token is from another issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise _invalid("the token is for another audience")
        expires = _time(claims, "exp") + self._leeway
        if _time(claims, "iat") - self._leeway > now:
            raise _invalid("the token was issued in the future: check the clocks")
        if "nbf" in claims and _time(claims, "nbf") - self._leeway > now:
            raise _invalid("the token is not valid yet")
        if now >= expires:
            raise Unauthenticated("TOKEN_EXPIRED", "the token has expired: get a new one from the issuer")
        caller = Caller(
            actor=_name(claims, "sub"), controllers=_names(claims, "controllers"), roles=_names(claims, "roles")
        )
        return Token(caller=caller, expires=expires)

    def _remember(self, token: str, verified: Token) -> None:
        while len(self._cache) >= self._cache_size:
            del self._cache[next(iter(self._cache))]  # the oldest
        digest = hashlib.sha256(token.encode()).digest()
        self._cache[digest] = (verified, min(verified.expires, self._clock() + _RECHECK))


def _key_id(token: str) -> str:
    """Return the header's `kid`, before anything is trusted: it only chooses among the issuer's keys."""
    try:
        segment = token.encode("ascii").split(b".", 1)[0]
        header = loads_object(base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4)))
    except ValueError:
        raise _invalid("the token is not a signed JWT") from None
    if header.get("alg") not in ALGORITHMS:
        raise _invalid("the token's algorithm is not one of EdDSA, ES256, RS256")
    if "crit" in header:
        raise _invalid("the token has a critical header that is not known here")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise _invalid("the token's header has no key id (kid)")
    return kid


def _time(claims: dict[str, object], name: str) -> int:
    """Return a NumericDate (RFC 7519 section 2) as unix microseconds."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _MAX_DATE:
        raise _invalid(f"the token's claim {name} is missing or is no time")
    return int(value * _SECOND)


def _name(claims: dict[str, object], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME:
        raise _invalid(f"the token's claim {name} is missing or is no text of 1 to {_MAX_NAME} characters")
    return value


def _names(claims: dict[str, object], name: str) -> frozenset[str]:
    value = claims.get(name)
    if not isinstance(value, list) or len(value) > _MAX_LIST or not all(isinstance(item, str) for item in value):
        raise _invalid(f"the token's claim {name} is missing or is no list of texts")
    return frozenset(value)


def _invalid(message: str) -> Unauthenticated:
    return Unauthenticated("TOKEN_INVALID", message)
