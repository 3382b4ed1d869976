"""The vault's decisions at their edges."""

from uuid import UUID

import pytest

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.errors import PlacetError
from placet.vault import policy
from placet.vault.errors import (
    AttemptsExhausted,
    IdempotencyConflict,
    ModelMismatch,
    PermitInvalid,
    TemplateDestroyed,
    TemplateMissing,
)
from placet.vault.model import AttemptLimit, Operation, Permit, Tombstone, Use
from placet.vault.template import Place, SealedTemplate, TemplateFacts, TemplateId

MINUTE = 60_000_000
LIMIT = AttemptLimit(count=3, window=10 * MINUTE)


@pytest.mark.parametrize(
    ("cosine", "score", "match"),
    [
        (1.0, 100, True),
        (0.9999999, 100, True),
        (0.6, 60, True),
        (0.5999, 55, False),
        (0.649, 60, True),
        (0.65, 65, True),
        (0.0, 0, False),
        (-1e-9, 0, False),
        (-0.01, -5, False),
        (-1.0, -100, False),
    ],
)
def test_the_score_is_cut_to_a_step_and_the_match_follows_from_it(cosine: float, score: int, match: bool) -> None:
    decision = policy.decide(cosine, 0.6)
    assert (decision.score, decision.match) == (score, match)


@pytest.mark.parametrize("threshold", [0.0, -0.05, 1.05, 0.61, 0.025])
def test_a_threshold_is_a_step(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"multiple of 0\.05"):
        policy.threshold_steps(threshold)


def test_every_step_above_zero_is_a_threshold() -> None:
    assert [policy.threshold_steps(step * 0.05) for step in range(1, 21)] == list(range(1, 21))


def stored(model: bytes, dimension: int = 64) -> SealedTemplate:
    facts = TemplateFacts(model_id="m", model_sha256=model * 32, dimension=dimension, quality=1, captured_at=Micros(0))
    place = Place(
        controller="bank",
        basis=BasisOrdinal(3),
        template_id=TemplateId(UUID(int=1)),
        model_sha256=facts.model_sha256,
        dimension=dimension,
        kek_version=1,
    )
    return SealedTemplate(place=place, facts=facts, nonce=b"", blob=b"", enrolled_at=Micros(1))


def test_only_templates_of_the_probes_model_compare() -> None:
    two = [stored(b"\1"), stored(b"\2")]
    assert policy.comparable(two, two[1].facts, 3, destroyed=False) is two[1]
    with pytest.raises(ModelMismatch) as caught:
        policy.comparable(two, stored(b"\3").facts, 3, destroyed=False)
    assert caught.value.reason == "MODEL_MISMATCH"
    with pytest.raises(ModelMismatch):
        policy.comparable(two, stored(b"\2", 128).facts, 3, destroyed=False)
    with pytest.raises(TemplateMissing):
        policy.comparable([], two[0].facts, 3, destroyed=False)
    with pytest.raises(TemplateDestroyed):
        policy.comparable([], two[0].facts, 3, destroyed=True)


def use(**changes: object) -> Use:
    fields: dict[str, object] = {
        "controller": "bank",
        "id": UUID(int=7),
        "operation": Operation.VERIFY,
        "digest": b"\1" * 32,
        "basis": BasisOrdinal(3),
        "event": LeafIndex(12),
        "begun_at": Micros(1),
        "seq": 5,
    }
    return Use(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_tombstone_refuses_what_began_before_it_and_a_final_one_everything() -> None:
    assert policy.storable(use(), None)
    assert policy.storable(use(seq=6), Tombstone(seq=5, final=False))
    assert not policy.storable(use(seq=5), Tombstone(seq=5, final=False))
    assert not policy.storable(use(seq=4), Tombstone(seq=5, final=False))
    assert not policy.storable(use(seq=6), Tombstone(seq=5, final=True))


@pytest.mark.parametrize("changes", [{"digest": b"\2" * 32}, {"operation": Operation.ENROL}])
def test_one_id_is_one_request(changes: dict[str, object]) -> None:
    policy.require_same(use(), use(seq=0, begun_at=Micros(9)))
    with pytest.raises(IdempotencyConflict):
        policy.require_same(use(**changes), use())


def test_attempts_slide() -> None:
    now = Micros(100 * MINUTE)
    at = [Micros(90 * MINUTE), Micros(91 * MINUTE), Micros(99 * MINUTE)]
    policy.require_attempt(at, LIMIT, now)  # the first is exactly one window ago: it no longer counts
    with pytest.raises(AttemptsExhausted) as caught:
        policy.require_attempt([*at, Micros(92 * MINUTE)], LIMIT, now)
    assert caught.value.reason == "ATTEMPTS_EXHAUSTED"
    assert caught.value.retry_after == pytest.approx(60.0)
    policy.require_attempt([*at, Micros(92 * MINUTE)], LIMIT, Micros(now + MINUTE))


def test_a_clock_that_goes_back_forgives_no_attempt() -> None:
    with pytest.raises(AttemptsExhausted):
        policy.require_attempt([Micros(200 * MINUTE)] * 3, LIMIT, Micros(100 * MINUTE))


def test_a_permit_is_for_its_operations() -> None:
    permit = Permit(
        id="e", controller="bank", event=LeafIndex(1), basis=BasisOrdinal(1), operations=frozenset({"enrol"})
    )
    policy.require_operation(permit, Operation.ENROL)
    with pytest.raises(PermitInvalid) as caught:
        policy.require_operation(permit, Operation.VERIFY)
    assert caught.value.field == "permit"


@pytest.mark.parametrize("reason", ["TEMPLATE_DESTROYED", "MODEL_MISMATCH", "NOT_FOUND", "STORAGE_CORRUPT"])
def test_a_kept_failure_comes_back_as_itself(reason: str) -> None:
    failure = policy.failure(reason, 3)
    assert isinstance(failure, PlacetError)
    assert failure.reason == reason
