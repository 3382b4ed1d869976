"""What comes in over the bus: lookups and counts for the permission service, and messages about controllers.

Owns: the subjects. A message is dealt with once (inbox) and in the transaction that records it.
Never: answers for a controller other than the subject's.
"""

from collections.abc import Callable

from sqlmodel import Session

from placet.consent.handlers.lookup import lookup
from placet.consent.handlers.stock import stock
from placet.consent.model import checks
from placet.consent.model.vocabulary import SECOND, Controller, Instant
from placet.consent.ports import Ports, StockStore, Stored
from placet.consent.store.sql import SqlStore, remember
from placet.consent.tables import inbox
from placet.consent.wire import lookup as wire
from placet.consent.wire import stock as stock_wire
from placet.kit.bus.messages import Message, filter_subject
from placet.kit.bus.serving import Request

LOOKUP_SUBJECT = "placet.*.consent.lookup"
COUNT_SUBJECT = "placet.*.consent.count"
CREATED = "controller_created"
FILTERS = (filter_subject("audit", CREATED),)
DURABLE = "consent"
# Who asks waits no longer either.
COUNT_WITHIN = 8 * SECOND


class LookupHandler:
    """Answers `placet.<controller>.consent.lookup`. `clock` gives unix microseconds."""

    def __init__(self, ports: Ports, *, clock: Callable[[], int]) -> None:
        self._ports = ports
        self._clock = clock

    async def __call__(self, request: Request) -> bytes:
        """Return a LookupResponse; raises Invalid for what is no LookupRequest of the subject's controller."""
        asked = wire.request(request.payload, controller=request.subject.split(".")[1])
        return wire.answer(await lookup(asked, ports=self._ports, now=Instant(self._clock())))


class CountHandler:
    """Answers `placet.<controller>.consent.count`. `clock` gives unix microseconds."""

    def __init__(self, store: StockStore, vault: Stored, *, clock: Callable[[], int]) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    async def __call__(self, request: Request) -> bytes:
        """Return a CountResponse; raises Invalid for what is no CountRequest of the subject's controller."""
        controller = stock_wire.request(request.payload, controller=request.subject.split(".")[1])
        now = Instant(self._clock())
        until = Instant(now + COUNT_WITHIN)
        return stock_wire.answer(await stock(controller, store=self._store, vault=self._vault, now=now, deadline=until))


class MessageHandler:
    """Deals with the messages of other services."""

    def __init__(self, store: SqlStore, *, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock

    async def __call__(self, message: Message) -> None:
        """A controller was created: known from now on, also while the audit service is away."""
        now = self._clock()

        def deal(session: Session) -> None:
            if inbox.once(session, message.id, now) and (message.service, message.kind) == ("audit", CREATED):
                remember(session, Controller(checks.controller(message.controller)))

        await self._store.database.write(deal)
