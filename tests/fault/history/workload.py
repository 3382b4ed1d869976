"""Concurrent clients through the SDK: people consent, are asked for from all sides, withdraw, and are asked for again.

Owns the lives: one person's consent from its grant to what is asked after its withdrawal. In each, several clients
send new events, repeat old ones (those whose answer was lost too), and compare under old permits, while one withdraws.
Every client has a session of its own, so none reads another's writes. Never: judges, or hurts the mesh.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

from fault.history.record import Kind, Outcome, Recorder, Told

from placet.sdk import (
    AsyncClient,
    CapturedConsent,
    Channel,
    Decision,
    Enrolled,
    Match,
    Operation,
    PermitWish,
    Template,
    Unreachable,
    WithdrawnConsent,
)

A = TypeVar("A")
OLD_EVENTS: Final = 8
PERMIT: Final = PermitWish(max_uses=1_000, lifetime=60)


@dataclass(slots=True, kw_only=True)
class Load:
    """What all lives share. `timeout` is each call's own, in seconds; `stopped` ends the lives that have not begun."""

    clients: Sequence[AsyncClient]
    notice: bytes
    recorder: Recorder
    chance: random.Random
    timeout: float
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    lived: int = 0
    people: int = 0

    async def run(self, lives: int) -> None:
        """Keep so many lives going until it is stopped; those that have begun end in their own time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(lives):
                group.create_task(self._one_after_another())

    async def one(self) -> None:
        """Live one life from the grant to the end."""
        self.people += 1
        await _Life(self, f"C-{self.people}").live()
        self.lived += 1

    async def _one_after_another(self) -> None:
        while not self.stopped.is_set():
            await self.one()

    def uuid(self) -> str:
        """Return a UUIDv7 of this campaign's chance."""
        milliseconds, rest = time.time_ns() // 1_000_000, self.chance.getrandbits(62)
        return str(UUID(int=milliseconds << 80 | 7 << 76 | self.chance.getrandbits(12) << 64 | 2 << 62 | rest))


