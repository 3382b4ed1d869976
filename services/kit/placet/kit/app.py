"""How a service's process lives: start in order, say so, serve, stop in reverse order.

Owns: `run` and `Stack`: event loop, signals, the ready file, what the process may leak (no core dumps), and the only
readings of clock and randomness (handed down from here). Everything else is in the service's own `app.py`.
Never: restarts anything by itself. A background task that dies stops the service: its supervisor starts it anew.
"""

import asyncio
import json
import logging
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Generic, TypeVar

import uvloop
from pydantic import ValidationError

from placet.kit import failpoints
from placet.kit.errors import PlacetError
from placet.kit.grpc.guard import Guard, Limits
from placet.kit.grpc.server import AddToServer, Listen, Server, Tls
from placet.kit.process import exit_with_parent, forbid_core_dumps, settle_memory
from placet.kit.security.jwks import KeySet, fetch_from
from placet.kit.security.jwt import TokenVerifier
from placet.kit.settings import PREFIX, BaseServiceSettings
from placet.kit.telemetry import logs
from placet.kit.telemetry.export import SpanLog, export_metrics
from placet.kit.telemetry.metrics import Metrics
from placet.kit.telemetry.tracing import Tracing, provider

S = TypeVar("S", bound=BaseServiceSettings)
T = TypeVar("T")
_HANG_AFTER_GRACE_S = 10.0
_log = logging.getLogger(__name__)


def now_us() -> int:
    """Return the time: UTC, unix microseconds."""
    return time.time_ns() // 1_000


class Stack(Generic[S]):
    """What a running service is made of, in the order it was started."""

    def __init__(self, settings: S) -> None:
        self.settings = settings
        self.now = now_us
        self.random: Callable[[int], bytes] = secrets.token_bytes
        self.metrics = Metrics()
        self.tracing = _tracing(settings)
        self.stopping = asyncio.Event()
        self.failed = False
        # Set by `serve`: a service that cannot work yet says so with `server.set_serving(False)`.
        self.server: Server | None = None
        self._exit = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def enter(self, manager: AbstractAsyncContextManager[T]) -> T:
        """Start something; it is stopped after everything that is started later."""
        return await self._exit.enter_async_context(manager)

    def on_stop(self, stop: Callable[[], Awaitable[object]]) -> None:
        """Call this when stopping, after everything that is started later was stopped."""
        self._exit.push_async_callback(stop)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Run work beside the calls; it is cancelled in its turn. If it fails, the service stops with status 1."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        self._exit.push_async_callback(_cancel, task)
        return task

    async def serve(self, *services: tuple[AddToServer, object]) -> int:
        """Serve gRPC with everything the settings ask for, write the ready file, and return the port.

        Call it last: calls must be the first thing to stop. Raises Unavailable when the key set or the port is not to
        be had, TypeError for a method that may not be served.
        """
        self.server = server = Server(_listen(self.settings), await self.guard())
        for add_to_server, servicer in services:
            server.add(add_to_server, servicer)
        port = await server.start()
        self.on_stop(lambda: server.stop(self.settings.stop_grace))
        self.ready(grpc=f"{self.settings.host}:{port}")
        return port

    async def guard(self) -> Guard:
        """Return the guard the settings ask for; the key set is loaded."""
        settings = self.settings
        keys = KeySet(fetch_from(settings.jwks), clock=self.now)
        await keys.load()
        verifier = TokenVerifier(
            keys, issuer=settings.issuer, audience=settings.audience, clock=self.now, leeway=settings.token_leeway
        )
        return Guard(
            verifier,
            clock=self.now,
            new_error_id=lambda: secrets.token_hex(8),
            metrics=self.metrics,
            tracing=self.tracing,
            limits=Limits(deadline_us=int(settings.max_deadline * 1e6)),
        )

    def ready(self, **addresses: str) -> None:
        """Say that the service serves: in the log, and in the ready file, which is removed when stopping begins."""
        said = {"service": self.settings.service, **addresses, "pid": os.getpid()}
        _log.info("ready", extra=said | {"service": self.settings.service})
        path = self.settings.ready_file
        if path is not None:
            self._exit.callback(path.unlink, missing_ok=True)
            _write(path, json.dumps(said))

    async def close(self) -> None:
        """Stop everything, the latest first."""
        await self._exit.aclose()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("background task %s failed: stopping", task.get_name(), exc_info=error)
            self.failed = True
            self.stopping.set()


