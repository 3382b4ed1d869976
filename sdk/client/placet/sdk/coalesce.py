"""Concurrent `authorize` calls merged into batches, without anyone waiting for company.

Owns the queue of waiting events, the batches in flight, their retries and each caller's own deadline. While `lanes`
batches are in flight the rest wait and go together; what is alone goes as a single Authorize. Each caller gets its own
verified decision or its own error: a caller that gives up, or an event that the service refuses, disturbs no other.
"""

import asyncio
import re
from collections import deque
from typing import Final

from placet.api.permission.v1 import permission_pb2 as pb
from placet.sdk.config import Coalescing
from placet.sdk.errors import Conflict, Internal, Invalid, NotFound, PlacetError, Precondition, ProofError, Unreachable
from placet.sdk.judge import judge_batch, judge_one
from placet.sdk.model.faces import Decision
from placet.sdk.session import Session
from placet.sdk.transport.methods import AUTHORIZE, AUTHORIZE_BATCH
from placet.sdk.wire.faces import Asked

_CULPRIT: Final = re.compile(r"events\[([0-9]{1,3})\]\.?(.*)")
_OF_ONE_EVENT: Final = (Invalid, NotFound, Precondition, Conflict)


class Waiting:
    """One caller: the event, where its decision goes, and until when (monotonic seconds)."""

    __slots__ = ("asked", "deadline", "future", "last")

    def __init__(self, asked: Asked, deadline: float, future: "asyncio.Future[Decision]") -> None:
        self.asked = asked
        self.deadline = deadline
        self.future = future
        self.last: PlacetError | None = None

    def fail(self, error: PlacetError) -> None:
        """Give the caller an error, unless it has gone or has its answer."""
        if not self.future.done():
            self.future.set_exception(error)


class Coalescer:
    """Merges events into batches. Used on one event loop."""

    def __init__(self, session: Session, options: Coalescing) -> None:
        self._session = session
        self._options = options
        self._queue: deque[Waiting] = deque()
        self._flights: dict[asyncio.Task[None], list[Waiting]] = {}
        self._pumping = False
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = 0.0

    def submit(self, asked: Asked, deadline: float) -> "asyncio.Future[Decision]":
        """Return the future of the event's verified decision; cancel it to give up."""
        loop = asyncio.get_running_loop()
        one = Waiting(asked, deadline, loop.create_future())
        self._queue.append(one)
        if not self._pumping and len(self._flights) < self._lanes:
            self._pumping = True
            loop.call_soon(self._pump)
        if self._alarm is None or deadline < self._alarm_at:
            self._set_alarm(deadline)
        return one.future

    async def close(self) -> None:
        """Fail whoever still waits and stop what is in flight."""
        error = Unreachable("CLOSED", "the client was closed before the answer came")
        tasks = list(self._flights)
        for one in self._everyone():
            one.fail(error)
        self._queue.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._alarm is not None:
            self._alarm.cancel()

    @property
    def _lanes(self) -> int:
        return self._options.lanes if self._options.enabled else 1 << 30

    def _pump(self) -> None:
        """Send what waits, as far as lanes are free. Runs once a turn of the loop: who came meanwhile goes too."""
        self._pumping = False
        queue, options = self._queue, self._options
        while queue and len(self._flights) < self._lanes:
            count = min(len(queue), options.max_batch) if options.enabled else 1
            if not self._flights and len(queue) >= options.split and self._lanes > 1:
                count = min((len(queue) + 1) // 2, options.max_batch)
            batch = [one for one in (queue.popleft() for _ in range(count)) if not one.future.done()]
            if batch:
                task = asyncio.ensure_future(self._fly(batch))
                self._flights[task] = batch
                task.add_done_callback(self._landed)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        batch = self._flights.pop(task)
        if not task.cancelled() and task.exception() is not None:
            error = Internal("INTERNAL", f"the client failed: {task.exception()!r}")
            for one in batch:
                one.fail(error)
        if self._queue and not self._pumping:
            self._pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    async def _fly(self, batch: list[Waiting]) -> None:
        """Bring one batch through, again as long as that may help."""
        session, attempt = self._session, 0
        while batch := [one for one in batch if not one.future.done()]:
            deadline = max(one.deadline for one in batch)
            try:
                await (self._alone(batch[0], deadline) if len(batch) == 1 else self._together(batch, deadline))
            except PlacetError as error:
                delay = session.pause(error, attempt, deadline)
                if delay is None:
                    batch = self._refused(error, batch)
                    continue
                for one in batch:
                    one.last = error
                attempt += 1
                await asyncio.sleep(delay)

    async def _alone(self, one: Waiting, deadline: float) -> None:
        session = self._session
        asked, anchor = one.asked, session.trust.head
        asked.seen += (anchor.size,)
        request = pb.AuthorizeRequest(
            controller=session.controller, event=asked.message, seen=anchor.size, after=session.after
        )
        response = await session.attempt(AUTHORIZE, request, deadline)
        decision = await judge_one(session, asked, response, anchor, deadline)
        if not one.future.done():
            one.future.set_result(decision)

    async def _together(self, batch: list[Waiting], deadline: float) -> None:
        session = self._session
        anchor = session.trust.head
        seen = (anchor.size,)
        asked = [one.asked for one in batch]
        for event in asked:
            event.seen += seen
        request = pb.AuthorizeBatchRequest(
            controller=session.controller,
            events=[event.message for event in asked],
            seen=anchor.size,
            after=session.after,
        )
        response = await session.attempt(AUTHORIZE_BATCH, request, deadline)
        for one, judged in zip(batch, await judge_batch(session, asked, response, anchor, deadline), strict=True):
            if isinstance(judged, ProofError):
                one.fail(judged)
            elif not one.future.done():
                one.future.set_result(judged)

    def _refused(self, error: PlacetError, batch: list[Waiting]) -> list[Waiting]:
        """Fail whom an error is about; return those who go again without them."""
        if len(batch) == 1 or not isinstance(error, _OF_ONE_EVENT):
            for one in batch:
                one.fail(error)
            return []
        match = _CULPRIT.fullmatch(error.field or "")
        if match and int(match[1]) < len(batch):
            error.field = match[2] or "event"
            batch.pop(int(match[1])).fail(error)
            return batch
        # The service does not say which: each goes on its own.
        for one in batch[1:]:
            task = asyncio.ensure_future(self._fly([one]))
            self._flights[task] = [one]
            task.add_done_callback(self._landed)
        return batch[:1]

    def _everyone(self) -> list[Waiting]:
        return [*self._queue, *(one for batch in self._flights.values() for one in batch)]

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        delay = max(0.0, at - self._session.sources.monotonic())
        self._alarm = asyncio.get_running_loop().call_later(delay, self._ring)

    def _ring(self) -> None:
        """Fail everyone whose time is up, then wait for the next one's: one timer for all, however many they are."""
        self._alarm = None
        now = self._session.sources.monotonic()
        left = [one for one in self._everyone() if not one.future.done()]
        for one in left:
            if one.deadline <= now:
                last = f"; the last attempt said: {one.last}" if one.last else ""
                one.fail(Unreachable("DEADLINE_PASSED", f"no verified answer within the deadline{last}"))
        later = [one.deadline for one in left if one.deadline > now]
        if later:
            self._set_alarm(min(later))
