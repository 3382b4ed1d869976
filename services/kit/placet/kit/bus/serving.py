"""Answering requests on a subject: each in a task of its own, a bounded number at a time.

Owns what a requester gets when the handler fails: a `PlacetError` travels as it is, anything else is INTERNAL with an
error id that stands in our log; never the text of an exception (nats.micro sends its repr: promises.md).
Never queues: beyond its bound the answer is an immediate TooManyAtOnce.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from placet.kit.bus import frames
from placet.kit.bus.connection import Connection
from placet.kit.bus.errors import AnswerTooLarge, BusDown, TooManyAtOnce
from placet.kit.errors import Kind, PlacetError

GRACE_S: Final = 5.0
MAX_INFLIGHT: Final = 1_024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the subject it came on, and the payload. The handler must check both."""

    subject: str
    payload: bytes


Handler: TypeAlias = Callable[[Request], Awaitable[bytes]]
Reply: TypeAlias = Callable[[bytes], None]
# Answers later, by calling the reply once; must not block.
LaterHandler: TypeAlias = Callable[[Request, Reply], None]


class Serving:
    """One subscription that is answered; made by `Bus.serve`."""

    def __init__(
        self,
        connection: Connection,
        subject: str,
        queue: str,
        handler: Handler,
        *,
        max_inflight: int,
        random: Callable[[int], bytes],
    ) -> None:
        self._connection = connection
        self._handler = handler
        self._max_inflight = max_inflight
        self._random = random
        self._stopped: Callable[[], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        group = frames.token(queue, "queue") if queue else ""
        self._sid = connection.listen(frames.subject_bytes(subject).decode(), group, self._deliver)

    @property
    def inflight(self) -> int:
        """Return how many requests are being answered."""
        return len(self._tasks)

    def on_stop(self, call: Callable[[], None]) -> None:
        """Have a function called when this stops."""
        self._stopped = call

    async def stop(self, grace: float = GRACE_S) -> None:
        """Take no more requests, and give those that run `grace` seconds to be answered."""
        self._connection.unlisten(self._sid)
        if self._stopped is not None:
            self._stopped()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=grace)
            for task in late:
                task.cancel()

    def _deliver(self, subject: bytes, reply: bytes, data: bytes, _headers: bytes | None) -> None:
        if len(self._tasks) >= self._max_inflight:
            self._refuse(reply, TooManyAtOnce(len(self._tasks)))
            return
        task = asyncio.get_running_loop().create_task(self._answer(subject, reply, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, subject: bytes, reply: bytes, data: bytes) -> None:
        try:
            answer = await self._handler(Request(subject.decode("utf-8", "replace"), data))
            limit = self._connection.max_payload
            if len(answer) > limit:
                raise AnswerTooLarge(len(answer), limit)
        except PlacetError as error:
            self._refuse(reply, error)
        except Exception:  # noqa: BLE001 - the requester gets an answer, and nothing about our insides
            self._refuse(reply, self._internal(subject))
        else:
            self._send(frames.pub(reply, b"", answer), reply)

    def _refuse(self, reply: bytes, error: PlacetError) -> None:
        self._send(frames.hpub(reply, b"", frames.error_block(error), b""), reply)

    def _send(self, frame: bytes, reply: bytes) -> None:
        if not reply:
            return
        try:
            self._connection.send(frame)
        except BusDown:
            _log.warning("an answer was lost with the connection to NATS; the requester will ask again")

    def _internal(self, subject: bytes) -> PlacetError:
        error_id = self._random(8).hex()
        _log.exception("a request failed", extra={"error_id": error_id, "subject": subject.decode("utf-8", "replace")})
        return PlacetError(
            Kind.INTERNAL, "INTERNAL", f"internal error {error_id}; it is in the log", metadata={"error_id": error_id}
        )


class ServingLater(Serving):
    """A subscription whose requests are handed to a plain function, which answers when it can; `Bus.serve_later`.

    Costs no task per request. Invariant: every request that was taken is answered once, or its connection is gone.
    """

    def __init__(
        self,
        connection: Connection,
        subject: str,
        queue: str,
        handler: LaterHandler,
        *,
        max_inflight: int,
        random: Callable[[int], bytes],
    ) -> None:
        self._later = handler
        self._open = 0
        self._idle = asyncio.Event()
        super().__init__(connection, subject, queue, _never, max_inflight=max_inflight, random=random)

    @property
    def inflight(self) -> int:
        """Return how many requests wait for their answer."""
        return self._open

    async def stop(self, grace: float = GRACE_S) -> None:
        """Take no more requests, and give those that wait `grace` seconds to be answered."""
        await super().stop(grace)
        if self._open:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace)

    def _deliver(self, subject: bytes, reply: bytes, data: bytes, _headers: bytes | None) -> None:
        if self._open >= self._max_inflight:
            self._refuse(reply, TooManyAtOnce(self._open))
            return
        self._open += 1
        self._idle.clear()
        try:
            self._later(Request(subject.decode("utf-8", "replace"), data), partial(self._done, reply))
        except Exception as error:  # noqa: BLE001 - the requester gets an answer, and nothing about our insides
            self._close()
            self._refuse(reply, error if isinstance(error, PlacetError) else self._internal(subject))

    def _done(self, reply: bytes, answer: bytes) -> None:
        self._close()
        limit = self._connection.max_payload
        if len(answer) > limit:
            self._refuse(reply, AnswerTooLarge(len(answer), limit))
        else:
            self._send(frames.pub(reply, b"", answer), reply)

    def _close(self) -> None:
        self._open -= 1
        if not self._open:
            self._idle.set()


async def _never(_request: Request) -> bytes:
    raise NotImplementedError
