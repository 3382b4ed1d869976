"""Holding logs: which of them this replica sequences, and the loop that does so for each.

Owns the lease's life: taken when a log is free, renewed every second, given back when stopping; a log whose head
moved under us is dropped at once. Each held log has one task that takes what waits and runs the sequencer; nothing
else ever appends to it. See architecture.md section 6 and ledger.md section 7.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from placet.audit import lease as leases
from placet.audit.clock import LogClock
from placet.audit.errors import ControllerUnknown, HeadMoved
from placet.audit.lease import Lease
from placet.audit.logs import Logs, require_controller
from placet.audit.model import Log
from placet.audit.ports import LogKeys
from placet.audit.queueing import Queue, Waiting
from placet.audit.reading import Snapshot
from placet.audit.sequencer import Sequencer
from placet.audit.store import SqlJournal
from placet.kit.db.engine import Engines
from placet.kit.errors import PlacetError, Unavailable
from placet.kit.ledger.messages import AppendRequest

LOOK_EVERY_S: Final = 1.0
_log = logging.getLogger(__name__)


class Subscriptions(Protocol):
    """Where append requests for a log come in."""

    async def open(self, controller: str) -> Callable[[], Awaitable[None]]:
        """Begin to take a controller's requests; return how to stop."""


@dataclass(slots=True)
class _Held:
    """A log this replica holds."""

    lease: Lease
    sequencer: Sequencer
    queue: Queue
    unsubscribe: Callable[[], Awaitable[None]]
    task: asyncio.Task[None]


class Holder:
    """All logs that this replica holds."""

    def __init__(
        self,
        engines: Engines,
        logs: Logs,
        keys: LogKeys,
        *,
        name: str,
        wall: Callable[[], int],
        monotonic: Callable[[], int],
        queue_bound: int,
        appended: Callable[[Log], None],
    ) -> None:
        self._engines = engines
        self._logs = logs
        self._keys = keys
        self._name = name
        self._wall = wall
        self._monotonic = monotonic
        self._queue_bound = queue_bound
        self._appended = appended
        self._held: dict[str, _Held] = {}
        self._subscriptions: Subscriptions | None = None

    def subscribe_with(self, subscriptions: Subscriptions) -> None:
        """Say where requests come in; without it nothing is held."""
        self._subscriptions = subscriptions

    async def run(self) -> None:
        """Look for free logs and renew what is held, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Renew every lease, drop the lost ones, and take every log that is free."""
        for controller, held in list(self._held.items()):
            if not leases.renew(self._engines.writer, held.lease, self._wall()):
                await self._drop(controller)
        for log in self._logs.all():
            if log.controller not in self._held:
                await self._take(log)
        for controller, held in list(self._held.items()):
            await self._rotate(controller, held)

    async def _rotate(self, controller: str, held: _Held) -> None:
        """Put a new key in force if one was asked for."""
        key = self._logs.waiting_key(held.sequencer.log)
        if key is None:
            return
        try:
            held.sequencer.rotate(key)
        except HeadMoved:
            await self._drop(controller)
        except PlacetError:
            _log.exception("the log's key was not rotated", extra={"controller": controller, "alarm": True})
        else:
            self._appended(held.sequencer.log)

    async def _take(self, log: Log) -> None:
        lease = leases.acquire(self._engines.writer, log.id, self._name, self._wall())
        if lease is None or self._subscriptions is None:
            return
        try:
            sequencer = self._sequencer(log, lease.epoch)
            sequencer.open()
        except PlacetError:
            _log.exception("a log cannot be served", extra={"controller": log.controller, "alarm": True})
            return
        queue = Queue(bound=self._queue_bound)
        task = asyncio.create_task(self._work(log.controller, sequencer, queue), name=f"sequencer-{log.controller}")
        unsubscribe = await self._subscriptions.open(log.controller)
        self._held[log.controller] = _Held(lease, sequencer, queue, unsubscribe, task)
        self._appended(log)

    async def _work(self, controller: str, sequencer: Sequencer, queue: Queue) -> None:
        while True:
            await queue.wait()
            taken = queue.take(self._wall())
            if not taken:
                continue
            try:
                sequencer.run(taken)
            except HeadMoved:
                _log.warning("another replica took the log over", extra={"controller": controller})
                self._forget(controller)
                return
            except Exception:  # noqa: BLE001 - every caller was answered; the next group recovers
                _log.exception("the sequencer failed; it recovers", extra={"controller": controller, "alarm": True})
            else:
                self._appended(sequencer.log)
            await asyncio.sleep(0)

    def _forget(self, controller: str) -> None:
        held = self._held.pop(controller, None)
        if held is not None:
            held.queue.fail(HeadMoved(controller))
            self._closing = asyncio.ensure_future(held.unsubscribe())

    async def _drop(self, controller: str) -> None:
        held = self._held.pop(controller)
        await held.unsubscribe()
        held.task.cancel()
        held.queue.fail(HeadMoved(controller))

    async def append(self, controller: str, service: str, request: AppendRequest) -> bytes:
        """Let a request wait for its log and return the encoded reply; raises the error if nothing was appended."""
        answer: asyncio.Future[bytes | PlacetError] = asyncio.get_running_loop().create_future()

        def done(outcome: bytes | PlacetError) -> None:
            if not answer.done():
                answer.set_result(outcome)

        self.submit(controller, service, request, done)
        outcome = await answer
        if isinstance(outcome, PlacetError):
            raise outcome
        return outcome

    def submit(
        self, controller: str, service: str, request: AppendRequest, done: Callable[[bytes | PlacetError], None]
    ) -> None:
        """Let a request wait for its log; `done` gets the encoded reply, or why there is none, once.

        Raises Unavailable if the log is not held here.
        """
        held = self._held.get(controller)
        if held is None:
            raise Unavailable("LEDGER_UNAVAILABLE", f"no replica holds the log of {controller} now; repeat the request")
        try:
            held.queue.put(Waiting(service, request, done))
        except PlacetError as error:
            done(error)

    def snapshot(self, controller: str) -> Snapshot:
        """Return a controller's log at its last commit; valid until the caller awaits.

        Raises ControllerUnknown, or Unavailable if its key or its rows are not to be had.
        """
        held = self._held.get(controller)
        if held is not None:
            return held.sequencer.snapshot()
        log = self._logs.find(require_controller(controller))
        if log is None:
            raise ControllerUnknown(controller)
        # Another replica appends to it: rebuilt from what is stored, which costs a pass over the bases.
        return self._sequencer(log, epoch=-1).snapshot()

    def _sequencer(self, log: Log, epoch: int) -> Sequencer:
        journal = SqlJournal(self._engines, log, epoch)
        return Sequencer(log, journal, self._engines, self._keys, LogClock(self._wall, self._monotonic))

    def reopen(self, log: Log) -> None:
        """Tell the sequencer of a log that its state changed."""
        held = self._held.get(log.controller)
        if held is None:
            raise ControllerUnknown(log.controller)
        held.sequencer.reopen(log)

    async def close(self) -> None:
        """Give every lease back; what waits is told to come again."""
        for controller, held in list(self._held.items()):
            await self._drop(controller)
            leases.release(self._engines.writer, held.lease)
