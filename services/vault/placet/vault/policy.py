"""The vault's decisions: facts in, decision out.

Owns: what a comparison means, what a request may do next, and what a tombstone forbids.
Never: asks a port, reads a clock, sees a vector or a key. The permit's own rules are `placet.permit.verify`; the
ledger's are `placet.evidence.admission`. Design: vault.md sections 2 and 3.
"""

import hmac
import math
from collections.abc import Iterable, Sequence

from placet.evidence.terms import Micros
from placet.kit.errors import PlacetError
from placet.vault.errors import (
    AttemptsExhausted,
    IdempotencyConflict,
    ModelMismatch,
    PermitInvalid,
    StorageCorrupt,
    TemplateDestroyed,
    TemplateMissing,
)
from placet.vault.model import Answer, AttemptLimit, Comparison, Operation, Permit, Result, Tombstone, Use
from placet.vault.template import SealedTemplate, TemplateFacts, TemplateId

SCORE_STEPS = 20  # a cosine of 1 is this many steps of 0.05
HUNDREDTHS_A_STEP = 5
# Two equal float32 vectors come out a rounding below 1.0: this much is forgiven before the score is cut.
_ROUNDING = 1e-6
_SECOND = 1_000_000
_MARGIN = 150_000

# Reasons of a denied use that say the basis has stopped for good: as good as the message that is on its way.
ENDED_REASONS = frozenset({"BASIS_WITHDRAWN", "GUARDIAN_WITHDRAWN"})


def decide(cosine: float, threshold: float) -> Comparison:
    """Return the decision and the score: the cosine cut down to a step of 0.05.

    The threshold is a whole number of steps, so `match` says nothing that `score` does not: one comparison tells an
    attacker who climbs towards a template (hill-climbing) no more than its step.
    """
    steps = math.floor((cosine + _ROUNDING) * SCORE_STEPS)
    return Comparison(match=steps >= threshold_steps(threshold), score=steps * HUNDREDTHS_A_STEP)


def threshold_steps(threshold: float) -> int:
    """Return a threshold in steps. Raises ValueError unless it is a whole number of steps above 0 and up to 1."""
    steps = round(threshold * SCORE_STEPS)
    if not 0 < steps <= SCORE_STEPS or abs(steps - threshold * SCORE_STEPS) > _ROUNDING:
        raise ValueError("a threshold is a multiple of 0.05, above 0 and at most 1")
    return steps


def comparable(
    stored: Sequence[SealedTemplate], probe: TemplateFacts, basis: int, *, destroyed: bool
) -> SealedTemplate:
    """Return the stored template that the probe compares with: the one of the same model.

    Raises TemplateDestroyed or TemplateMissing when there is none, ModelMismatch when there are only others'.
    """
    if not stored:
        raise TemplateDestroyed(basis) if destroyed else TemplateMissing(basis)
    for template in stored:
        if template.facts.model_sha256 == probe.model_sha256 and template.facts.dimension == probe.dimension:
            return template
    raise ModelMismatch(sorted({template.facts.model_id for template in stored}))


def storable(use: Use, tombstone: Tombstone | None) -> bool:
    """Return whether what was begun as `use` may still be stored under its basis."""
    return tombstone is None or not (tombstone.final or use.seq <= tombstone.seq)


def answer_by(deadline: Micros, now: Micros) -> Micros:
    """Return until when others are waited for, so that their silence can still be answered before `deadline`."""
    return Micros(deadline - min(_MARGIN, max(0, deadline - now) // 4))


def require_operation(permit: Permit, operation: Operation) -> None:
    """Raise PermitInvalid unless the permit allows the operation."""
    if operation.value not in permit.operations:
        raise PermitInvalid(f"the permit does not allow {operation.value}: ask Authorize for that operation")


def failure(reason: str, basis: int) -> PlacetError:
    """Return the error that a use ended with, from the reason that was kept."""
    if reason == "TEMPLATE_DESTROYED":
        return TemplateDestroyed(basis)
    if reason == "MODEL_MISMATCH":
        return ModelMismatch(())
    if reason == "NOT_FOUND":
        return TemplateMissing(basis)
    return StorageCorrupt("a template")


def enrolled(answer: Answer) -> TemplateId:
    """Return the template that an Enrol stored. Raises StorageCorrupt when the kept answer is none of an Enrol."""
    if answer.template_id is None:
        raise StorageCorrupt("a kept answer")
    return answer.template_id


def compared(answer: Answer) -> Comparison:
    """Return the decision that a Match made. Raises StorageCorrupt when the kept answer is none of a Match."""
    if answer.score is None:
        raise StorageCorrupt("a kept answer")
    return Comparison(match=answer.result is Result.MATCH, score=answer.score)


def require_same(asked: Use, known: Use) -> None:
    """Raise IdempotencyConflict unless both are the same request; `asked` may be for another operation or basis."""
    same = asked.operation is known.operation and hmac.compare_digest(asked.digest, known.digest)
    if not same:
        raise IdempotencyConflict


def require_attempt(earlier: Iterable[Micros], limit: AttemptLimit, now: Micros) -> None:
    """Raise AttemptsExhausted when the comparisons begun in the window before `now` have used up the limit."""
    within = sorted(at for at in earlier if now - limit.window < at)
    if len(within) < limit.count:
        return
    frees = within[len(within) - limit.count] + limit.window - now
    raise AttemptsExhausted(limit.count, limit.window // _SECOND, max(frees, 0) / _SECOND)
