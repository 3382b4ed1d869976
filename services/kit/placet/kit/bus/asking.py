"""Requests that wait for their answer: one wildcard inbox, one future each.

Owns the outcome of every request: exactly one of an answer, the error the other side answered with, or a typed reason
why there is none, never later than the deadline. Never retries and never keeps a request for later.
This is on the way of every face event: no task, no queue and no subscription is made per request.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from placet.kit.bus import frames
from placet.kit.bus.connection import Connection
from placet.kit.bus.errors import AnswerLate, BusForbidden, DeadlinePassed, NoResponders, PayloadTooLarge
from placet.kit.errors import PlacetError
from placet.kit.telemetry.metrics import Metrics

_NO_RESPONDERS: Final = "503"


class _Waiting:
    """A request that waits for its answer."""

    __slots__ = ("future", "subject")

    def __init__(self, subject: str, future: "asyncio.Future[bytes]") -> None:
        self.subject = subject
        self.future = future


class Asking:
    """The requests of one connection."""

    def __init__(self, connection: Connection, inbox: str, clock: Callable[[], int], metrics: Metrics) -> None:
        self._connection = connection
        self._prefix = f"{inbox}.".encode()
        self._clock = clock
        # Invariant: a request stands here from when it is sent until its caller has its outcome.
        self._waiting: dict[bytes, _Waiting] = {}
        self._number = 0
        self._sent = metrics.counter("placet.bus.requests", "Requests sent to other services").bind()
        self._failures = metrics.counter("placet.bus.failures", "Requests that got no answer, by reason")
        self._late = metrics.counter("placet.bus.late_answers", "Answers that came after their deadline").bind()

    def listen(self) -> None:
        """Subscribe to the answers; once, after the first connection."""
        self._connection.listen(f"{self._prefix.decode()}*", "", self._on_answer)

    async def request(self, subject: str, payload: bytes, deadline: int, headers: Mapping[str, str] | None) -> bytes:
        """Send a request and return its answer, as `Bus.request` promises."""
        try:
            return await self._request(subject, payload, deadline, headers)
        except PlacetError as error:
            self._failures.add(reason=error.reason)
            raise

    async def _request(self, subject: str, payload: bytes, deadline: int, headers: Mapping[str, str] | None) -> bytes:
        left = (deadline - self._clock()) / 1e6
        if left <= 0:
            raise DeadlinePassed
        self._number += 1
        number = b"%d" % self._number
        self.send(subject, self._prefix + number, payload, headers)
        self._sent.value += 1
        loop = asyncio.get_running_loop()
        waiting = _Waiting(subject, loop.create_future())
        self._waiting[number] = waiting
        timer = loop.call_later(left, _expire, waiting.future)
        try:
            return await waiting.future
        finally:
            timer.cancel()
            del self._waiting[number]

    def send(self, subject: str, reply: bytes, payload: bytes, headers: Mapping[str, str] | None) -> None:
        """Send a message now; raises BusDown, PayloadTooLarge or Invalid with nothing sent."""
        target = frames.subject_bytes(subject)
        if headers is None:
            size, frame = len(payload), frames.pub(target, reply, payload)
        else:
            block = frames.header_block(headers)
            size, frame = len(payload) + len(block), frames.hpub(target, reply, block, payload)
        limit = self._connection.max_payload
        if size > limit:
            raise PayloadTooLarge(size, limit)
        self._connection.send(frame)

    def fail_all(self, error: Callable[[], PlacetError]) -> None:
        """Fail everything that waits: no answer will come."""
        for waiting in self._waiting.values():
            if not waiting.future.done():
                waiting.future.set_exception(error())

    def forbid(self, subject: str) -> None:
        """Fail what waits on a subject (in lower case) that our credentials may not publish to."""
        for waiting in self._waiting.values():
            if waiting.subject.lower() == subject and not waiting.future.done():
                waiting.future.set_exception(BusForbidden(waiting.subject, "publish to"))

    def _on_answer(self, subject: bytes, _reply: bytes, data: bytes, headers: bytes | None) -> None:
        waiting = self._waiting.get(subject[len(self._prefix) :])
        if waiting is None or waiting.future.done():
            self._late.value += 1
        elif headers is None:
            waiting.future.set_result(data)
        elif frames.status(headers) == _NO_RESPONDERS:
            waiting.future.set_exception(NoResponders(waiting.subject))
        elif (error := frames.error_in(headers)) is not None:
            waiting.future.set_exception(error)
        else:
            waiting.future.set_result(data)


def _expire(future: "asyncio.Future[bytes]") -> None:
    if not future.done():
        future.set_exception(AnswerLate())
