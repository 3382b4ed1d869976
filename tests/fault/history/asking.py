"""What clients ask for under one basis: events new and old, alone, in batches and in streams, and comparisons.

Owns the requests, each to be repeated exactly as it was, and what an answer says to the history. Old events are
repeated also when their answer was lost; comparisons go on under old permits. Never: ends the basis (`lives.py`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from fault.history.record import Kind, Outcome, Told
from fault.history.workload import Load

from placet.sdk import AsyncClient, Decision, Enrolled, FaceEvent, Match, Operation, PermitWish, Template

A = TypeVar("A")
OLD_EVENTS: Final = 8
PERMIT: Final = PermitWish(max_uses=1_000, lifetime=60)
BATCH: Final = 4
LONGEST_STREAM: Final = 12


class Asking:
    """One basis for one purpose, and all that is asked for under it; `named`: events name the basis, not a person."""

    purpose = "payment"
    named = False

    def __init__(self, load: Load, customer: str) -> None:
        self.load = load
        self.customer = customer
        # What is repeated is repeated exactly: times too.
        self.born = time.time_ns() // 1_000
        self.basis: int | None = None
        self._face = face(self.born)
        self._events: list[dict[str, Any]] = []
        self._permit = ""
        self._event = 0
        self.over = asyncio.Event()

    async def enrol(self, client: AsyncClient, insist: Callable[..., Awaitable[Any]]) -> None:
        """Store the face, and get the permit for comparing it again and again."""
        request = self._request(Operation.ENROL)
        permitted = await insist(lambda: self._authorize(client, request))
        assert permitted.permit, permitted
        use = self.load.uuid()
        await insist(lambda: self._enrol(client, permitted, use))
        verifying = self._request(Operation.VERIFY)
        first = await insist(lambda: self._authorize(client, verifying))
        self._permit, self._event = first.permit or "", first.index

    async def ask_on(self, client: AsyncClient) -> None:
        """Ask in one way after the other until the basis has ended, then in every way once more."""
        while not self.over.is_set():
            ways = (self._new, self._old, self._match, self._batch, self._stream)
            await self.load.chance.choice(ways)(client)
            await asyncio.sleep(self.load.chance.uniform(0, 0.01))
        await self.ask_everything(client)

    async def ask_everything(self, client: AsyncClient) -> None:
        """Ask in every way at once: nothing of it may be allowed once the basis has ended."""
        ways = (self._match, self._new, self._old, self._batch, self._stream)
        await asyncio.gather(*(way(client) for way in ways))

    async def _new(self, client: AsyncClient) -> None:
        await self._authorize(client, self._request(Operation.VERIFY))

    async def _old(self, client: AsyncClient) -> None:
        again = await self._authorize(client, self.load.chance.choice(self._events))
        if again is not None and again.permit and again.repeated:
            await self._match(client, again.permit, again.index)

    async def _batch(self, client: AsyncClient) -> None:
        old = self.load.chance.sample(self._events, min(2, len(self._events)))
        requests = [*old, *(self._request(Operation.VERIFY) for _ in range(BATCH - len(old)))]
        events = [_event(request) for request in requests]
        await self.load.recorder.batch(
            [request["event_id"] for request in requests],
            client.authorize_batch(events, timeout=self.load.timeout),
            self._read_event,
            timeout=self.load.timeout,
            basis=self.basis,
        )

    async def _stream(self, client: AsyncClient) -> None:
        """Run a stream of small messages, over the end of the basis if that comes meanwhile."""

        def events() -> Iterator[tuple[str, FaceEvent]]:
            after = 0
            for _ in range(LONGEST_STREAM):
                request = self._request(Operation.VERIFY)
                after += self.over.is_set()
                yield request["event_id"], _event(request)
                if after > 2:
                    return

        await self.load.recorder.stream(
            events(),
            lambda feed: client.authorize_stream(feed, batch_size=2, in_flight=2, timeout=self.load.timeout),
            self._read_event,
            timeout=self.load.timeout,
            basis=self.basis,
        )

    async def _match(self, client: AsyncClient, permit: str = "", event: int = -1) -> None:
        key = self.load.uuid()
        asking = client.match(permit or self._permit, self._face, use_id=key, timeout=self.load.timeout)
        await self.call(Kind.USE, key, asking, self._read_use, event=event if permit else self._event)

    async def _authorize(self, client: AsyncClient, request: dict[str, Any]) -> Decision | None:
        asking = client.authorize(**request, timeout=self.load.timeout)
        return await self.call(Kind.EVENT, request["event_id"], asking, self._read_event)

    async def _enrol(self, client: AsyncClient, permitted: Decision, use: str) -> Enrolled | None:
        asking = client.enrol(permitted.permit or "", self._face, use_id=use, timeout=self.load.timeout)
        return await self.call(Kind.USE, use, asking, self._read_use, event=permitted.index)

    async def call(
        self, kind: Kind, key: str, asking: Awaitable[A], read: Callable[[A], Told], **more: Any
    ) -> A | None:
        """Make one call of the history."""
        told = {"basis": self.basis, **more}
        return await self.load.recorder.call(kind, key, asking, read, timeout=self.load.timeout, **told)

    def _request(self, operation: Operation) -> dict[str, Any]:
        """Return a new event, to be repeated as it is; the last few are remembered."""
        request = {
            "customer": None if self.named else self.customer,
            "basis": self.basis if self.named else None,
            "purpose": self.purpose,
            "device": "counter-1",
            "operation": operation,
            "occurred": time.time_ns() // 1_000,
            "event_id": self.load.uuid(),
            "permit": PERMIT,
        }
        if operation is Operation.VERIFY:
            self._events = [*self._events[-OLD_EVENTS:], request]
        return request

    def _read_event(self, answer: Decision) -> Told:
        outcome = Outcome.ALLOWED if answer.allowed else Outcome.DENIED
        return Told(outcome=outcome, index=answer.index, basis=self.basis, permit=answer.permit is not None)

    def _read_use(self, answer: Match | Enrolled) -> Told:
        return Told(outcome=Outcome.ALLOWED, index=answer.receipt.index, basis=self.basis)


def _event(request: dict[str, Any]) -> FaceEvent:
    return FaceEvent(id=request["event_id"], **{name: value for name, value in request.items() if name != "event_id"})


def face(captured: int) -> Template:
    """Return the face that everybody has here."""
    values: Sequence[float] = [((n * 37) % 101 - 50) / 50 for n in range(128)]
    return Template.of(values, model_id="m-1", model_sha256=b"m" * 32, quality=90, captured_at=captured)
