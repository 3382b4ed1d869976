"""The witness over HTTP: `POST /add-checkpoint` and `GET /<hex sha256(origin)>/checkpoint` (C2SP `tlog-witness`).

Owns what every server must bound: the size of a request, the time it may take, how many are served at once. Knows
nothing of what is asked. Plain HTTP with keep-alive: TLS is for a proxy in front of it.
"""

import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from threading import BoundedSemaphore
from typing import Any, ClassVar, Final

from placet.sdk.witness.witness import Answer, Witness
from placet.tlog.addcheckpoint import ADD_CHECKPOINT, MAX_REQUEST_BYTES

MAX_CONNECTIONS: Final = 64
IDLE_S: Final = 60.0
_log = logging.getLogger(__name__)


class WitnessServer(ThreadingHTTPServer):
    """A thread for each connection, and no more than so many."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], witness: Witness) -> None:
        self.witness = witness
        self._free = BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, or close it when as many as may be are open."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end, in its own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """Say what went wrong with a connection."""
        _log.warning("a connection failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "placet-witness"
    sys_version = ""
    timeout: ClassVar[float] = IDLE_S
    disable_nagle_algorithm = True  # head and body are two writes

    def do_POST(self) -> None:
        if self.path != f"/{ADD_CHECKPOINT}":
            self._refuse(404, "the one call is POST /add-checkpoint")
            return
        body = self._body()
        if body is not None:
            self._send(self._answer(body))

    def do_GET(self) -> None:
        if self.path == f"/{ADD_CHECKPOINT}":
            self._send(Answer(status=405, body="use POST\n"))
            return
        _, name, last = [*self.path.split("/"), "", ""][:3]
        note = self.server.witness.checkpoint(name) if self.path == f"/{name}/checkpoint" and last else None
        if note is None:
            self._send(Answer(status=404, body="no checkpoint of such a log was cosigned here\n"))
        else:
            self._send(Answer(status=200, body=note))

    def _answer(self, body: bytes) -> Answer:
        try:
            return self.server.witness.add_checkpoint(body)
        except Exception:  # noqa: BLE001 (said in the log, with an alarm)
            _log.exception("a request could not be answered", extra={"alarm": True})
            return Answer(status=500, body="the witness failed: ask again later\n")

    def _body(self) -> bytes | None:
        """Return the request's body; None once it was refused, and the connection with it."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._refuse(411, "say how long the request is (Content-Length)")
            return None
        if int(length) > MAX_REQUEST_BYTES:
            self._refuse(413, f"a request has at most {MAX_REQUEST_BYTES} bytes")
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: int, message: str) -> None:
        """Answer without having read the body, which ends the connection."""
        self.close_connection = True
        self._send(Answer(status=status, body=message + "\n"))

    def _send(self, answer: Answer) -> None:
        data = answer.body.encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is the base class's)
        _log.debug(format, *args)
