"""Delivers the outbox: in order, as often as it takes, also after a crash at any step.

Owns when a row is sent and what its delivery changes: in one transaction the row is marked done and, for a ledger row,
`settle` is called with the receipt or the final refusal, to update the state and put follow-up messages. Whoever marks
the row first settles it, so `settle` runs once a row however often it was delivered.
Rows of one controller and kind go in order, one batch after the other; a failing one holds its successors back and is
tried again with growing delay. With several replicas over one database rows may be sent twice, which their ids make
harmless, and the order holds only within a replica. Never loses a row: what is not done is sent again.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Self, TypeAlias

from sqlmodel import Session

from placet.kit.bus.outbox import Outbox, OutboxRow, RowKind
from placet.kit.bus.sending import Outcome, Publisher, Sender, is_final
from placet.kit.db.database import Database
from placet.kit.errors import PlacetError
from placet.kit.failpoints import Write
from placet.kit.ledger.messages import decode_decision
from placet.kit.ledger.port import Ledger
from placet.kit.ledger.receipts import Appended, Receipt
from placet.kit.telemetry.metrics import Metrics

# Called in the transaction that marks a ledger row done, with its receipt or the final refusal.
Settle: TypeAlias = Callable[[Session, OutboxRow, Receipt | PlacetError], None]
_Lane: TypeAlias = tuple[str, RowKind]

BATCH: Final = 64
ROUND: Final = 512
DELAYS_US: Final = (50_000, 250_000, 1_000_000, 5_000_000, 15_000_000)
POLL_US: Final = 5_000_000
KEEP_US: Final = 86_400_000_000
PRUNE_EVERY_US: Final = 3_600_000_000
_log = logging.getLogger(__name__)


def _settle_nothing(_session: Session, row: OutboxRow, outcome: Receipt | PlacetError) -> None:
    if isinstance(outcome, PlacetError):
        _log.error("the ledger refused an entry for good", extra={"about": row.about, "error": repr(outcome)})


class OutboxDispatcher:
    """Delivers one service's outbox. `async with` starts and stops the background."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        ledger: Ledger,
        publisher: Publisher,
        clock: Callable[[], int],
        settle: Settle = _settle_nothing,
        metrics: Metrics | None = None,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._ledger = ledger
        self._sender = Sender(ledger, publisher, clock)
        self._clock = clock
        self._settle_row = settle
        self._wake = asyncio.Event()
        self._own: set[str] = set()  # rows that `deliver` is busy with
        self._blocked: dict[_Lane, tuple[int, int]] = {}  # failures in a row, and when to try again
        self._task: asyncio.Task[None] | None = None
        self._pruned = 0
        rows = (metrics or Metrics()).counter("placet.outbox.rows", "Rows of the outbox, by outcome")
        self._done, self._refused, self._again = (rows.bind(outcome=o) for o in ("done", "refused", "again"))

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Begin to deliver what is pending."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; what is not delivered stays."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def kick(self) -> None:
        """Say that there are new rows; call it after the transaction that put them."""
        self._wake.set()

    async def deliver(self, row_id: str, *, deadline: int, seen: int = 0) -> Appended:
        """Append a ledger row's submission now, settle it, and return what was appended.

        May be repeated, also long after the row was done: the receipt is then proven against the newest checkpoint.
        Raises the final refusal, or Unavailable: then the row stays, and the background delivers it.
        Raises NotFound when the row was pruned: append again with the same key.
        """
        self._own.add(row_id)
        try:
            row = await self._database.read(lambda session: self._outbox.get(session, row_id))
            request = row.request()
            decisions = [decode_decision(raw) for raw in request.decisions]
            with Write.OUTBOX_APPEND:
                appended = await self._ledger.append(
                    row.controller, request.submissions, decisions, seen=seen, deadline=deadline
                )
            await self._settle([(row, outcome) for outcome in appended.outcomes if is_final(outcome)])
            appended.receipt()
            return appended
        finally:
            self._own.discard(row_id)
            self.kick()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._prune()
                if not await self._round():
                    await self._rest()
            except Exception as error:  # noqa: BLE001 - whatever it was: the rows are still there
                _log.warning("the outbox cannot be delivered; trying again", extra={"error": repr(error)})
                await asyncio.sleep(1)

    async def _round(self) -> bool:
        """Send what is due; False if there was nothing to do."""
        now = self._clock()
        blocked = [lane for lane, (_, until) in self._blocked.items() if until > now]
        rows = await self._database.read(lambda session: self._outbox.due(session, now, without=blocked, limit=ROUND))
        lanes: dict[_Lane, list[OutboxRow]] = {}
        for row in rows:
            if row.id not in self._own:
                lanes.setdefault((row.controller, row.kind), []).append(row)
        await asyncio.gather(*(self._go(lane, due[:BATCH]) for lane, due in lanes.items()))
        return bool(lanes)

    async def _go(self, lane: _Lane, rows: list[OutboxRow]) -> None:
        try:
            outcomes = await self._sender.send(rows)
            await self._settle([pair for pair in zip(rows, outcomes, strict=True) if is_final(pair[1])])
        except Exception as error:  # noqa: BLE001 - a bug of one row must not stop the others
            _log.exception("rows of the outbox could not be settled")
            await self._block(lane, rows, error)
            return
        open_rows = [(row, outcome) for row, outcome in zip(rows, outcomes, strict=True) if not is_final(outcome)]
        if open_rows:
            await self._block(lane, [row for row, _ in open_rows], open_rows[0][1])
        else:
            self._blocked.pop(lane, None)

    async def _block(self, lane: _Lane, rows: Sequence[OutboxRow], why: object) -> None:
        failures = self._blocked.get(lane, (0, 0))[0] + 1
        delay = DELAYS_US[min(failures, len(DELAYS_US)) - 1]
        self._blocked[lane] = (failures, self._clock() + delay)
        self._again.value += len(rows)
        if failures in (1, len(DELAYS_US)):
            _log.warning("rows of the outbox wait", extra={"rows": len(rows), "error": repr(why)})
        with suppress(PlacetError):
            await self._database.write(lambda session: self._outbox.mark_tried(session, rows))

    async def _settle(self, done: Sequence[tuple[OutboxRow, Outcome]]) -> None:
        if not done:
            return
        try:
            await self._database.write(lambda session: self._settle_all(session, done))
        except Exception:
            if len(done) == 1:
                raise
            # One of them is to blame: the others must not wait for it.
            for one in done:
                await self._settle([one])

    def _settle_all(self, session: Session, done: Sequence[tuple[OutboxRow, Outcome]]) -> None:
        now = self._clock()
        for row, outcome in done:
            refusal = outcome if isinstance(outcome, PlacetError) else None
            failure = None if refusal is None else f"{refusal.reason}: {refusal.message}"
            if not self._outbox.mark_done(session, row, now=now, failure=failure):
                continue
            (self._done if refusal is None else self._refused).value += 1
            if outcome is None:
                continue
            if row.kind is RowKind.LEDGER:
                self._settle_row(session, row, outcome)
            else:
                _log.error("a message can never be sent", extra={"id": row.id, "error": failure})

    async def _rest(self) -> None:
        """Wait for a kick, the next row's time, or the next try of a failing one."""
        now = self._clock()
        after = await self._database.read(lambda session: self._outbox.next_due(session, now))
        times = [until for _, until in self._blocked.values() if until > now]
        times += [] if after is None else [after]
        left = min([now + POLL_US, *times]) - now
        with suppress(TimeoutError):
            async with asyncio.timeout(left / 1e6):
                await self._wake.wait()

    async def _prune(self) -> None:
        now = self._clock()
        if now - self._pruned < PRUNE_EVERY_US:
            return
        self._pruned = now
        await self._database.write(lambda session: self._outbox.prune(session, now - KEEP_US))
