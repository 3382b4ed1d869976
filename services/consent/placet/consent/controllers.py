"""The port `Controllers`: asks the audit service which controllers exist and are open, and remembers it for a while.

Owns the memory: what was open is taken to be open for 30 s, because the log itself refuses grants of a closed one.
Never: calls a controller unknown because nobody answered.
"""

import json
from collections.abc import Callable

from placet.consent.errors import ControllerClosed, PlacetError, Unavailable
from placet.consent.model.vocabulary import SECOND, Controller, Instant
from placet.consent.ports import Store
from placet.kit.bus.bus import Bus
from placet.kit.errors import Kind

_REMEMBERED = 30 * SECOND
_MOST = 10_000
_ANSWER_WITHIN = 2 * SECOND


class BusControllers:
    """`placet.consent.ports.Controllers` over `placet.<controller>.audit.info`."""

    def __init__(self, bus: Bus, store: Store, *, clock: Callable[[], int]) -> None:
        self._bus = bus
        self._store = store
        self._clock = clock
        self._open: dict[Controller, int] = {}

    async def require_open(self, controller: Controller, *, deadline: Instant) -> None:
        """Raise as the port says."""
        if self._open.get(controller, 0) > self._clock():
            return
        try:
            state = await self._state(controller, deadline)
        except PlacetError as error:
            if error.kind not in (Kind.UNAVAILABLE, Kind.EXHAUSTED):
                raise
            if await self._store.knows(controller):
                return
            raise _unreachable(error) from error
        if state != "open":
            raise ControllerClosed(controller)
        await self._remember(controller)

    async def _state(self, controller: Controller, deadline: Instant) -> str:
        """Return `open` or `closed`. Raises NotFound (CONTROLLER_UNKNOWN), or Unavailable when nobody answers."""
        until = min(deadline, self._clock() + _ANSWER_WITHIN)
        answer = await self._bus.request(f"placet.{controller}.audit.info", b"", until)
        try:
            state = json.loads(answer)["state"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("DEPENDENCY_UNAVAILABLE", "The audit service's answer was not understood.") from error
        return str(state).lower()

    async def _remember(self, controller: Controller) -> None:
        if not await self._store.knows(controller):
            await self._store.remember(controller)
        if len(self._open) >= _MOST:
            self._open.clear()
        self._open[controller] = self._clock() + _REMEMBERED


def _unreachable(error: PlacetError) -> Unavailable:
    return Unavailable(
        "DEPENDENCY_UNAVAILABLE",
        "Whether this controller exists could not be asked; nothing was recorded. Repeat the same request.",
        metadata={"cause": error.reason},
        retry_after=1.0,
    )
