"""What this service asks of the others over the bus: consents of persons, the origin of a log.

Owns: the subjects, the deadlines, and what silence means: ConsentsUnavailable, so that no event is decided without the
facts it needs. Never: caches consents (the projection does); an origin never changes, so it is kept.
Subjects: `placet.<controller>.consent.lookup`, `.consent.count`, `.audit.info`.
"""

from collections.abc import Sequence

import msgspec

from placet.kit.bus.bus import Bus
from placet.kit.errors import Unavailable
from placet.permission.errors import ConsentsUnavailable, StockUnavailable
from placet.permission.filing.series import Stock
from placet.permission.ports import Found
from placet.permission.wire.filing import count_to_bytes, stock_from_bytes
from placet.permission.wire.lookup import found_from_bytes, lookup_to_bytes


class BusConsents:
    """`ports.Consents` over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def lookup(
        self, controller: str, subjects: Sequence[bytes], ordinals: Sequence[int], *, deadline: int
    ) -> Found:
        """Ask the consent service, as the port promises."""
        payload = lookup_to_bytes(controller, subjects, ordinals)
        try:
            answer = await self._bus.request(f"placet.{controller}.consent.lookup", payload, deadline)
        except Unavailable as error:
            raise ConsentsUnavailable(error.message) from error
        return found_from_bytes(answer, len(subjects))


class BusStocks:
    """`ports.Stocks` over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def stock(self, controller: str, *, deadline: int) -> Stock:
        """Ask the consent service, as the port promises."""
        try:
            answer = await self._bus.request(f"placet.{controller}.consent.count", count_to_bytes(controller), deadline)
        except Unavailable as error:
            raise StockUnavailable(error.message) from error
        return stock_from_bytes(answer)


class _Info(msgspec.Struct):
    origin: str


class BusControllers:
    """`ports.Controllers` over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._origins: dict[str, str] = {}

    async def origin(self, controller: str, *, deadline: int) -> str:
        """Return the origin of a controller's log, as the port promises."""
        known = self._origins.get(controller)
        if known is None:
            answer = await self._bus.request(f"placet.{controller}.audit.info", b"", deadline)
            try:
                known = msgspec.json.decode(answer, type=_Info).origin
            except msgspec.MsgspecError as error:
                raise Unavailable("LEDGER_UNAVAILABLE", f"the ledger's answer is malformed: {error}") from None
            self._origins[controller] = known
        return known
