"""Many events in one request, or in an endless stream of requests.

Owns `ask_batch`, one message with retries, and `EventStream`, which keeps several messages ahead of their answers on
one gRPC stream and falls back to single messages, with the same ids, when the stream breaks. Answers come in order.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import grpc.aio

from placet.api.permission.v1 import permission_pb2 as pb
from placet.sdk.config import MAX_BATCH
from placet.sdk.errors import Invalid, PlacetError, ProofError, Unreachable
from placet.sdk.judge import judge_batch
from placet.sdk.model.faces import Decision, FaceEvent
from placet.sdk.session import Session
from placet.sdk.transport.methods import AUTHORIZE_BATCH, AUTHORIZE_STREAM
from placet.sdk.transport.status import error_of
from placet.sdk.trust import Tree
from placet.sdk.wire.faces import Asked

_EVENT: Final = re.compile(r"events\[([0-9]{1,3})\]")


async def ask_batch(session: Session, asked: list[Asked], deadline: float, begin: int = 0) -> list[Decision]:
    """Send one message of events, again with the same ids as long as that may help; return the verified decisions.

    `begin` is where the message starts among the caller's events: an error names the field by the caller's count.
    """
    request = message_of(session, asked)

    def told(size: int) -> None:
        for one in asked:
            one.seen += (size,)

    try:
        response, anchor = await session.ask(AUTHORIZE_BATCH, request, deadline, told)
    except PlacetError as error:
        error.field = _counted_from(begin, error.field)
        raise
    return await judged(session, asked, response, anchor, deadline)


def _counted_from(begin: int, field: str | None) -> str | None:
    match = _EVENT.match(field or "")
    return f"events[{int(match[1]) + begin}]{(field or '')[match.end() :]}" if match else field


def message_of(session: Session, asked: list[Asked]) -> pb.AuthorizeBatchRequest:
    """Return the message of a batch; `seen` is set when it is sent."""
    return pb.AuthorizeBatchRequest(
        controller=session.controller, events=[one.message for one in asked], after=session.after
    )


async def judged(
    session: Session, asked: list[Asked], response: pb.AuthorizeBatchResponse, anchor: Tree, deadline: float
) -> list[Decision]:
    """Return the decisions of a batch; raises ProofError if any of them is not proven."""
    decisions = []
    for one in await judge_batch(session, asked, response, anchor, deadline):
        if isinstance(one, ProofError):
            raise one
        decisions.append(one)
    return decisions


@dataclass(slots=True)
class Flying:
    """A message on its way and what was held when it was sent."""

    asked: list[Asked]
    anchor: Tree
    begin: int


@dataclass(slots=True)
class EventStream:
    """One run of events; used once."""

    session: Session
    ask: Callable[[FaceEvent, str], Asked]
    batch_size: int
    in_flight: int
    timeout: float | None
    _sent: int = 0
    _flying: deque[Flying] = field(default_factory=deque)
    _call: grpc.aio.StreamStreamCall | None = None  # type: ignore[type-arg]

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= MAX_BATCH:
            raise Invalid("FIELD_INVALID", f"a message holds 1 to {MAX_BATCH} events", field="batch_size")
        if not 1 <= self.in_flight <= 64:
            raise Invalid("FIELD_INVALID", "1 to 64 messages may be ahead of the answers", field="in_flight")

    async def run(self, events: AsyncIterable[FaceEvent] | Iterable[FaceEvent]) -> AsyncIterator[Decision]:
        """Yield the verified decisions of the events, in order."""
        feed = Feed(events, self.batch_size)
        try:
            while True:
                # Send while there is room and something is there; wait for events only when no answer is due.
                while len(self._flying) < self.in_flight:
                    batch = await feed.next(wait=not self._flying)
                    if batch is None:
                        break
                    await self._send(batch)
                if not self._flying:
                    return
                for decision in await self._receive():
                    yield decision
        finally:
            await feed.close()
            if self._call is not None:
                self._call.cancel()

    async def _send(self, events: list[FaceEvent]) -> None:
        asked = [self.ask(event, f"events[{self._sent + at}]") for at, event in enumerate(events)]
        flying = Flying(asked, self.session.trust.head, self._sent)
        self._sent += len(events)
        self._flying.append(flying)
        if self._call is None:
            if len(self._flying) > 1:
                return  # the stream broke; what is due goes as single messages first
            metadata = self.session.metadata()
            self._call = self.session.channels.both_streams(AUTHORIZE_STREAM)(metadata=metadata)
        request = message_of(self.session, asked)
        request.seen = flying.anchor.size
        for one in asked:
            one.seen += (flying.anchor.size,)
        try:
            await self._call.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            self._call = None

    async def _receive(self) -> list[Decision]:
        session, flying = self.session, self._flying.popleft()
        deadline = session.deadline(self.timeout)
        response = await self._read(deadline, flying.begin) if self._call is not None else None
        if response is None:
            return await ask_batch(session, flying.asked, deadline, flying.begin)
        return await judged(session, flying.asked, response, flying.anchor, deadline)

    async def _read(self, deadline: float, begin: int) -> pb.AuthorizeBatchResponse | None:
        """Return the next answer, None if the stream broke in a way that a repetition may mend."""
        call, session = self._call, self.session
        assert call is not None
        try:
            async with asyncio.timeout(deadline - session.sources.monotonic()):
                response = await call.read()
        except TimeoutError:
            self._call = None
            call.cancel()
            raise Unreachable("DEADLINE_PASSED", "the stream gave no answer within the deadline") from None
        except grpc.aio.AioRpcError as failure:
            self._call = None
            error = error_of(failure)
            error.field = _counted_from(begin, error.field)
            if session.pause(error, 0, deadline) is None:
                raise error from failure
            return None
        if response is grpc.aio.EOF:
            self._call = None
            return None
        assert isinstance(response, pb.AuthorizeBatchResponse)
        return response


class Feed:
    """Takes events from whoever has them, as many as are there."""

    def __init__(self, events: AsyncIterable[FaceEvent] | Iterable[FaceEvent], size: int) -> None:
        self._size = size
        self._plain = iter(events) if isinstance(events, Iterable) else None
        self._queue: asyncio.Queue[FaceEvent | Exception | None] = asyncio.Queue(maxsize=size)
        self._task = None if isinstance(events, Iterable) else asyncio.ensure_future(self._pull(events))
        self._ended = False

    async def next(self, *, wait: bool) -> list[FaceEvent] | None:
        """Return at least one event, None if there is none (now, unless `wait`)."""
        if self._plain is not None:
            return list(islice(self._plain, self._size)) or None
        batch: list[FaceEvent] = []
        while not self._ended and len(batch) < self._size:
            if self._queue.empty() and (batch or not wait):
                break
            one = await self._queue.get()
            if isinstance(one, FaceEvent):
                batch.append(one)
                continue
            self._ended = True
            if isinstance(one, Exception):
                raise one
        return batch or None

    async def close(self) -> None:
        """Stop taking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _pull(self, events: AsyncIterable[FaceEvent]) -> None:
        try:
            async for event in events:
                await self._queue.put(event)
        except Exception as error:  # noqa: BLE001 (raised where the events are used)
            await self._queue.put(error)
        else:
            await self._queue.put(None)
