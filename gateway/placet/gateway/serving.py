"""uvicorn inside the kit's life: our socket, our signals, our log, our order of stopping.

Owns: listening and the running server. Never: handles a signal (the kit does), trusts forwarding headers, writes an
access log (addresses and queries of people).
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator
from typing import Any

import uvicorn

from placet.gateway.settings import Settings
from placet.kit.errors import Unavailable

_MAX_HEAD_BYTES = 32 << 10


class HttpServer(uvicorn.Server):
    """A uvicorn server that leaves the signals alone and says when it serves."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self.serving.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Do nothing: signals are the kit's."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; raises Unavailable when the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        text = f"cannot listen on {host}:{port}: {error}; choose another PLACET_PORT or PLACET_HOST"
        raise Unavailable("DEPENDENCY_UNAVAILABLE", text) from None
    return bound


def http_server(app: Any, settings: Settings) -> HttpServer:
    """Return a server for the application, not yet serving."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        timeout_graceful_shutdown=max(1, int(settings.stop_grace)),
        **_tls(settings),
    )
    return HttpServer(config)


def _tls(settings: Settings) -> dict[str, Any]:
    if settings.tls_cert is None:
        return {}
    asked = {"ssl_ca_certs": str(settings.tls_client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return {
        "ssl_certfile": str(settings.tls_cert),
        "ssl_keyfile": str(settings.tls_key),
        **(asked if settings.tls_client_ca else {}),
    }
