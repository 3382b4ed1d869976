"""Messages of the consent service: what they change in the projection.

Owns: consent.granted, consent.amended, consent.withdrawn, consent.guardianship_withdrawn. They only make the projection
forget, so a repeated or late one is harmless and no inbox is needed; a lost one costs a worse reason at most, because
the sequencer judges. Never: tells who: messages carry ledger ids only.
"""

from collections.abc import Awaitable, Callable

from placet.kit.bus.messages import Message, filter_subject
from placet.permission.model.projection import Projection

DURABLE = "permission"
KINDS = ("granted", "amended", "withdrawn", "guardianship_withdrawn")
FILTERS = tuple(filter_subject("consent", kind) for kind in KINDS)


def handler(projection: Projection) -> Callable[[Message], Awaitable[None]]:
    """Return the handler of consent messages."""

    async def handle(message: Message) -> None:
        take_in(projection, message)

    return handle


def take_in(projection: Projection, message: Message) -> None:
    """Make the projection forget what a message says is outdated."""
    if message.index is None:
        return
    if message.kind == "granted":
        projection.granted(message.controller, message.index)
    elif message.basis is not None:
        projection.changed(message.controller, message.basis, message.index)
