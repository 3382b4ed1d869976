"""Match: a probe is compared with the template of the permit's basis (1:1).

Owns: the steps after the ledger allowed the use: open, compare, decide.
Never: gives out more than a decision and a score in steps of 0.05; compares two models. That there is no comparable
template is said before the `use` entry: no secret is touched for it, so the permit's use is not spent and nothing is
recorded that did not happen. Design: vault.md section 3.
"""

from placet.evidence.terms import Micros
from placet.vault import crypto, policy
from placet.vault.comparison import cosine
from placet.vault.errors import ModelMismatch, StorageCorrupt, TemplateDestroyed, TemplateMissing
from placet.vault.handlers.keys import data_key
from placet.vault.handlers.uses import finished, run_use, to_the_end
from placet.vault.model import Answer, Compared, Comparison, Operation, Result, Use, UseCommand, UseVerdict
from placet.vault.ports import Ports, Rules
from placet.vault.template import SealedTemplate, wiped


async def match(cmd: UseCommand, *, rules: Rules, ports: Ports, now: Micros) -> Compared:
    """Compare the probe; a repeated request gets the same decision and no second comparison with another probe.

    Raises PermitInvalid, IdempotencyConflict, TemplateMissing, TemplateDestroyed, ModelMismatch, AttemptsExhausted,
    UseDenied, StorageCorrupt, VaultSealed, Unavailable (nothing was compared: repeat it with the same id).
    """
    return await to_the_end(_match(cmd, rules, ports, now))


async def _match(cmd: UseCommand, rules: Rules, ports: Ports, now: Micros) -> Compared:
    async def check(use: Use) -> None:
        await _stored(cmd, use, ports)

    async def work(use: Use, verdict: UseVerdict) -> Answer:
        return await _compare(cmd, use, verdict, rules, ports)

    with wiped(cmd.template.vector):
        _, answer, receipt = await run_use(
            cmd, Operation.VERIFY, check=check, work=work, limit=rules.attempts, ports=ports, now=now
        )
    decision = policy.compared(answer)
    return Compared(match=decision.match, score=decision.score, receipt=receipt)


async def _stored(cmd: UseCommand, use: Use, ports: Ports) -> SealedTemplate:
    stored = await ports.store.templates(use.controller, use.basis)
    destroyed = not stored and await ports.store.tombstone(use.controller, use.basis) is not None
    return policy.comparable(stored, cmd.template.facts, use.basis, destroyed=destroyed)


async def _compare(cmd: UseCommand, use: Use, verdict: UseVerdict, rules: Rules, ports: Ports) -> Answer:
    """Compare and keep the decision; what was destroyed or replaced since the first look ends as an error outcome."""
    try:
        sealed = await _stored(cmd, use, ports)
        decision = await _open_and_compare(cmd, sealed, rules, ports)
    except (TemplateDestroyed, TemplateMissing, ModelMismatch, StorageCorrupt) as error:
        await finished(use, verdict, error, ports)
        raise
    result = Result.MATCH if decision.match else Result.NO_MATCH
    answer = Answer(result=result, score=decision.score)
    return await ports.store.finish_use(use, answer, verdict.receipt.index)


async def _open_and_compare(cmd: UseCommand, sealed: SealedTemplate, rules: Rules, ports: Ports) -> Comparison:
    place = sealed.place
    async with data_key(place.controller, place.basis, ports) as (_, key):
        stored = crypto.open_sealed(sealed, key)
    with wiped(stored):
        return policy.decide(cosine(cmd.template.vector, stored), rules.threshold)
