"""Witnesses over HTTP (C2SP `tlog-witness`): `placet.audit.ports.Witness` with httpx.

Owns the request, what bounds it, and turning an answer into lines that are verified, a size, or a refusal. Connections
are kept. Never follows a redirect and never reads the environment for a proxy.
"""

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from placet.audit.model import Holds, Lines, Refused
from placet.audit.quorum import WitnessAt
from placet.kit.errors import Unavailable
from placet.tlog.addcheckpoint import (
    ADD_CHECKPOINT,
    SIZE_TYPE,
    AddCheckpoint,
    Status,
    cosignatures_of,
    format_request,
    parse_size,
)
from placet.tlog.errors import TlogError

MAX_ANSWER: Final = 64 << 10
_CONFLICTS: Final = (Status.CONFLICT, Status.INCONSISTENT)


def http_client(timeout: float, ca: Path | None) -> httpx.AsyncClient:
    """Return the client for all witnesses; `ca` is a PEM file of their authority, None for the usual ones."""
    verify = ssl.create_default_context(cafile=None if ca is None else str(ca))
    return httpx.AsyncClient(timeout=timeout, trust_env=False, follow_redirects=False, verify=verify)


class Turns:
    """Lets so many requests a second through, in order: cosigning many logs must not slow their appends."""

    def __init__(self, rate: float) -> None:
        self._apart = 1 / rate
        self._next = 0.0

    async def wait(self) -> None:
        """Return when it is this caller's turn."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next)
        self._next = at + self._apart
        if at > now:
            await asyncio.sleep(at - now)


class HttpWitness:
    """One witness at its submission prefix."""

    def __init__(self, client: httpx.AsyncClient, witness: WitnessAt, timeout: float, turns: Turns) -> None:
        self._client = client
        self._witness = witness
        self._timeout = timeout
        self._turns = turns
        self._url = f"{witness.url}/{ADD_CHECKPOINT}"

    async def add_checkpoint(self, request: AddCheckpoint) -> Lines | Holds | Refused:
        """Put a checkpoint to the witness and return its answer; raises Unavailable."""
        await self._turns.wait()
        try:
            async with asyncio.timeout(self._timeout):
                status, kind, body = await self._post(format_request(request))
        except (httpx.HTTPError, TimeoutError, UnicodeDecodeError) as error:
            raise self._unavailable(f"does not answer ({type(error).__name__})") from None
        try:
            return self._read(request, status, kind, body)
        except TlogError as error:
            raise self._unavailable(f"answers what cannot be used: {error}") from None

    async def _post(self, body: bytes) -> tuple[int, str, str]:
        headers = {"content-type": "text/plain; charset=utf-8"}
        async with self._client.stream("POST", self._url, content=body, headers=headers) as answer:
            data = b""
            async for chunk in answer.aiter_bytes():
                data += chunk
                if len(data) > MAX_ANSWER:
                    raise httpx.DecodingError("the answer is too large")
            return answer.status_code, answer.headers.get("content-type", ""), data.decode()

    def _read(self, request: AddCheckpoint, status: int, kind: str, body: str) -> Lines | Holds | Refused:
        if status == Status.COSIGNED:
            return Lines(cosignatures_of(request.note, body, self._witness.keys))
        if status == Status.CONFLICT and kind.partition(";")[0].strip() == SIZE_TYPE:
            return Holds(parse_size(body))
        if status in Status.__members__.values():
            return Refused(status, body.strip()[:300], conflict=status in _CONFLICTS)
        raise self._unavailable(f"answers with HTTP {status}")

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable("DEPENDENCY_UNAVAILABLE", f"the witness {self._witness.name} {why}")


def http_witnesses(
    client: httpx.AsyncClient, named: Sequence[WitnessAt], *, timeout: float, rate: float
) -> list[HttpWitness]:
    """Return the witnesses over one client: a request takes `timeout` seconds at most, all together `rate` a second."""
    turns = Turns(rate)
    return [HttpWitness(client, witness, timeout, turns) for witness in named]
