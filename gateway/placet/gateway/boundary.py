"""The outermost layer of the HTTP application: what holds for every answer, whatever is behind it.

Owns: security headers, the bound on requests at once, the answer to an exception that nobody foresaw, and the counter.
Never: reads a body (no route has one), counts by anything but route, method and status, or lets a traceback out.
Source: OWASP secure headers; console.md section 1 (strict CSP, no third-party request of any kind).
"""

from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from placet.gateway.problems import problem_response, unexpected
from placet.kit.errors import Exhausted
from placet.kit.telemetry.metrics import Counter

SECURITY_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
HSTS: Final = "max-age=31536000"


class Boundary:
    """ASGI middleware around everything."""

    def __init__(self, app: ASGIApp, *, max_concurrent: int, new_error_id: Callable[[], str], calls: Counter) -> None:
        self._app = app
        self._max = max_concurrent
        self._new_error_id = new_error_id
        self._calls = calls
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        answered = _Answered(send, tls=scope["scheme"] == "https")
        self._running += 1
        try:
            await self._serve(scope, receive, answered)
        finally:
            self._running -= 1
            route = getattr(scope.get("route"), "path", "none")
            self._calls.add(route=route, method=_method(scope["method"]), status=str(answered.status))

    async def _serve(self, scope: Scope, receive: Receive, answered: "_Answered") -> None:
        if self._running > self._max:
            error = Exhausted("QUEUE_FULL", "too many requests at once: come back after the retry delay")
            await problem_response(error)(scope, receive, answered)
            return
        try:
            await self._app(scope, receive, answered)
        except Exception as error:
            if answered.status:
                raise  # part of the answer is out: the server closes the connection
            known = unexpected(error, self._new_error_id())
            await problem_response(known)(scope, receive, answered)


class _Answered:
    """A `send` that adds the headers and remembers the status."""

    def __init__(self, send: Send, *, tls: bool) -> None:
        self._send = send
        self._tls = tls
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            if self._tls:
                headers.setdefault("strict-transport-security", HSTS)
        await self._send(message)


def _method(name: str) -> str:
    return name if name in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE") else "other"
