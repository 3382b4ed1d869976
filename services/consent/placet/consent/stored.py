"""The port `Stored`: asks the vault which bases have a template, and keeps counting in the background.

Owns: the subject, what silence means, and the pauses. Never: counts (`handlers.stock`), or takes silence for "none".
Subject: `placet.<controller>.vault.stock`.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from placet.consent.errors import PlacetError, Unavailable
from placet.consent.handlers.stock import stock
from placet.consent.model.vocabulary import SECOND, Controller, Instant
from placet.consent.policy.stock import StockChange
from placet.consent.ports import StockStore, Stored
from placet.consent.wire import stock as wire
from placet.kit.bus.bus import Bus
from placet.kit.errors import Kind

_WITHIN = 30 * SECOND
_log = logging.getLogger(__name__)


class BusStored:
    """`placet.consent.ports.Stored` over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def changes(
        self, controller: Controller, *, after: int, limit: int, deadline: Instant
    ) -> tuple[Sequence[StockChange], int]:
        """Ask the vault, as the port promises."""
        payload = wire.changes_request(controller, after, limit)
        try:
            answer = await self._bus.request(f"placet.{controller}.vault.stock", payload, deadline)
        except PlacetError as error:
            if error.kind is not Kind.UNAVAILABLE:
                raise
            raise Unavailable(
                "DEPENDENCY_UNAVAILABLE",
                f"The vault does not answer ({error.message}), so nobody knows now how many are stored. Ask again.",
                retry_after=1.0,
            ) from error
        return wire.changes(answer)


async def count_for_ever(store: StockStore, vault: Stored, *, clock: Callable[[], int], every: float) -> None:
    """Count each controller again and again, so that a question never meets a long backlog."""
    while True:
        await asyncio.sleep(every)
        try:
            for controller in await store.controllers():
                now = clock()
                await stock(controller, store=store, vault=vault, now=Instant(now), deadline=Instant(now + _WITHIN))
        except PlacetError as error:  # the next round goes on from there; a question says it to who asks
            _log.info("cannot count the stored persons now; trying again", extra={"error": repr(error)})
