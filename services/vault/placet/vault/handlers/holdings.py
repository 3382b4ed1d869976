"""GetHolding: what is stored under a basis, without opening it.

Owns: the read model of one basis.
Never: needs a key, returns a vector or anything derived from one. Design: vault.md section 3.
"""

from placet.evidence.terms import BasisOrdinal
from placet.vault.errors import VaultSealed
from placet.vault.model import Holdings
from placet.vault.ports import Ports
from placet.vault.template import Holding


async def holdings(controller: str, basis: BasisOrdinal, *, ports: Ports) -> Holdings:
    """Return the templates under a basis, and the ledger's index of the latest destroyed one. Raises VaultSealed."""
    if ports.root.sealed:
        raise VaultSealed
    stored = await ports.store.templates(controller, basis)
    erased = await ports.store.erasures(controller, basis)
    return Holdings(
        holdings=tuple(
            Holding(template_id=one.place.template_id, facts=one.facts, enrolled_at=one.enrolled_at) for one in stored
        ),
        destroyed=max((one.index for one in erased if one.index is not None), default=None),
    )
