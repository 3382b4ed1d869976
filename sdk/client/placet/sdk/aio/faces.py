"""Face events: authorize one, many or a stream of them, check, record outcomes.

Every decision returned is in the ledger and proven. A denied event is a decision too; only `permit` turns it into the
exception `Denied`. When Placet cannot be reached `Unreachable` names the registered alternative (R9): no face is
processed, business goes on.
"""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from placet.api.permission.v1 import permission_pb2 as pb
from placet.sdk.aio.base import Area
from placet.sdk.aio.stream import EventStream, ask_batch
from placet.sdk.errors import Denied, Invalid, Unreachable
from placet.sdk.model.faces import Checked, Customer, Decision, FaceEvent, Permitted, PermitWish
from placet.sdk.transport.methods import CHECK, RECORD_OUTCOME
from placet.sdk.vocabulary import Inference, NationalChannel, Operation, Storage
from placet.sdk.wire.faces import Asked, checked_of

MAX_MESSAGE_EVENTS: Final = 512
ONE_USE: Final = PermitWish()


class Faces(Area):
    """Asked before a face is processed."""

    async def authorize(
        self,
        *,
        customer: Customer | None,
        purpose: str,
        device: str,
        operation: Operation,
        site: str | None = None,
        basis: int | None = None,
        inference: Inference | None = None,
        storage: Storage | None = None,
        egress: bool = False,
        disclosure: bool = False,
        sale_or_profit: bool = False,
        scraped_source: bool = False,
        national_channel: NationalChannel | None = None,
        occurred: datetime | int | None = None,
        offline: bool = False,
        frame: str | UUID | None = None,
        event_id: str | UUID | None = None,
        permit: PermitWish | None = ONE_USE,
        timeout: float | None = None,
    ) -> Decision:
        """Ask whether a face may be processed; the verified answer is in the ledger once this returns.

        Arguments as the fields of `FaceEvent`; `timeout` in seconds, retries included. Concurrent calls share messages.
        Raises Invalid, Unreachable (with the alternative), ProofError and the other errors of `placet.sdk.errors`.
        """
        deadline = self._session.deadline(timeout)
        asked = self._desk.ask(
            customer,
            purpose,
            device,
            operation,
            site,
            basis,
            inference,
            storage,
            egress,
            disclosure,
            sale_or_profit,
            scraped_source,
            national_channel,
            occurred,
            offline,
            frame,
            event_id,
            permit,
        )
        try:
            return await self._coalescer.submit(asked, deadline)
        except Unreachable as error:
            error.alternative = self._alternative(device, purpose)
            raise

    async def authorize_batch(self, events: Sequence[FaceEvent], *, timeout: float | None = None) -> list[Decision]:
        """Ask for many events at once; returns their verified decisions in the same order.

        More than 512 events go as several messages, one after the other. Raises ProofError if any of them is not
        proven; an error names the event's field as `events[n].field`. Repeating is safe for events that have an `id`.
        """
        deadline = self._session.deadline(timeout)
        asked = [self._ask(event, f"events[{at}]") for at, event in enumerate(events)]
        decisions: list[Decision] = []
        try:
            for begin in range(0, len(asked), MAX_MESSAGE_EVENTS):
                decisions += await ask_batch(self._session, asked[begin : begin + MAX_MESSAGE_EVENTS], deadline, begin)
        except Unreachable as error:
            error.alternative = self._alternative(events[0].device, events[0].purpose)
            raise
        return decisions

    async def authorize_stream(
        self,
        events: AsyncIterable[FaceEvent] | Iterable[FaceEvent],
        *,
        batch_size: int = 128,
        in_flight: int = 4,
        timeout: float | None = None,
    ) -> AsyncIterator[Decision]:
        """Ask for an endless run of events over one stream; yields their verified decisions in the same order.

        Whatever is there goes at once, at most `batch_size` a message and `in_flight` messages ahead of the answers;
        `timeout` is for each answer. A stream that breaks is opened again, with the same ids. Raises as `authorize`.
        """
        stream = EventStream(self._session, self._ask, batch_size=batch_size, in_flight=in_flight, timeout=timeout)
        async for decision in stream.run(events):
            yield decision

    async def check(
        self,
        *,
        customer: Customer | None,
        purpose: str,
        device: str,
        operation: Operation,
        site: str | None = None,
        basis: int | None = None,
        inference: Inference | None = None,
        storage: Storage | None = None,
        egress: bool = False,
        disclosure: bool = False,
        sale_or_profit: bool = False,
        scraped_source: bool = False,
        national_channel: NationalChannel | None = None,
        occurred: datetime | int | None = None,
        offline: bool = False,
        timeout: float | None = None,
    ) -> Checked:
        """Ask what `authorize` would say now. Records nothing and proves nothing: it is not a permission."""
        asked = self._desk.ask(
            customer,
            purpose,
            device,
            operation,
            site,
            basis,
            inference,
            storage,
            egress,
            disclosure,
            sale_or_profit,
            scraped_source,
            national_channel,
            occurred,
            offline,
            None,
            None,
            None,
        )
        session = self._session
        request = pb.CheckRequest(controller=session.controller, event=asked.message, after=session.after)
        try:
            return checked_of(await session.call(CHECK, request, session.deadline(timeout)))
        except Unreachable as error:
            error.alternative = self._alternative(device, purpose)
            raise

    async def record_outcome(self, of: int, result: str, *, timeout: float | None = None) -> None:
        """Record what became of an event or a use at ledger index `of`: a code such as `match`, `completed`, `error`.

        Accepted once this returns; it reaches the ledger even if that is down at the moment.
        """
        request = pb.RecordOutcomeRequest(controller=self.controller, of=of, result=result)
        await self._session.call(RECORD_OUTCOME, request, self._session.deadline(timeout))

    @asynccontextmanager
    async def permit(
        self,
        *,
        customer: Customer | None,
        purpose: str,
        device: str,
        operation: Operation,
        site: str | None = None,
        basis: int | None = None,
        inference: Inference | None = None,
        storage: Storage | None = None,
        egress: bool = False,
        national_channel: NationalChannel | None = None,
        occurred: datetime | int | None = None,
        frame: str | UUID | None = None,
        event_id: str | UUID | None = None,
        permit: PermitWish | None = ONE_USE,
        raise_denied: bool = True,
        timeout: float | None = None,
    ) -> AsyncIterator[Permitted]:
        """Authorize, run the body, and record its outcome: `completed`, `error` if it raised, or what the body set.

        Raises Denied (with the decision) instead of running the body, unless `raise_denied` is false; then look at
        `allowed`. Nothing is recorded for a denied event.
        """
        decision = await self.authorize(
            customer=customer,
            purpose=purpose,
            device=device,
            operation=operation,
            site=site,
            basis=basis,
            inference=inference,
            storage=storage,
            egress=egress,
            national_channel=national_channel,
            occurred=occurred,
            frame=frame,
            event_id=event_id,
            permit=permit,
            timeout=timeout,
        )
        if not decision.allowed and raise_denied:
            raise Denied(decision)
        permitted = Permitted(decision=decision)
        try:
            yield permitted
        except BaseException:
            if decision.allowed:
                await self._note_failure(permitted, timeout)
            raise
        if decision.allowed and permitted.outcome is not None:
            await self.record_outcome(decision.index, permitted.outcome, timeout=timeout)

    async def _note_failure(self, permitted: Permitted, timeout: float | None) -> None:
        """Record `error`, or what the body had set; a failure to do so never hides why the body failed."""
        outcome = "error" if permitted.outcome == "completed" else permitted.outcome
        if outcome is None:
            return
        try:
            await self.record_outcome(permitted.index, outcome, timeout=timeout)
        except Exception as error:  # noqa: BLE001 (the body's own error is the one to raise)
            permitted.unrecorded = error

    def _ask(self, event: FaceEvent, path: str) -> Asked:
        try:
            return self._desk.ask(
                event.customer,
                event.purpose,
                event.device,
                event.operation,
                event.site,
                event.basis,
                event.inference,
                event.storage,
                event.egress,
                event.disclosure,
                event.sale_or_profit,
                event.scraped_source,
                event.national_channel,
                event.occurred,
                event.offline,
                event.frame,
                event.id,
                event.permit,
            )
        except Invalid as error:
            error.field = f"{path}.{error.field}"
            raise

    def _alternative(self, device: str, purpose: str) -> str | None:
        known = self._session.alternatives
        return known.get(("device", device)) or known.get(("purpose", purpose))
