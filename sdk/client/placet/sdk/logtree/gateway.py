"""A log's tree over HTTP, from Placet's gateway or any C2SP server, with a bearer token.

Owns one connection that is kept open, the retry of what passes by itself, and the turning of an answer into an error.
Plain text only to this machine, redirects are not followed, answers are bounded. Believes nothing that it reads.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, quote, urlsplit

from placet.sdk.config import TokenSource, is_loopback, refuse
from placet.sdk.errors import CLASSES, ConfigError, Kind, PlacetError, Unreachable
from placet.tlog.tiles import MAX_ENTRY_BYTES, TILE_WIDTH

MAX_BYTES: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
ATTEMPTS: Final = 4
_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_KINDS: Final[Mapping[int, tuple[Kind, str]]] = {
    400: (Kind.INVALID, "FIELD_INVALID"),
    401: (Kind.UNAUTHENTICATED, "TOKEN_INVALID"),
    403: (Kind.FORBIDDEN, "ROLE_MISSING"),
    404: (Kind.NOT_FOUND, "NOT_FOUND"),
    429: (Kind.EXHAUSTED, "QUEUE_FULL"),
    500: (Kind.INTERNAL, "INTERNAL"),
}


class GatewayTree:
    """The tree below an address such as `https://gateway/log/bank`. Not safe for use by several threads at once."""

    def __init__(
        self,
        url: str,
        *,
        token: TokenSource | None = None,
        ca: Path | None = None,
        timeout: float = 10.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the log's address, a token source and the authority to trust (None: the system's).

        `timeout` in seconds is for each connection, sending and answer. Raises ConfigError.
        """
        self._url = _checked(url)
        self._token = token
        self._context = _trusting(ca) if self._url.scheme == "https" else None
        self._timeout = timeout
        self._sleep = sleep
        self._connection: HTTPConnection | None = None

    @property
    def name(self) -> str:
        """The address."""
        return self._url.geturl()

    def read(self, path: str) -> bytes:
        """Return the bytes at a path; asks again, a few times, when the server is away or too busy."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._ask(path)
            except PlacetError as error:
                if error.kind not in (Kind.UNAVAILABLE, Kind.EXHAUSTED) or attempt == ATTEMPTS:
                    raise
                self._sleep(min(error.retry_after or _PAUSE * 2**attempt, _LONGEST_PAUSE))
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, path: str) -> bytes:
        connection = self._connection or self._connect()
        self._connection = connection
        try:
            connection.request("GET", f"{self._url.path}/{quote(path)}", headers=self._headers())
            response = connection.getresponse()
            body = response.read(MAX_BYTES + 1)
        except (OSError, HTTPException) as error:
            self.close()
            why = str(error) or type(error).__name__
            raise Unreachable("DEPENDENCY_UNAVAILABLE", f"{self.name} does not answer: {why}") from error
        if len(body) > MAX_BYTES:
            self.close()
            raise PlacetError("FIELD_TOO_LARGE", f"{self.name}/{path} is larger than anything that a log serves")
        if response.status != 200:
            raise self._error(path, response, body)
        return body

    def _headers(self) -> dict[str, str]:
        if self._token is None:
            return {}
        return {"Authorization": f"Bearer {self._token if isinstance(self._token, str) else self._token()}"}

    def _connect(self) -> HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._context is None:
            return HTTPConnection(host, port, timeout=self._timeout)
        return HTTPSConnection(host, port, timeout=self._timeout, context=self._context)

    def _error(self, path: str, response: HTTPResponse, body: bytes) -> PlacetError:
        kind, reason = _KINDS.get(response.status, (Kind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"))
        problem = _problem(response, body)
        text = f"{self.name}/{path} answered {response.status}: {problem.get('detail') or response.reason}"
        after = response.getheader("retry-after", "")
        found = CLASSES[kind](
            str(problem.get("reason") or reason), text, retry_after=float(after) if after.isdecimal() else None
        )
        if response.status // 100 == 3:
            return PlacetError("FIELD_INVALID", f"{text}; give the address that it redirects to", field="url")
        return found


def _trusting(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca is None else str(ca))
    except OSError as error:
        raise ConfigError("CONFIG_INVALID", f"{ca} is no authority in PEM: {error}", field="ca") from error


def _checked(url: str) -> SplitResult:
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        refuse("url", f"{url!r} is no address of a log; give one like https://gateway.example/log/bank")
    if parts.scheme == "http" and not is_loopback(f"{parts.hostname}:{parts.port or 80}"):
        refuse("url", f"{url} is another machine: use https (plain text is for loopback)")
    return parts


def _problem(response: HTTPResponse, body: bytes) -> Mapping[str, Any]:
    """Return the problem document (RFC 9457) of an answer, an empty one if there is none."""
    if not response.getheader("content-type", "").startswith("application/problem+json"):
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
