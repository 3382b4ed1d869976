"""The port `Records`: an erasure's record brought into the ledger while the caller waits.

Owns: nothing but the order: through its outbox row, so that it is settled once; when that row was pruned, with the same
key straight from the ledger.
Never: invents a record: it is made of the stored erasure. Design: 'Service rules' of the outbox, style.md section 2.
"""

from placet.evidence.terms import Micros
from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.errors import NotFound
from placet.kit.ledger.port import Ledger
from placet.vault import outgoing
from placet.vault.handlers.ledger import receipt_of
from placet.vault.model import Erasure, Receipt


class OutboxRecords:
    """`Records` over the outbox's dispatcher."""

    def __init__(self, dispatcher: OutboxDispatcher, ledger: Ledger) -> None:
        self._dispatcher = dispatcher
        self._ledger = ledger

    async def deliver(self, erasure: Erasure, *, deadline: Micros) -> Receipt:
        """Bring the record of an erasure into the ledger now, or find it there."""
        try:
            appended = await self._dispatcher.deliver(outgoing.row_id(erasure.template_id), deadline=deadline)
        except NotFound:
            again = [outgoing.destroyed(erasure)]
            appended = await self._ledger.append(erasure.controller, again, deadline=deadline)
        return receipt_of(appended)
