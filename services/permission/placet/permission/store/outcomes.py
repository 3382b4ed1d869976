"""`ports.Outcomes` over the outbox.

Owns: nothing but the row: the dispatcher brings it into the log, in order, as often as it takes.
"""

from collections.abc import Callable
from hashlib import sha256

from sqlmodel import Session

from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.db.database import Database
from placet.kit.db.errors import DuplicateKey
from placet.kit.ledger.messages import Submission
from placet.permission.tables import OUTBOX


class OutboxOutcomes:
    """Outcomes on their way to the log; `clock` gives unix microseconds."""

    def __init__(self, database: Database, dispatcher: OutboxDispatcher, *, clock: Callable[[], int]) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._clock = clock

    async def enqueue(self, controller: str, submission: Submission) -> None:
        """Keep a submission, as the port promises."""
        now = self._clock()
        ident = sha256(b"outcome\0" + controller.encode() + b"\0" + submission.key).hexdigest()

        def put(session: Session) -> None:
            OUTBOX.put_append(session, controller, submission, id=ident, now=now, about="outcome")

        try:
            await self._database.write(put)
        except DuplicateKey:
            return  # recorded before
        self._dispatcher.kick()
