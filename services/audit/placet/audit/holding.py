"""Holding logs: which of them this replica sequences, and the loop that does so for each.

Owns the lease's life: taken when a log is free, renewed twice a second, given back when stopping; a log whose head
moved under us is dropped at once. Nothing may keep the leases from being renewed, so opening a log (a pass over its
bases) runs in a thread and leaving one in the background. Each held log has one task that takes what waits and runs
the sequencer; nothing else ever appends to it. See architecture.md section 6 and ledger.md section 7.
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
from placet.audit.model import Log, LogKey
from placet.audit.partitions import Partitions
from placet.audit.ports import LogKeys
from placet.audit.queueing import Queue, Waiting
from placet.audit.reading import Snapshot
from placet.audit.sequencer import Sequencer
from placet.audit.signing import Signers
from placet.audit.statements import Session
from placet.audit.store import SqlJournal, read_head
from placet.audit.stored import stored_snapshot
from placet.kit.db.engine import Engines
from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError, Unavailable
from placet.kit.ledger.messages import AppendRequest

LOOK_EVERY_S: Final = 0.5
_log = logging.getLogger(__name__)


class Subscriptions(Protocol):
    """Where append requests for a log come in."""

    async def open(self, controller: str) -> Callable[[], Awaitable[None]]:
        """Begin to take a controller's requests; return how to stop."""


async def _nothing() -> None:
    """Unsubscribe from what is not subscribed to yet."""


