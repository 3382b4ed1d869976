"""Destroy: the templates of a basis are gone, and the ledger says so.

Owns: destruction by role (with receipts) and by a message that bases have ended (for ever).
Never: needs a permit, nor the root key: erasure by message goes on while the vault is sealed. The store's transaction
holds everything; what is missing after a crash is done again by the same call or by the outbox. Design: vault.md
section 3 (erasure), promise P6.
"""

from collections.abc import Sequence

from placet.evidence.terms import BasisOrdinal, Micros
from placet.vault.errors import VaultSealed
from placet.vault.model import BasesEnded, DestroyReason, Erasure, Receipt
from placet.vault.ports import Ports, VaultStore


async def destroy(
    controller: str, basis: BasisOrdinal, reason: str, *, ports: Ports, now: Micros, deadline: Micros
) -> tuple[Receipt, ...]:
    """Destroy every template of a basis; return the receipt of each. May be repeated until it returns.

    A call that finds nothing to destroy returns the receipts of the latest destruction. The basis may be enrolled again
    if it still stands. Raises VaultSealed, and Unavailable when the ledger does not answer: the templates are gone
    then, and their records arrive by themselves.
    """
    if ports.root.sealed:
        raise VaultSealed
    await ports.store.destroy(controller, [basis], reason=reason, final=False, at=now)
    erased = latest(await ports.store.erasures(controller, basis))
    return tuple([await ports.records.deliver(erasure, deadline=deadline) for erasure in erased])


async def bases_ended(ended: BasesEnded, *, store: VaultStore, now: Micros) -> None:
    """Destroy for ever what these bases hold. Safe to repeat; the records follow through the outbox."""
    await store.destroy(
        ended.controller, ended.bases, reason=ended.reason.value, final=True, at=now, message_id=ended.id
    )


def latest(erasures: Sequence[Erasure]) -> list[Erasure]:
    """Return the erasures of the latest destruction; one template taking another's place is none."""
    destroyed = [erasure for erasure in erasures if erasure.reason != DestroyReason.REPLACED]
    at = max((erasure.destroyed_at for erasure in destroyed), default=None)
    return [erasure for erasure in destroyed if erasure.destroyed_at == at]
