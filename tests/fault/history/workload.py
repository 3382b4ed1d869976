"""The load of a campaign: lives of many kinds, some at a time, one after the other (`lives.py`).

Owns what all lives share: clients, staff, chance, what was recorded. Every client has a session of its own, so none
reads another's writes. Never: judges, or hurts the mesh.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import UUID

from fault.history.record import Recorder

from placet.sdk import Approver, AsyncClient
from placet.sdk.errors import Conflict, Exhausted, Unreachable

A = TypeVar("A")
AGAIN_S = 0.05


class Lives(Protocol):
    """Something that lives once."""

    async def live(self) -> None:
        """Live from the grant to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Those whose second pair of eyes is needed, each with a token of their own, and the keys of two of them."""

    second: AsyncClient
    counsel: tuple[AsyncClient, Approver]
    officer: tuple[AsyncClient, Approver]


@dataclass(slots=True, kw_only=True)
class Load:
    """What all lives share. `timeout` is each call's own, in seconds; `stopped` ends the lives that have not begun.

    `stood_still`: for how many seconds at most this process's event loop did.
    """

    clients: Sequence[AsyncClient]
    staff: Staff
    notice: bytes
    recorder: Recorder
    chance: random.Random
    timeout: float
    kinds: Sequence[Callable[["Load", str], Lives]]
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    lived: int = 0
    people: int = 0
    stood_still: float = 0.0

    async def run(self, lives: int) -> None:
        """Keep so many lives going until it is stopped; those that have begun end in their own time."""
        async with asyncio.TaskGroup() as group:
            for _ in range(lives):
                group.create_task(self._one_after_another())

    async def one(self) -> None:
        """Live one life, of the next kind, from the grant to the end."""
        kind = self.kinds[self.people % len(self.kinds)]
        self.people += 1
        await kind(self, f"C-{self.people}").live()
        self.lived += 1

    async def _one_after_another(self) -> None:
        while not self.stopped.is_set():
            await self.one()

    def uuid(self) -> str:
        """Return a UUIDv7 of this campaign's chance."""
        milliseconds, rest = time.time_ns() // 1_000_000, self.chance.getrandbits(62)
        return str(UUID(int=milliseconds << 80 | 7 << 76 | self.chance.getrandbits(12) << 64 | 2 << 62 | rest))

    async def manage(self, ask: Callable[..., Awaitable[A]], *args: Any, **how: Any) -> A:
        """Make a call that is no operation of the history, again and again until it is answered."""
        while True:
            try:
                return await ask(*args, **how, timeout=self.timeout)
            except (Unreachable, Exhausted, Conflict):
                await asyncio.sleep(AGAIN_S)


async def insist(ask: Callable[[], Awaitable[A | None]]) -> A:
    """Repeat one recorded request, with its own key, until it is answered."""
    while (answer := await ask()) is None:
        await asyncio.sleep(AGAIN_S)
    return answer