class _Life:
    """One person."""

    def __init__(self, load: Load, customer: str) -> None:
        self._load = load
        self._customer = customer
        self._consent = load.uuid()
        self._served = load.uuid()
        # What is repeated is repeated exactly: times too.
        self._born = time.time_ns() // 1_000
        self._face = face(self._born)
        self._basis: int | None = None
        self._events: list[dict[str, Any]] = []
        self._permit = ""
        self._event = 0
        self._over = asyncio.Event()

    async def live(self) -> None:
        """Consent, enrol; be asked for by everyone at once; withdraw; be asked for again."""
        client, *others = self._load.chance.sample(self._load.clients, len(self._load.clients))
        await self._insist(lambda: self._be_told(client))
        await self._insist(lambda: self._grant(client))
        enrolment = self._request(Operation.ENROL)
        permitted = await self._insist(lambda: self._authorize(client, enrolment))
        assert permitted.permit, permitted
        use = self._load.uuid()
        await self._insist(lambda: self._enrol(client, permitted, use))
        first = await self._insist(lambda: self._authorize(client, self._request(Operation.VERIFY)))
        self._permit, self._event = first.permit or "", first.index
        async with asyncio.TaskGroup() as group:
            for other in others:
                group.create_task(self._ask_on(other))
            group.create_task(self._leave(client))

    async def _leave(self, client: AsyncClient) -> None:
        await asyncio.sleep(self._load.chance.uniform(0.05, 0.4))
        await self._insist(lambda: self._withdraw(client))
        self._over.set()
        await self._ask_everything(client)

    async def _ask_on(self, client: AsyncClient) -> None:
        while not self._over.is_set():
            await self._load.chance.choice((self._new, self._old, self._match))(client)
            await asyncio.sleep(self._load.chance.uniform(0, 0.01))
        await self._ask_everything(client)

    async def _ask_everything(self, client: AsyncClient) -> None:
        """Ask in every way at once: nothing of it may be allowed now."""
        await asyncio.gather(self._match(client), self._new(client), self._old(client))

    async def _new(self, client: AsyncClient) -> None:
        await self._authorize(client, self._request(Operation.VERIFY))

    async def _old(self, client: AsyncClient) -> None:
        again = await self._authorize(client, self._load.chance.choice(self._events))
        if again is not None and again.permit and again.repeated:
            await self._match(client, again.permit, again.index)

    async def _match(self, client: AsyncClient, permit: str = "", event: int = -1) -> None:
        key = self._load.uuid()
        asking = client.match(permit or self._permit, self._face, use_id=key, timeout=self._load.timeout)
        await self._call(Kind.USE, key, asking, self._read_use, event=event if permit else self._event)

    async def _be_told(self, client: AsyncClient) -> str | None:
        """Show the person the notice; nothing of it is in the ledger, so it is no operation of the history."""
        try:
            self._served = await client.record_notice_served(
                customer=self._customer,
                notice_hash=self._load.notice,
                language="en",
                channel=Channel.COUNTER,
                served_at=self._born,
                served_id=self._served,
                timeout=self._load.timeout,
            )
        except Unreachable:
            return None
        return self._served

    async def _grant(self, client: AsyncClient) -> CapturedConsent | None:
        asking = client.capture_consent(
            customer=self._customer,
            purpose="payment",
            notice_hash=self._load.notice,
            notice_served=self._served,
            operations=(Operation.ENROL, Operation.VERIFY),
            egress=True,
            language="en",
            channel=Channel.COUNTER,
            alternative="card-and-pin",
            consent_id=self._consent,
            timeout=self._load.timeout,
        )
        return await self._call(Kind.GRANT, self._consent, asking, self._read_grant)

    async def _withdraw(self, client: AsyncClient) -> WithdrawnConsent | None:
        asking = client.withdraw_consent(self._consent, timeout=self._load.timeout)
        return await self._call(Kind.WITHDRAW, self._consent, asking, self._read_withdrawal)

    async def _authorize(self, client: AsyncClient, request: dict[str, Any]) -> Decision | None:
        asking = client.authorize(**request, timeout=self._load.timeout)
        return await self._call(Kind.EVENT, request["event_id"], asking, self._read_event)

    async def _enrol(self, client: AsyncClient, permitted: Decision, use: str) -> Enrolled | None:
        asking = client.enrol(permitted.permit or "", self._face, use_id=use, timeout=self._load.timeout)
        return await self._call(Kind.USE, use, asking, self._read_use, event=permitted.index)

    async def _call(
        self, kind: Kind, key: str, asking: Awaitable[A], read: Callable[[A], Told], *, event: int | None = None
    ) -> A | None:
        recorder, timeout = self._load.recorder, self._load.timeout
        return await recorder.call(kind, key, asking, read, timeout=timeout, basis=self._basis, event=event)

    async def _insist(self, ask: Callable[[], Awaitable[A | None]]) -> A:
        """Repeat one request, with its own key, until it is answered."""
        while (answer := await ask()) is None:
            await asyncio.sleep(0.05)
        return answer

    def _request(self, operation: Operation) -> dict[str, Any]:
        """Return a new event, to be repeated as it is; the last few are remembered."""
        request = {
            "customer": self._customer,
            "purpose": "payment",
            "device": "counter-1",
            "operation": operation,
            "occurred": time.time_ns() // 1_000,
            "event_id": self._load.uuid(),
            "permit": PERMIT,
        }
        if operation is Operation.VERIFY:
            self._events = [*self._events[-OLD_EVENTS:], request]
        return request

    def _read_grant(self, answer: CapturedConsent) -> Told:
        self._basis = answer.consent.basis
        return Told(outcome=Outcome.DONE, index=answer.consent.granted, basis=self._basis)

    def _read_withdrawal(self, answer: WithdrawnConsent) -> Told:
        return Told(outcome=Outcome.DONE, index=answer.receipt.index, basis=answer.consent.basis)

    def _read_event(self, answer: Decision) -> Told:
        outcome = Outcome.ALLOWED if answer.allowed else Outcome.DENIED
        return Told(outcome=outcome, index=answer.index, basis=self._basis, permit=answer.permit is not None)

    def _read_use(self, answer: Match | Enrolled) -> Told:
        return Told(outcome=Outcome.ALLOWED, index=answer.receipt.index, basis=self._basis)


def face(captured: int) -> Template:
    """Return the face that everybody has here."""
    values = [((n * 37) % 101 - 50) / 50 for n in range(128)]
    return Template.of(values, model_id="m-1", model_sha256=b"m" * 32, quality=90, captured_at=captured)
