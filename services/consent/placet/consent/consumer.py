"""What comes in over the bus: lookups of the permission service, and messages about controllers.

Owns: the subjects. A message is dealt with once (inbox) and in the transaction that records it.
Never: answers for a controller other than the subject's.
"""

from collections.abc import Callable

from sqlmodel import Session

from placet.consent.handlers.lookup import lookup
from placet.consent.model import checks
from placet.consent.model.vocabulary import Controller, Instant
from placet.consent.ports import Ports
from placet.consent.store.sql import SqlStore, remember
from placet.consent.tables import inbox
from placet.consent.wire import lookup as wire
from placet.kit.bus.messages import Message, filter_subject
from placet.kit.bus.serving import Request

LOOKUP_SUBJECT = "placet.*.consent.lookup"
CREATED = "controller_created"
FILTERS = (filter_subject("audit", CREATED),)
DURABLE = "consent"


class LookupHandler:
    """Answers `placet.<controller>.consent.lookup`. `clock` gives unix microseconds."""

    def __init__(self, ports: Ports, *, clock: Callable[[], int]) -> None:
        self._ports = ports
        self._clock = clock

    async def __call__(self, request: Request) -> bytes:
        """Return a LookupResponse; raises Invalid for what is no LookupRequest of the subject's controller."""
        asked = wire.request(request.payload, controller=request.subject.split(".")[1])
        return wire.answer(await lookup(asked, ports=self._ports, now=Instant(self._clock())))


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
