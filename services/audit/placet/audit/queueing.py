"""What waits for a sequencer: bounded, first come first served, nothing past its deadline.

A request is taken whole (its submissions keep their order and get one reply) unless it alone exceeds a group. Beyond
the bound the caller is told to come back: nothing that was acknowledged is ever dropped, because nothing here is
acknowledged yet. See ledger.md section 7 and promise P10.
"""

from asyncio import Event
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from placet.audit.errors import DeadlinePassed, QueueFull
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import AppendRequest

GROUP: Final = 512
WAITING: Final = 16_384


@dataclass(frozen=True, slots=True)
class Waiting:
    """One append request and how to answer it: `done` takes the reply or the error, once."""

    service: str
    request: AppendRequest
    done: Callable[[bytes | PlacetError], None]


class Queue:
    """The requests of one log that wait to be sequenced."""

    # Invariant: _count is the number of submissions in _waiting, and never above the bound.

    def __init__(self, *, bound: int = WAITING) -> None:
        self._bound = bound
        self._waiting: deque[Waiting] = deque()
        self._count = 0
        self._arrived = Event()

    def put(self, waiting: Waiting) -> None:
        """Let a request wait; raises QueueFull beyond the bound."""
        size = len(waiting.request.submissions)
        if self._count + size > self._bound:
            raise QueueFull(self._count)
        self._waiting.append(waiting)
        self._count += size
        self._arrived.set()

    async def wait(self) -> None:
        """Return once something is waiting."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()

    def take(self, now: int) -> list[Waiting]:
        """Return what goes into the next group, at most 512 submissions; answer what is past its deadline."""
        taken: list[Waiting] = []
        size = 0
        while self._waiting:
            first = self._waiting[0]
            count = len(first.request.submissions)
            if taken and size + count > GROUP:
                break
            self._waiting.popleft()
            self._count -= count
            if first.request.deadline <= now:
                first.done(DeadlinePassed())
                continue
            taken.append(first)
            size += count
        return taken

    def fail(self, error: PlacetError) -> None:
        """Answer everything that waits with an error: the lease is gone or the service stops."""
        waiting, self._waiting, self._count = self._waiting, deque(), 0
        for one in waiting:
            one.done(error)
