"""What must hold for every vector, place, score and sequence of attempts."""

from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.errors import Invalid
from placet.kit.security.redacted import SecretBytes
from placet.vault import crypto, policy, rows
from placet.vault.comparison import cosine
from placet.vault.errors import AttemptsExhausted, StorageCorrupt
from placet.vault.model import Answer, AttemptLimit, Erasure, Operation, Result, Use
from placet.vault.template import (
    Place,
    SealedTemplate,
    TemplateFacts,
    TemplateId,
    Vector,
    read_template,
)

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
vectors = (
    st.lists(finite, min_size=64, max_size=80)
    .map(lambda values: np.array(values, "<f4"))
    .filter(lambda values: bool(values.any()))
)
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True)
ordinals = st.integers(0, 2**53 - 1).map(BasisOrdinal)
hashes = st.binary(min_size=32, max_size=32)
keys = hashes.map(SecretBytes)
nonces = st.binary(min_size=12, max_size=12)
template_ids = st.uuids().map(TemplateId)
instants = st.integers(0, 2**53 - 1).map(Micros)
places = st.builds(
    Place,
    controller=ids,
    basis=ordinals,
    template_id=template_ids,
    model_sha256=hashes,
    dimension=st.just(64),
    kek_version=st.integers(1, 2**31 - 1),
)


def sealed(place: Place, nonce: bytes, blob: bytes) -> SealedTemplate:
    facts = TemplateFacts(
        model_id="m", model_sha256=place.model_sha256, dimension=place.dimension, quality=1, captured_at=Micros(1)
    )
    return SealedTemplate(place=place, facts=facts, nonce=nonce, blob=blob, enrolled_at=Micros(1))


@given(vectors.map(lambda values: values[:64]), places, keys, nonces)
def test_what_is_sealed_opens_at_its_place_bit_for_bit(
    values: "np.ndarray[tuple[int], np.dtype[np.float32]]", place: Place, key: SecretBytes, nonce: bytes
) -> None:
    blob = crypto.seal(Vector(values), place, key, nonce)
    opened = crypto.open_sealed(sealed(place, nonce, blob), key)
    assert opened.values.tobytes() == values.tobytes()


@given(places, places, keys, nonces)
def test_a_template_opens_at_its_own_place_only(one: Place, other: Place, key: SecretBytes, nonce: bytes) -> None:
    blob = crypto.seal(Vector(np.ones(64, "<f4")), one, key, nonce)
    if one == other:
        return
    with pytest.raises(StorageCorrupt):
        crypto.open_sealed(sealed(other, nonce, blob), key)


@given(places, places)
def test_two_places_never_have_the_same_additional_data(one: Place, other: Place) -> None:
    assert (one == other) == (crypto.additional_data(one) == crypto.additional_data(other))


@given(keys, keys)
def test_a_wrapped_key_unwraps_under_its_key_only(key: SecretBytes, under: SecretBytes) -> None:
    blob = crypto.wrap(key, under)
    assert crypto.unwrap(blob, under, "a key") == key
    if key != under:
        with pytest.raises(StorageCorrupt):
            crypto.unwrap(blob, key, "a key")


@given(st.floats(-1, 1), st.integers(1, 20).map(lambda step: step * 0.05))
def test_a_match_says_no_more_than_its_score(value: float, threshold: float) -> None:
    decision = policy.decide(value, threshold)
    assert decision.score % 5 == 0
    assert -100 <= decision.score <= 100
    assert decision.match == (decision.score >= round(threshold * 100))
    assert -1e-5 <= value - decision.score / 100 + 2e-6 <= 0.05 + 1e-5


@given(vectors, st.floats(0.001, 1000))
def test_cosine_is_of_directions(values: "np.ndarray[tuple[int], np.dtype[np.float32]]", scale: float) -> None:
    one = Vector(values)
    scaled = Vector((values.astype(np.float64) * scale).clip(-3e38, 3e38).astype("<f4"))
    largest = float(np.abs(values).max())
    if not 1e-30 < largest < 1e34 or not float(np.abs(scaled.values).max()) > 1e-30:
        return  # denormal or clipped: another direction
    assert policy.decide(cosine(one, one), 0.6).score == 100
    assert cosine(one, scaled) == pytest.approx(1.0, abs=1e-4)
    assert -1.0 <= cosine(one, scaled) <= 1.0


@given(
    st.binary(max_size=1024), st.integers(-1, 5000), st.integers(-1, 200), st.text(max_size=70), st.binary(max_size=40)
)
def test_whatever_comes_is_a_template_or_a_typed_error(
    octets: bytes, dimension: int, quality: int, model_id: str, model: bytes
) -> None:
    try:
        facts = TemplateFacts(
            model_id=model_id, model_sha256=model, dimension=dimension, quality=quality, captured_at=Micros(0)
        )
        template = read_template(octets, facts)
    except Invalid as error:
        refused = error
    else:
        assert np.isfinite(template.vector.values).all()
        assert bytes(template.vector.octets) == octets
        return
    assert refused.field
    assert refused.reason == "TEMPLATE_INVALID"


@given(st.lists(st.integers(0, 10_000_000), max_size=60), st.integers(1, 5))
def test_no_window_ever_holds_more_attempts_than_the_limit(steps: list[int], count: int) -> None:
    limit = AttemptLimit(count=count, window=20_000_000)
    now, made = 0, list[Micros]()
    for step in steps:
        now += step
        try:
            policy.require_attempt(made, limit, Micros(now))
        except AttemptsExhausted as error:
            later = Micros(now + round((error.retry_after or 0) * 1e6))
            policy.require_attempt(made, limit, later)  # what it says it does
            continue
        made.append(Micros(now))
    for start in made:
        assert sum(start <= at < start + limit.window for at in made) <= count


answers = st.one_of(
    st.none(),
    st.builds(Answer, result=st.just(Result.ENROLLED), template_id=template_ids),
    st.builds(Answer, result=st.sampled_from([Result.MATCH, Result.NO_MATCH]), score=st.integers(-20, 20)),
    st.builds(Answer, result=st.just(Result.ERROR), error=st.just("TEMPLATE_DESTROYED")),
)
uses = st.builds(
    Use,
    controller=ids,
    id=st.uuids(),
    operation=st.sampled_from(Operation),
    digest=hashes,
    basis=ordinals,
    event=st.integers(0, 2**53 - 1).map(LeafIndex),
    begun_at=instants,
    seq=st.integers(1, 1000),
    answer=answers,
)


@given(uses)
def test_a_use_comes_back_from_its_row(use: Use) -> None:
    row = rows.use_row(use)
    row.seq = use.seq
    if use.answer is not None:
        rows.keep_answer(row, use.answer)
    assert rows.use_of(row) == use


@given(places, nonces, st.binary(min_size=80, max_size=80))
def test_a_sealed_template_comes_back_from_its_row(place: Place, nonce: bytes, blob: bytes) -> None:
    one = sealed(place, nonce, blob)
    assert rows.template_of(rows.template_row(one)) == one


@given(ids, ordinals, st.uuids(), hashes, instants)
def test_an_erasure_comes_back_from_its_row(
    controller: str, basis: BasisOrdinal, template_id: UUID, sha256: bytes, at: Micros
) -> None:
    erasure = Erasure(
        controller=controller,
        basis=basis,
        template_id=TemplateId(template_id),
        reason="replaced",
        blob_sha256=sha256,
        destroyed_at=at,
    )
    assert rows.erasure_of(rows.erasure_row(erasure)) == erasure