@dataclass(slots=True)
class _Held:
    """A log this replica holds.

    Until `until` (monotonic) nobody else can: what is in memory is then all there is.
    """

    lease: Lease
    until: int
    sequencer: Sequencer
    queue: Queue
    task: asyncio.Task[None]
    unsubscribe: Callable[[], Awaitable[None]] = _nothing


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
        partitions: Partitions,
    ) -> None:
        """`name` must be this process's alone, and on PostgreSQL that of its connections: leases are bound to it."""
        self._engines = engines
        self._logs = logs
        self._keys = keys
        self._name = name
        self._wall = wall
        self._monotonic = monotonic
        self._queue_bound = queue_bound
        self._appended = appended
        self._partitions = partitions
        self._held: dict[str, _Held] = {}
        self._taking: dict[str, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        self._unserved: set[str] = set()
        self._unrotated: set[str] = set()
        self._subscriptions: Subscriptions | None = None

    def subscribe_with(self, subscriptions: Subscriptions) -> None:
        """Say where requests come in; without it nothing is held."""
        self._subscriptions = subscriptions

    async def run(self) -> None:
        """Renew what is held and take the logs that are free, until cancelled."""
        while True:
            try:
                self._look()
                with mapped():
                    self._rotate()
            except PlacetError as error:
                _log.warning("leases could not be renewed; trying again", extra={"error": error.message})
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Renew every lease, drop the lost ones, take every log that is free, and put new keys in force.

        Returns once the logs taken are served.
        """
        self._look()
        if self._taking:
            await asyncio.wait(tuple(self._taking.values()))
        self._rotate()

    def _look(self) -> None:
        with mapped():
            self._renew()
            self._take_free()

    def _renew(self) -> None:
        if not self._held and not self._taking:
            return
        until = self._monotonic() + leases.TTL
        kept = leases.renew(self._engines.writer, self._name, self._wall())
        for controller, held in list(self._held.items()):
            if kept.get(held.lease.log) != held.lease.epoch:
                self._drop(controller)
            else:
                held.until = until

    def _take_free(self) -> None:
        if self._subscriptions is None:
            return
        free = leases.vacant(self._engines.reader, self._name, self._wall())
        free -= {held.lease.log for held in self._held.values()}
        for log in self._logs.all() if free else ():
            if log.id in free and log.controller not in self._taking:
                self._taking[log.controller] = asyncio.create_task(self._take(log), name=f"take-{log.controller}")

    def _rotate(self) -> None:
        """Put in force the new keys that were asked for, of the logs held here."""
        waiting = self._logs.waiting_keys() if self._held else {}
        for controller, held in list(self._held.items()):
            key = waiting.get(held.lease.log)
            if key is None:
                self._unrotated.discard(controller)
            else:
                self._put_in_force(controller, held, key)

    def _put_in_force(self, controller: str, held: _Held, key: LogKey) -> None:
        try:
            held.sequencer.rotate(key)
        except HeadMoved:
            self._drop(controller)
        except Exception:  # noqa: BLE001 - nothing was appended, or the next group finds it; this key is tried again
            if controller not in self._unrotated:
                _log.exception("the log's key was not rotated", extra={"controller": controller, "alarm": True})
            self._unrotated.add(controller)
        else:
            self._appended(held.sequencer.log)

    async def _take(self, log: Log) -> None:
        try:
            self._require_keys(log)
            until = self._monotonic() + leases.TTL
            lease = leases.acquire(self._engines.writer, log.id, self._name, self._wall())
            if lease is None:
                leases.fence(self._engines.writer, log.id)
                return
            await self._serve(log, lease, until)
            self._unserved.discard(log.controller)
        except Exception:  # noqa: BLE001 - the other logs go on; this one is tried again
            if log.controller not in self._unserved:
                _log.exception("a log cannot be served", extra={"controller": log.controller, "alarm": True})
            self._unserved.add(log.controller)
        finally:
            del self._taking[log.controller]

    async def _serve(self, log: Log, lease: Lease, until: int) -> None:
        """Open the log and take its requests; gives the lease back if that fails."""
        sequencer = self._sequencer(log, lease.epoch)
        try:
            await asyncio.to_thread(sequencer.open)
            assert self._subscriptions is not None
            queue = Queue(bound=self._queue_bound)
            task = asyncio.create_task(self._work(log.controller, sequencer, queue), name=f"sequencer-{log.controller}")
            held = self._held[log.controller] = _Held(lease, until, sequencer, queue, task)
            held.unsubscribe = await self._subscriptions.open(log.controller)
        except BaseException:
            self._drop(log.controller)
            leases.release(self._engines.writer, lease)
            raise
        if self._held.get(log.controller) is not held:  # lost again meanwhile
            await held.unsubscribe()
        self._appended(log)

    def _require_keys(self, log: Log) -> None:
        """Raise unless the keys that sign now are here; a replica that has others must not touch the lease."""
        with mapped(), self._engines.reader.connect() as connection:
            head = read_head(Session.over(connection), log.id)
        Signers(log, self._keys).at(head)

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
                self._drop(controller)
                return
            except Exception:  # noqa: BLE001 - every caller was answered; the next group recovers
                _log.exception("the sequencer failed; it recovers", extra={"controller": controller, "alarm": True})
            else:
                self._appended(sequencer.log)
            await asyncio.sleep(0)

    def _drop(self, controller: str) -> None:
        """Stop sequencing a log that is no longer ours: what waits is told to come again."""
        held = self._held.pop(controller, None)
        if held is None:
            return
        held.queue.fail(HeadMoved(controller))
        if held.task is not asyncio.current_task():
            held.task.cancel()
        leaving = asyncio.ensure_future(held.unsubscribe())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

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

    def holds(self, controller: str) -> bool:
        """Tell whether this replica sequences the controller's log, and nobody else can at this moment.

        One that was stopped and wakes up may be told of its lost lease later than it is asked for a proof.
        """
        held = self._held.get(controller)
        return held is not None and self._monotonic() < held.until

    def snapshot(self, controller: str) -> Snapshot:
        """Return a controller's log at its last commit; valid until the caller awaits.

        Raises ControllerUnknown, or Unavailable if its key or its rows are not to be had.
        """
        if self.holds(controller):
            return self._held[controller].sequencer.snapshot()
        log = self._logs.find(require_controller(controller))
        if log is None:
            raise ControllerUnknown(controller)
        return stored_snapshot(log, self._engines, self._keys)  # another replica may append to it

    def _sequencer(self, log: Log, epoch: int) -> Sequencer:
        journal = SqlJournal(self._engines, log, epoch, self._partitions)
        return Sequencer(log, journal, self._engines, self._keys, LogClock(self._wall, self._monotonic))

    def reopen(self, log: Log) -> None:
        """Tell the sequencer of a log that its state changed."""
        held = self._held.get(log.controller)
        if held is None:
            raise ControllerUnknown(log.controller)
        held.sequencer.reopen(log)

    async def close(self) -> None:
        """Answer what was taken, and give every lease back."""
        taking = tuple(self._taking.values())
        for task in taking:
            task.cancel()
        leaving = map(self._leave, tuple(self._held))
        await asyncio.gather(*taking, *leaving, *self._leaving, return_exceptions=True)

    async def _leave(self, controller: str) -> None:
        held = self._held[controller]
        await held.unsubscribe()
        self._drop(controller)
        leases.release(self._engines.writer, held.lease)
