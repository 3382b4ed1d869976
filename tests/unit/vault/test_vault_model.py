"""What a template may be: every bad one names its field."""

import math

import numpy as np
import pytest

from placet.evidence.terms import Micros
from placet.kit.errors import Invalid, Kind
from placet.vault.model import Answer, Result, reason_code
from placet.vault.template import TemplateFacts, TemplateId, new_uuid, read_template, wiped

GOOD = {"model_id": "arc-r100", "model_sha256": b"\x01" * 32, "dimension": 64, "quality": 90, "captured_at": Micros(1)}


def facts(**changes: object) -> TemplateFacts:
    return TemplateFacts(**{**GOOD, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dimension", 63),
        ("dimension", 4097),
        ("dimension", 0),
        ("model_id", ""),
        ("model_id", "a b"),
        ("model_id", "-a"),
        ("model_id", "x" * 65),
        ("model_sha256", b""),
        ("model_sha256", b"\x01" * 31),
        ("model_sha256", b"\x01" * 33),
        ("quality", 101),
        ("captured_at", -1),
        ("captured_at", 253_402_300_800_000_000),
    ],
)
def test_bad_facts_name_their_field(field: str, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        facts(**{field: value})
    assert (caught.value.kind, caught.value.reason, caught.value.field) == (Kind.INVALID, "TEMPLATE_INVALID", field)


@pytest.mark.parametrize("dimension", [64, 4096])
def test_the_bounds_of_dimension_are_allowed(dimension: int) -> None:
    template = read_template(np.ones(dimension, "<f4").tobytes(), facts(dimension=dimension))
    assert template.vector.dimension == dimension


@pytest.mark.parametrize(
    "vector",
    [
        b"",
        np.ones(63, "<f4").tobytes(),
        np.ones(65, "<f4").tobytes(),
        np.ones(64, "<f4").tobytes()[:-1],
        np.zeros(64, "<f4").tobytes(),
        np.full(64, -0.0, "<f4").tobytes(),
        *[np.array([bad, *[1.0] * 63], "<f4").tobytes() for bad in (math.nan, math.inf, -math.inf)],
        np.array([*[1.0] * 63, math.nan], "<f4").tobytes(),
    ],
)
def test_bad_vectors_are_refused(vector: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_template(vector, facts())
    assert caught.value.reason == "TEMPLATE_INVALID"
    assert caught.value.field == "vector"


def test_a_vector_is_little_endian_float32() -> None:
    template = read_template(b"\x00\x00\x80\x3f" + bytes(63 * 4), facts())
    assert template.vector.values[0] == 1.0
    assert bytes(template.vector.octets[:4]) == b"\x00\x00\x80\x3f"


def test_wiping_overwrites_the_buffer_also_after_an_error() -> None:
    vector = read_template(np.ones(64, "<f4").tobytes(), facts()).vector
    octets = vector.octets
    with pytest.raises(ZeroDivisionError), wiped(vector):
        raise ZeroDivisionError
    assert bytes(octets) == bytes(256)


@pytest.mark.parametrize("text", ["", "A", "1x", "a-b", "a b", "x" * 65, "über"])
def test_a_reason_is_a_code(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        reason_code(text)
    assert caught.value.field == "reason"
    assert reason_code("purpose_ended") == "purpose_ended"


@pytest.mark.parametrize(
    "wrong",
    [
        {"result": Result.ENROLLED},
        {"result": Result.MATCH},
        {"result": Result.NO_MATCH, "error": "X"},
        {"result": Result.ERROR, "score": 5},
        {"result": Result.MATCH, "score": 5, "error": "X"},
    ],
)
def test_an_answer_holds_what_its_result_needs_and_nothing_else(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        Answer(**wrong)  # type: ignore[arg-type]
    Answer(result=Result.ENROLLED, template_id=TemplateId(new_uuid(lambda n: b"\x07" * n)))


def test_a_new_uuid_is_a_random_one() -> None:
    assert str(new_uuid(lambda n: b"\xff" * n)) == "ffffffff-ffff-4fff-bfff-ffffffffffff"
