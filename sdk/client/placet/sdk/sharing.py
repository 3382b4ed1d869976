"""The checkpoint of one client and the store that it shares with others: each sees what any of them was shown.

Owns when they are exchanged: with the first answer, then at most once a second, and at the end. What another client
kept is tied to what this one holds before anything is overwritten, so two histories shown to two callers are a fork to
whoever comes second. A store is read and written off the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from placet.sdk.errors import Exhausted, ProofError, Unreachable
from placet.sdk.stores import CheckpointStore
from placet.sdk.trust import Tree, Trust

EVERY: Final = 1.0
"""Seconds between two exchanges, at least."""
Tie = Callable[[Tree, float, Tree], Awaitable[None]]


class Sharing:
    """Exchanges the newest checkpoint with a store; `tie` proves a tree to be on one line with what is held."""

    def __init__(self, store: CheckpointStore, trust: Trust, tie: Tie, clock: Callable[[], float]) -> None:
        self._store = store
        self._trust = trust
        self._tie = tie
        self._clock = clock
        self._next = clock()
        self.alarmed = False
        """Whether an exchange has found a fork; whoever asked was told."""

    def due(self) -> bool:
        """Tell whether it is time for an exchange; then it is not again for a while."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + EVERY
        return True

    async def exchange(self, deadline: float) -> None:
        """Tie what others kept to what is held, and keep the newer one.

        Raises ProofError for a fork, ConfigError if the store fails. What cannot be proven in time is left for later.
        """
        kept = await asyncio.to_thread(self._store.read)
        while await self._tied(kept, deadline):
            held = self._trust.head.note
            if not held or held == kept:
                return
            kept = await asyncio.to_thread(self._store.replace, kept, held)

    async def _tied(self, kept: str | None, deadline: float) -> bool:
        """Tie what is kept to what is held; False if that cannot be done in time."""
        trust = self._trust
        if kept is None or kept == trust.head.note:
            return True
        try:
            await self._tie(trust.open(kept), deadline, trust.head)
        except (Unreachable, Exhausted):
            return False
        except ProofError:
            self.alarmed = True
            raise
        return True