def run(main: Callable[[Stack[S]], Awaitable[None]], load: Callable[[], S]) -> int:
    """Run a service until SIGTERM or SIGINT; returns the exit status.

    `main` starts everything on the stack and returns; whatever it raises stops the service with status 1. `load` is
    the class of its settings; what is wrong with them is said in words, with status 2.
    """
    forbid_core_dumps()
    try:
        settings = load()
    except ValidationError as error:
        sys.stderr.write(_in_words(error))
        return 2
    if settings.exit_with_parent:
        exit_with_parent(settings.exit_with_parent)
    logs.configure(service=settings.service, level=settings.log_level)
    failpoints.kill_at(settings.failpoint)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_live(main, settings))


def _in_words(error: ValidationError) -> str:
    """Name each wrong setting and what is wrong with it, without its value."""
    wrong = ((".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_input=False))
    return "".join(f"{PREFIX + name.upper() if name else 'settings'}: {text}\n" for name, text in wrong)


async def _live(main: Callable[[Stack[S]], Awaitable[None]], settings: S) -> int:
    stack = Stack(settings)
    _export_metrics(stack)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _begin_stop, stack)
    try:
        await _until_stopped(main, stack)
    except PlacetError as error:
        stack.failed = True
        _log.critical("cannot start: %s", error, extra={"reason": error.reason})
    except Exception as error:  # noqa: BLE001 (logged redacted; nothing above would)
        stack.failed = True
        _log.critical("cannot start", exc_info=error)
    finally:
        await _stop(stack)
    return 1 if stack.failed else 0


async def _until_stopped(main: Callable[[Stack[S]], Awaitable[None]], stack: Stack[S]) -> None:
    """Start; wait. A stop that is asked for while starting cancels the start."""
    asked = asyncio.ensure_future(stack.stopping.wait())
    starting = asyncio.ensure_future(main(stack))
    await asyncio.wait({asked, starting}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
    if not starting.cancelled():
        starting.result()
        settle_memory()
    await asked


async def _stop(stack: Stack[Any]) -> None:
    try:
        await stack.close()
    except Exception as error:  # noqa: BLE001 (everything that could be stopped was)
        stack.failed = True
        _log.error("stopping failed", exc_info=error)
    _log.info("stopped")


def _begin_stop(stack: Stack[Any]) -> None:
    """Begin to stop. Repeated signals change nothing (Ctrl-C reaches a whole group); hanging ends the process."""
    if stack.stopping.is_set():
        return
    stack.stopping.set()
    watchdog = threading.Timer(stack.settings.stop_grace + _HANG_AFTER_GRACE_S, _give_up)
    watchdog.daemon = True
    watchdog.start()


def _give_up() -> None:
    _log.critical("stopping took too long: leaving")
    sys.stderr.flush()
    os._exit(1)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _export_metrics(stack: Stack[Any]) -> None:
    if stack.settings.metrics_interval > 0:
        exported = export_metrics(stack.metrics, every=stack.settings.metrics_interval)
        stack.on_stop(lambda: asyncio.to_thread(exported.shutdown))


def _listen(settings: BaseServiceSettings) -> Listen:
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = Tls(certificate=settings.tls_cert, key=settings.tls_key, client_ca=settings.tls_client_ca)
    return Listen(host=settings.host, port=settings.port, tls=tls, max_concurrent=settings.max_concurrent)


def _tracing(settings: BaseServiceSettings) -> Tracing:
    if settings.sample_ratio <= 0:
        return Tracing()
    return Tracing(provider(SpanLog()).get_tracer("placet"), ratio=settings.sample_ratio, dice=random.random)


def _write(path: Path, text: str) -> None:
    """Write a file that is whole whenever it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(path)
