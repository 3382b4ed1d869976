"""The public keys that tokens are verified with, from a file or a URL.

Owns: `KeySet`: fetching (file path, file://, https://, http://), parsing and refreshing a JWKS (RFC 7517): at once for
an unknown key id, though at most every few seconds, and when the set has grown old. Without fresh keys it goes on with
the ones it has for an hour, then refuses.
Never: takes a key from a token, holds a symmetric or a private key, follows a redirect.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from jwt import PyJWK
from jwt.exceptions import PyJWKError, PyJWTError

from placet.kit.errors import PlacetError, Unauthenticated, Unavailable
from placet.kit.security.strict_json import loads_object

ALGORITHMS = frozenset({"EdDSA", "ES256", "RS256"})
MAX_SET_BYTES = 1 << 20
_SECOND = 1_000_000
_REFRESH_EVERY = 300 * _SECOND
_RETRY_EVERY = 5 * _SECOND
_MAX_STALE = 3_600 * _SECOND
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

Fetch = Callable[[], Awaitable[bytes]]
_log = logging.getLogger(__name__)


class KeySet:
    """The keys of one issuer; `clock` gives unix microseconds."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], int]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: dict[str, PyJWK] = {}
        self._loaded: int | None = None
        self._tried: int | None = None
        self._problem: str = "not loaded yet"

    async def load(self) -> None:
        """Fetch the keys now. Raises Unavailable when that fails: a service that cannot tell callers does not start."""
        async with self._lock:
            await self._refresh()
        if self._loaded is None:
            raise self._unavailable()

    async def find(self, kid: str) -> PyJWK:
        """Return the key of that id, fetching the set again when it is old or does not have it.

        Raises Unauthenticated (TOKEN_INVALID) when the set does not have it, Unavailable when there is no usable set.
        """
        if self._age() > _REFRESH_EVERY or kid not in self._keys:
            async with self._lock:
                if (self._age() > _REFRESH_EVERY or kid not in self._keys) and self._may_try():
                    await self._refresh()
        if self._age() > _MAX_STALE:
            raise self._unavailable()
        key = self._keys.get(kid)
        if key is None:
            raise Unauthenticated("TOKEN_INVALID", "the token's key id is not in the key set of the issuer")
        return key

    def _age(self) -> int:
        return _MAX_STALE + 1 if self._loaded is None else abs(self._clock() - self._loaded)

    def _may_try(self) -> bool:
        return self._tried is None or abs(self._clock() - self._tried) >= _RETRY_EVERY

    async def _refresh(self) -> None:
        self._tried = self._clock()
        try:
            self._keys = parse_jwks(await self._fetch())
        except (OSError, ValueError, httpx.HTTPError) as error:
            self._problem = f"{type(error).__name__}: {error}"
            _log.warning("the key set could not be read: %s", self._problem)
        else:
            self._loaded = self._tried

    def _unavailable(self) -> PlacetError:
        _log.error("no usable key set (setting PLACET_JWKS): %s", self._problem)
        return Unavailable(
            "DEPENDENCY_UNAVAILABLE", "the key set for tokens is not available", metadata={"dependency": "jwks"}
        )


def parse_jwks(data: bytes) -> dict[str, PyJWK]:
    """Return the usable keys by id; keys for other uses or algorithms are left out.

    Raises ValueError when it is no JWKS, has a key id twice, or holds a private or symmetric key. Source: RFC 7517.
    """
    entries = loads_object(data).get("keys")
    if not isinstance(entries, list):
        raise ValueError("a JWKS is a JSON object with a list `keys`")
    keys: dict[str, PyJWK] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise ValueError("an entry of `keys` is not an object")
        if not _PRIVATE_MEMBERS.isdisjoint(entry):
            raise ValueError("the JWKS holds a private or symmetric key: publish the public parts only")
        kid, key = entry.get("kid"), _usable(entry)
        if key is None or not isinstance(kid, str):
            continue
        if kid in keys:
            raise ValueError("a key id is in the JWKS twice")
        keys[kid] = key
    return keys


def _usable(entry: dict[str, object]) -> PyJWK | None:
    if entry.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(entry)
    except (PyJWKError, PyJWTError):
        return None
    return key if key.algorithm_name in ALGORITHMS else None


def fetch_from(where: str, *, timeout: float = 3.0) -> Fetch:
    """Return how to read a JWKS from a path, a file:// or an http(s):// URL. Raises ValueError for another scheme."""
    parts = urlsplit(where)
    if parts.scheme in ("https", "http"):
        return lambda: _fetch_url(where, timeout)
    if parts.scheme == "file":
        return lambda: asyncio.to_thread(_read, Path(unquote(parts.path)))
    if parts.scheme and "://" in where:
        raise ValueError(f"a JWKS is read from a path, file://, https:// or http://, not from {parts.scheme}://")
    return lambda: asyncio.to_thread(_read, Path(where))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return _bounded(file.read(MAX_SET_BYTES + 1))


async def _fetch_url(url: str, timeout: float) -> bytes:  # noqa: ASYNC109 (the client applies it)
    async with (
        asyncio.timeout(timeout),
        httpx.AsyncClient(timeout=timeout, trust_env=False) as client,
        client.stream("GET", url, follow_redirects=False) as response,
    ):
        if response.status_code != httpx.codes.OK:
            raise ValueError(f"the JWKS answered with HTTP {response.status_code}")
        data = b""
        async for chunk in response.aiter_bytes():
            data = _bounded(data + chunk)
        return data


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_SET_BYTES:
        raise ValueError(f"the JWKS is larger than {MAX_SET_BYTES} bytes")
    return data
