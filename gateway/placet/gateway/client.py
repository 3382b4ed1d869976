"""Audit's gRPC read API, called with the reader's own token, so that audit judges every read again.

Owns the channel and the turning of a failed call into the error that the HTTP caller is told, with the names of *its*
parameters. Never: retries, keeps an answer, or calls with a token of its own.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from placet.api.audit.v1 import audit_pb2 as pb
from placet.api.audit.v1 import audit_pb2_grpc
from placet.gateway import views, wire
from placet.gateway.model import Query, Reading, TileContent
from placet.kit.errors import Invalid, Kind, NotFound, PlacetError, Precondition, Unavailable
from placet.kit.grpc.status import from_rpc_error

T = TypeVar("T")
# Audit sends at most 8 MiB; after it was away it is looked for every second.
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 8 << 20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)
_HERE: Final = {"event": "index", "from": "since", "page_size": "limit", "old_size": "old", "new_size": "new"}
_HEALTH_S: Final = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """PEM files: the authority of audit's certificate, and what we show if audit asks who we are."""

    ca: Path
    certificate: Path | None = None
    key: Path | None = None


class AuditClient:
    """One channel to audit; `timeout` in seconds is for each call. Open it with `async with`."""

    def __init__(self, address: str, *, timeout: float, tls: Tls | None = None) -> None:
        self._timeout = timeout
        if tls is None:
            self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(address, _credentials(tls), options=_OPTIONS)
        self._stub: Any = audit_pb2_grpc.AuditServiceStub(self._channel)
        self._health: Any = health_pb2_grpc.HealthStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def require_serving(self) -> None:
        """Raise Unavailable unless audit says that it serves."""
        try:
            answer = await self._health.Check(health_pb2.HealthCheckRequest(), timeout=min(self._timeout, _HEALTH_S))
        except grpc.RpcError as error:
            raise _away(from_rpc_error(error).kind.value) from None
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise _away("it does not serve")

    async def search(self, reading: Reading, query: Query, *, cursor: str, limit: int) -> views.Page:
        """Return a page of the entries that match; raises PlacetError."""
        request = pb.SearchRequest(
            controller=reading.controller, filter=wire.filter_to_pb(query), cursor=cursor, page_size=limit
        )
        return wire.page_from_pb(await self._call(self._stub.Search, request, reading))

    async def entry(self, reading: Reading, index: int) -> views.EntryView:
        """Return an entry with its proof; raises PlacetError."""
        request = pb.GetEntryRequest(controller=reading.controller, index=index)
        return wire.entry_from_pb(await self._call(self._stub.GetEntry, request, reading))

    async def bundle(self, reading: Reading, index: int) -> bytes:
        """Return the placet.bundle/1 of an event; raises NotFound when there is no event at this index."""
        request = pb.GetBundleRequest(controller=reading.controller, event=index)
        try:
            answer = await self._call(self._stub.GetBundle, request, reading)
        except Invalid as error:
            if error.field == "index":
                raise NotFound(error.message, field="index") from None
            raise
        return bytes(answer.bundle)

    async def checkpoint(self, reading: Reading) -> views.CheckpointView:
        """Return the newest checkpoint; raises PlacetError."""
        request = pb.GetCheckpointRequest(controller=reading.controller)
        return wire.checkpoint_from_pb(await self._call(self._stub.GetCheckpoint, request, reading))

    async def consistency(self, reading: Reading, old: int, new: int | None) -> views.ConsistencyView:
        """Return the proof from one tree size to another, or to the newest; raises PlacetError."""
        request = pb.GetConsistencyRequest(controller=reading.controller, old_size=old, new_size=new or 0)
        return wire.consistency_from_pb(await self._call(self._stub.GetConsistency, request, reading))

    async def tile(self, reading: Reading, path: str) -> TileContent:
        """Return one resource of the C2SP tree; raises NotFound beyond the newest checkpoint."""
        request = pb.GetTileRequest(controller=reading.controller, path=path)
        answer = await self._call(self._stub.GetTile, request, reading)
        return TileContent(content=answer.content, immutable=answer.immutable)

    async def _call(self, method: Callable[..., Awaitable[T]], request: object, reading: Reading) -> T:
        metadata: Sequence[tuple[str, str]] = (("authorization", f"Bearer {reading.token}"),)
        try:
            return await method(request, metadata=metadata, timeout=self._timeout)
        except grpc.RpcError as error:
            raise _told(from_rpc_error(error)) from None


def _told(error: PlacetError) -> PlacetError:
    """Return the error with the names of the HTTP API; what audit's transport said stays out of it."""
    if error.field is not None:
        name = error.field.removeprefix("filter.").partition(":")[0]
        error.field = _HERE.get(name, name)
    if error.kind is Kind.UNAVAILABLE and error.reason in ("DEPENDENCY_UNAVAILABLE", "DEADLINE_PASSED"):
        return _away("no answer in time" if error.reason == "DEADLINE_PASSED" else "no connection", error.reason)
    return error


def _away(why: str, reason: str = "DEPENDENCY_UNAVAILABLE") -> Unavailable:
    text = f"the audit service does not answer ({why}): ask again after the retry delay"
    return Unavailable(reason, text, metadata={"dependency": "audit"}, retry_after=1.0)


def _credentials(tls: Tls) -> grpc.ChannelCredentials:
    try:
        key = tls.key.read_bytes() if tls.key else None
        chain = tls.certificate.read_bytes() if tls.certificate else None
        return grpc.ssl_channel_credentials(tls.ca.read_bytes(), key, chain)
    except OSError as error:
        raise Precondition("STATE_INVALID", f"cannot read the TLS files for audit: {error}") from None
