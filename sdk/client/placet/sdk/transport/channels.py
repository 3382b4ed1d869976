"""Channels to the services: made when first used, kept alive, made anew when a TLS file has changed.

gRPC for Python cannot reload a client certificate, so the channel is replaced; calls in flight on the old one finish.
Never decides what to call. Source: promises.md, measured facts.
"""

import asyncio
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio

from placet.sdk.config import Targets, Tls
from placet.sdk.errors import ConfigError, PlacetError
from placet.sdk.transport.methods import Method, Service

MAX_MESSAGE: Final = 4 << 20
_RELOAD_CHECK: Final = 1.0
_DRAIN: Final = 30.0
_OPTIONS: Final = (
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Retries are the client's own, with its keys and its deadline.
    ("grpc.enable_retries", 0),
)


class Channels:
    """The channels of one client, one for each distinct target. `clock` is monotonic, in seconds."""

    def __init__(self, targets: Targets, tls: Tls | None, *, clock: Callable[[], float]) -> None:
        self._targets = {one.name: getattr(targets, one.name) for one in fields(targets)}
        self._tls = tls
        self._clock = clock
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._calls: dict[str, Any] = {}
        self._stamp = _stamp(tls)
        self._checked = clock()
        self._draining: set[asyncio.Task[None]] = set()
        self._closed = False

    def unary(self, method: Method[Any, Any]) -> Any:
        """Return the callable of a unary method; raises ConfigError when its service has no target."""
        if self._tls is not None:
            self._reload()
        call = self._calls.get(method.path)
        if call is None:
            call = self._calls[method.path] = self._channel(method.service).unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.answer.FromString,
            )
        return call

    def server_stream(self, method: Method[Any, Any]) -> Any:
        """Return the callable of a method that streams its answer."""
        self._reload()
        return self._channel(method.service).unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.answer.FromString,
        )

    def both_streams(self, method: Method[Any, Any]) -> Any:
        """Return the callable of a method that streams both ways."""
        self._reload()
        return self._channel(method.service).stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.answer.FromString,
        )

    async def close(self) -> None:
        """Close every channel; calls in flight are cancelled."""
        self._closed = True
        for task in self._draining:
            task.cancel()
        for channel in self._channels.values():
            await channel.close(None)
        self._channels.clear()
        self._calls.clear()

    def _channel(self, service: Service) -> grpc.aio.Channel:
        if self._closed:
            raise PlacetError("CLOSED", "this client is closed")
        target = self._targets[service]
        if not target:
            raise ConfigError("CONFIG_INVALID", f"no address of {service} is configured", field=f"targets.{service}")
        channel = self._channels.get(target)
        if channel is None:
            channel = self._channels[target] = self._open(target)
        return channel

    def _open(self, target: str) -> grpc.aio.Channel:
        tls = self._tls
        if tls is None:
            return grpc.aio.insecure_channel(target, options=_OPTIONS)
        credentials = grpc.ssl_channel_credentials(_pem(tls.ca), _pem(tls.key), _pem(tls.cert))
        options = (*_OPTIONS, ("grpc.ssl_target_name_override", tls.name)) if tls.name else _OPTIONS
        return grpc.aio.secure_channel(target, credentials, options=options)

    def _reload(self) -> None:
        """Replace the channels when a TLS file has changed; looked at once a second at most."""
        if self._tls is None or self._clock() - self._checked < _RELOAD_CHECK:
            return
        self._checked = self._clock()
        stamp = _stamp(self._tls)
        if not stamp or stamp == self._stamp:
            return
        self._stamp = stamp
        old = list(self._channels.values())
        self._channels.clear()
        self._calls.clear()
        for channel in old:
            task = asyncio.ensure_future(channel.close(_DRAIN))
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)


def _pem(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError("CONFIG_INVALID", f"{path} cannot be read: {error.strerror}", field="tls") from error


def _stamp(tls: Tls | None) -> tuple[int, ...]:
    """Return what changes when a TLS file is replaced, nothing while one of them is missing."""
    paths = (tls.ca, tls.cert, tls.key) if tls else ()
    try:
        return tuple(path.stat().st_mtime_ns for path in paths if path is not None)
    except OSError:
        return ()
