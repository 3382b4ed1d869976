"""Enrol: a template is stored under the permit's basis.

Owns: the steps after the ledger allowed the use: data key, sealing, one storing transaction.
Never: stores under a basis that was destroyed meanwhile: the tombstone is looked at in the storing transaction. A
template of the same model takes the place of the one before, whose destruction is recorded. Design: vault.md section 3.
"""

from placet.evidence.terms import Micros
from placet.kit.errors import Conflict
from placet.vault import crypto, policy
from placet.vault.errors import StorageCorrupt, TemplateDestroyed
from placet.vault.handlers.keys import data_key
from placet.vault.handlers.uses import finished, run_use, to_the_end
from placet.vault.model import Answer, Enrolled, Operation, Use, UseCommand, UseVerdict
from placet.vault.ports import Ports
from placet.vault.template import Place, SealedTemplate, TemplateId, new_uuid, wiped

_TRIES = 4


async def enrol(cmd: UseCommand, *, ports: Ports, now: Micros) -> Enrolled:
    """Store the template; it is encrypted on disk and recorded in the ledger once this returns, and may be repeated.

    Raises PermitInvalid, IdempotencyConflict, UseDenied, TemplateDestroyed (withdrawn meanwhile), VaultSealed,
    Unavailable (nothing was stored and nothing arrives late: repeat it with the same id).
    """
    return await to_the_end(_enrol(cmd, ports, now))


async def _enrol(cmd: UseCommand, ports: Ports, now: Micros) -> Enrolled:
    async def check(use: Use) -> None:
        tombstone = await ports.store.tombstone(use.controller, use.basis)
        if tombstone is not None and tombstone.final:
            raise TemplateDestroyed(use.basis)

    async def work(use: Use, verdict: UseVerdict) -> Answer:
        return await _store(cmd, use, verdict, ports, now)

    with wiped(cmd.template.vector):
        use, answer, receipt = await run_use(
            cmd, Operation.ENROL, check=check, work=work, limit=None, ports=ports, now=now
        )
    return Enrolled(template_id=policy.enrolled(answer), basis=use.basis, receipt=receipt)


async def _store(cmd: UseCommand, use: Use, verdict: UseVerdict, ports: Ports, now: Micros) -> Answer:
    template_id = TemplateId(new_uuid(ports.random))
    try:
        for _ in range(_TRIES):
            answer = await _store_once(cmd, use, template_id, verdict, ports, now)
            if answer is not None:
                return answer
    except StorageCorrupt as error:
        await finished(use, verdict, error, ports)
        raise
    raise Conflict("CONCURRENT_CHANGE", "others enrol under this basis at the same time: repeat the request")


async def _store_once(
    cmd: UseCommand, use: Use, template_id: TemplateId, verdict: UseVerdict, ports: Ports, now: Micros
) -> Answer | None:
    facts = cmd.template.facts
    async with data_key(use.controller, use.basis, ports) as (row, key):
        place = Place(
            controller=use.controller,
            basis=use.basis,
            template_id=template_id,
            model_sha256=facts.model_sha256,
            dimension=facts.dimension,
            kek_version=row.wrapped.version,
        )
        nonce = ports.random(crypto.NONCE_BYTES)
        blob = crypto.seal(cmd.template.vector, place, key, nonce)
    sealed = SealedTemplate(place=place, facts=facts, nonce=nonce, blob=blob, enrolled_at=now)
    return await ports.store.store_template(use, sealed, row, verdict.receipt.index)
