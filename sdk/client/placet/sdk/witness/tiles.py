"""Reading a log's entries over HTTP, as C2SP entry bundles (`tlog-tiles`): from its gateway, or any copy of the files.

Owns the request: the token, how long it may take, how much it may bring, and that no redirect takes the token
elsewhere. Believes nothing: what comes is compared with a checkpoint by whoever asked (`mirror`).
"""

from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from placet.sdk.errors import NotFound, PlacetError, Unreachable
from placet.tlog.tiles import MAX_ENTRY_BYTES, TILE_WIDTH, EntryBundle

TIMEOUT_S: Final = 15.0
MAX_BYTES: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class HttpTiles:
    """The tiles below a URL; `token_file` holds the bearer token, read for each request so that it may be renewed."""

    def __init__(self, url: str, token_file: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._token_file = token_file
        self._opener = build_opener(_NoRedirects)

    def entries(self, bundle: EntryBundle) -> bytes:
        """Return the bytes of an entry bundle; raises NotFound or Unreachable."""
        where = f"{self._url}/{bundle.path}"
        try:
            with self._opener.open(self._request(where), timeout=TIMEOUT_S) as answer:
                data: bytes = answer.read(MAX_BYTES + 1)
        except HTTPError as error:
            raise _refused(where, error) from None
        except (URLError, OSError) as error:
            raise Unreachable("DEPENDENCY_UNAVAILABLE", f"{where} cannot be read: {error}") from None
        if len(data) > MAX_BYTES:
            raise Unreachable("DEPENDENCY_UNAVAILABLE", f"{where} is larger than a bundle can be")
        return data

    def _request(self, where: str) -> Request:
        request = Request(where)  # noqa: S310 (the scheme was checked when the configuration was read)
        if self._token_file is not None:
            request.add_header("Authorization", f"Bearer {self._token_file.read_text().strip()}")
        return request


def _refused(where: str, error: HTTPError) -> PlacetError:
    message = f"{where} was answered with HTTP {error.code}"
    if error.code == 404:
        return NotFound("NOT_FOUND", message)
    return Unreachable("DEPENDENCY_UNAVAILABLE", f"{message}; is the token of the right controller, and fresh?")
