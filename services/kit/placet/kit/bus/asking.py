"""Requests that wait for their answer: one wildcard inbox, one callback each.

Owns the outcome of every request: exactly one of an answer, the error the other side answered with, or a typed reason
why there is none, never later than the deadline. Never retries and never keeps a request for later.
This is on the way of every face event: no task, no queue and no subscription is made per request.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

from placet.kit.bus import frames
from placet.kit.bus.connection import Connection
from placet.kit.bus.errors import AnswerLate, BusForbidden, DeadlinePassed, NoResponders, PayloadTooLarge
from placet.kit.errors import PlacetError
from placet.kit.telemetry.metrics import Metrics

_NO_RESPONDERS: Final = "503"


# Takes the answer, or the typed reason why there is none: called once, in the reading task; must not block or raise.
Done: TypeAlias = Callable[[bytes | PlacetError], None]


class _Waiting:
    """A request that waits for its answer."""

    __slots__ = ("done", "subject", "timer")

    def __init__(self, subject: str, done: Done, timer: asyncio.TimerHandle) -> None:
        self.subject = subject
        self.done = done
        self.timer = timer


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
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        number = self.ask(subject, payload, deadline, headers, partial(_settle, answer))
        try:
            return await answer
        finally:
            self._drop(number)

    def ask(self, subject: str, payload: bytes, deadline: int, headers: Mapping[str, str] | None, done: Done) -> bytes:
        """Send a request whose outcome goes to `done`; return its number.

        Raises, and never calls `done`, when it cannot be sent or its deadline has passed.
        """
        try:
            left = (deadline - self._clock()) / 1e6
            if left <= 0:
                raise DeadlinePassed
            self._number += 1
            number = b"%d" % self._number
            self.send(subject, self._prefix + number, payload, headers)
        except PlacetError as error:
            self._failures.add(reason=error.reason)
            raise
        self._sent.value += 1
        timer = asyncio.get_running_loop().call_later(left, self._expire, number)
        self._waiting[number] = _Waiting(subject, done, timer)
        return number

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
        for number in list(self._waiting):
            self._finish(number, error())

    def forbid(self, subject: str) -> None:
        """Fail what waits on a subject (in lower case) that our credentials may not publish to."""
        for number, waiting in list(self._waiting.items()):
            if waiting.subject.lower() == subject:
                self._finish(number, BusForbidden(waiting.subject, "publish to"))

    def _on_answer(self, subject: bytes, _reply: bytes, data: bytes, headers: bytes | None) -> None:
        number = subject[len(self._prefix) :]
        waiting = self._waiting.get(number)
        if waiting is None:
            self._late.value += 1
        elif headers is None:
            self._finish(number, data)
        elif frames.status(headers) == _NO_RESPONDERS:
            self._finish(number, NoResponders(waiting.subject))
        else:
            self._finish(number, frames.error_in(headers) or data)

    def _expire(self, number: bytes) -> None:
        self._finish(number, AnswerLate())

    def _finish(self, number: bytes, outcome: bytes | PlacetError) -> None:
        waiting = self._drop(number)
        if waiting is None:
            return
        if isinstance(outcome, PlacetError):
            self._failures.add(reason=outcome.reason)
        waiting.done(outcome)

    def _drop(self, number: bytes) -> _Waiting | None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            waiting.timer.cancel()
        return waiting


def _settle(answer: "asyncio.Future[bytes]", outcome: bytes | PlacetError) -> None:
    if answer.done():
        return
    if isinstance(outcome, PlacetError):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)
