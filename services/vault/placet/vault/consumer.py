"""Messages that end a basis: consent withdrawn, guardianship withdrawn, legal permission revoked; and the stock.

Owns: which messages the vault listens to, and which bases each of them ends. Idempotent through the inbox, in the
transaction that destroys. And what answers `placet.<controller>.vault.stock`: which bases have a template (R8).
Never: needs the root key, asks back. A guardianship holds no template itself: the message says which consents stopped
with it, as `data.stopped`, a list of ordinals; without that list it goes to the dead letters, loudly, and is not taken
for "none". Design: vault.md section 3 (erasure), promise P6.
"""

from collections.abc import Awaitable, Callable

from placet.evidence.terms import BasisOrdinal, Micros
from placet.kit.bus.messages import Message, filter_subject
from placet.kit.bus.serving import Request
from placet.kit.errors import Invalid
from placet.vault import wire
from placet.vault.handlers.destroy import bases_ended
from placet.vault.model import BasesEnded, DestroyReason
from placet.vault.ports import VaultStore

DURABLE = "vault"
STOCK_SUBJECT = "placet.*.vault.stock"
_STOPPED = "stopped"
_OWN_BASIS = {
    ("consent", "withdrawn"): DestroyReason.CONSENT_WITHDRAWN,
    ("permission", "revoked"): DestroyReason.PERMISSION_REVOKED,
}
_GUARDIANSHIP = ("consent", "guardianship_withdrawn")
FILTERS = [filter_subject(service, kind) for service, kind in (*_OWN_BASIS, _GUARDIANSHIP)]


def ended_by(message: Message) -> BasesEnded:
    """Return the bases that a message ends. Raises Invalid naming the field that is missing or malformed."""
    about = (message.service, message.kind)
    if about == _GUARDIANSHIP:
        return _ended(message, _stopped(message), DestroyReason.GUARDIANSHIP_WITHDRAWN)
    if about not in _OWN_BASIS:
        raise Invalid("message.kind", f"{message.service}.{message.kind} is no message that ends a basis")
    if message.basis is None:
        raise Invalid("message.basis", f"a message {message.kind} must name its basis", reason="FIELD_MISSING")
    return _ended(message, (BasisOrdinal(message.basis),), _OWN_BASIS[about])


def consume(store: VaultStore, *, now: Callable[[], int]) -> Callable[[Message], Awaitable[None]]:
    """Return the handler of the vault's consumer."""

    async def handle(message: Message) -> None:
        await bases_ended(ended_by(message), store=store, now=Micros(now()))

    return handle


def answer_stock(store: VaultStore) -> Callable[[Request], Awaitable[bytes]]:
    """Return what answers a StockRequest of the subject's controller. Raises Invalid for anything else."""

    async def answer(request: Request) -> bytes:
        controller = request.subject.split(".")[1]
        after, limit = wire.stock_request(request.payload, controller)
        return wire.stock_answer(await store.stock(controller, after=after, limit=limit))

    return answer


def _ended(message: Message, bases: tuple[BasisOrdinal, ...], reason: DestroyReason) -> BasesEnded:
    return BasesEnded(id=message.id, controller=message.controller, bases=bases, reason=reason)


def _stopped(message: Message) -> tuple[BasisOrdinal, ...]:
    stopped = message.data.get(_STOPPED)
    if not isinstance(stopped, list) or not all(type(one) is int and one >= 0 for one in stopped):
        raise Invalid(
            f"message.data.{_STOPPED}", "must be the ordinals of the consents that stopped with the guardianship"
        )
    return tuple(BasisOrdinal(one) for one in stopped)
