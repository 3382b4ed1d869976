"""The gRPC server of a service: where it listens, what it bears, how it stops.

Owns: `Server`: every service registered with `add` goes through the guard; only the health service (grpc.health.v1)
does not. Settings of the transport that were chosen, with their reasons, are `_OPTIONS`.
Never: listens in clear text beyond this machine (settings refuse it), shares its port with another process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_health.v1.health import aio as aio_health  # type: ignore[import-untyped]

from placet.kit.errors import Precondition, Unavailable
from placet.kit.grpc.guard import Guard

_KIB = 1 << 10
_MAX_WATCHERS = 64
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.so_reuseport", 0),  # two processes on one port would share its calls
    ("grpc.max_metadata_size", 16 * _KIB),  # a long token gets a typed answer
    ("grpc.absolute_max_metadata_size", 32 * _KIB),
    ("grpc.keepalive_time_ms", 60_000),  # finds dead peers
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),  # clients may ping every 10 s
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
)

AddToServer = Callable[[Any, Any], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """PEM files; with `client_ca`, clients must show a certificate of that authority."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listen:
    """Where and how to listen; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    tls: Tls | None = None
    max_concurrent: int = 2_048


class Server:
    """A server that is started once and stopped once."""

    def __init__(self, listen: Listen, guard: Guard) -> None:
        self._listen = listen
        self._guard = guard
        # Invariant: what is a little too large still arrives, so that the guard can answer with a typed error.
        largest = ("grpc.max_receive_message_length", 2 * guard.limits.max_message)
        self._server = grpc.aio.server(
            options=[*_OPTIONS, largest, ("grpc.max_send_message_length", 2 * guard.limits.max_message)],
            maximum_concurrent_rpcs=listen.max_concurrent,
        )
        self._names: list[str] = [""]
        self._health = _Health(self._names)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def add(self, add_to_server: AddToServer, servicer: object) -> None:
        """Register a servicer with its generated `add_XServicer_to_server`, through the guard.

        Raises TypeError for a method that the guard cannot serve.
        """
        add_to_server(servicer, _Registrar(self._server, self._guard, self._names))

    async def start(self) -> int:
        """Listen and serve; returns the port. Raises Unavailable when the address cannot be had."""
        await self._tell(health_pb2.HealthCheckResponse.SERVING)
        port = self._bind()
        await self._server.start()
        return port

    async def stop(self, grace: float) -> None:
        """Say so through health, take no new calls, give the running ones `grace` seconds, then cancel them."""
        await self._tell(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.stop(grace)

    async def set_serving(self, serving: bool) -> None:
        """Tell health checks whether this service can do its work."""
        status = health_pb2.HealthCheckResponse
        await self._tell(status.SERVING if serving else status.NOT_SERVING)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop(grace=0)

    async def _tell(self, status: Any) -> None:
        for name in self._names:
            await self._health.set(name, status)

    def _bind(self) -> int:
        host = f"[{self._listen.host}]" if ":" in self._listen.host else self._listen.host
        address = f"{host}:{self._listen.port}"
        try:
            if self._listen.tls is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, _credentials(self._listen.tls))
        except RuntimeError as error:
            text = f"cannot listen on {address}: {error}; choose another PLACET_PORT or PLACET_HOST"
            raise Unavailable("DEPENDENCY_UNAVAILABLE", text) from None


class _Health(aio_health.HealthServicer):  # type: ignore[misc]
    """grpc.health.v1 for anybody, who can therefore neither watch without bound nor make it remember names."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self._names = names
        self._watching = 0

    async def Watch(self, request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service here")
        if self._watching >= _MAX_WATCHERS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watchers: use Check")
        self._watching += 1
        try:
            await super().Watch(request, context)
        finally:
            self._watching -= 1


class _Registrar:
    """Takes the handlers that generated code registers, and registers guarded ones."""

    def __init__(self, server: grpc.aio.Server, guard: Guard, names: list[str]) -> None:
        self._server = server
        self._guard = guard
        self._names = names

    def add_generic_rpc_handlers(self, handlers: Sequence[object]) -> None:
        """Drop them: generated code registers the same methods by name, below."""

    def add_registered_method_handlers(self, service_name: str, method_handlers: dict[str, Any]) -> None:
        """Register guarded handlers."""
        guarded = self._guard.wrap(service_name, method_handlers)
        self._server.add_registered_method_handlers(service_name, guarded)
        self._names.append(service_name)


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    """Read the files now, and again whenever the certificate's file changes, for new connections."""
    stamp = [_stamp(tls)]

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        now = _stamp(tls)
        if now == stamp[0]:
            return None
        stamp[0] = now
        try:
            return _configuration(tls)
        except Precondition:
            return None  # half-written: the next change is seen again

    return grpc.dynamic_ssl_server_credentials(
        _configuration(tls),
        cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch),  # None: unchanged (not in the stubs)
        require_client_authentication=tls.client_ca is not None,
    )


def _configuration(tls: Tls) -> grpc.ServerCertificateConfiguration:
    try:
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        roots = tls.client_ca.read_bytes() if tls.client_ca else None
    except OSError as error:
        raise Precondition("STATE_INVALID", f"cannot read the TLS files: {error}") from None
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=roots)


def _stamp(tls: Tls) -> tuple[int, ...]:
    files = [tls.certificate, tls.key, *([tls.client_ca] if tls.client_ca else [])]
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)
