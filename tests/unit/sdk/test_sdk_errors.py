"""Errors: every reason has its next step, every kind its class, and nothing is lost on the way to people."""

import pytest

from placet.api.common.v1 import errors_pb2
from placet.kit.errors import Kind as ServiceKind
from placet.sdk.advice import next_step, reasons
from placet.sdk.errors import CLASSES, Denied, Kind, PlacetError, ProofError, Unreachable


def proto_reasons() -> set[str]:
    names = {name.removeprefix("ERROR_REASON_") for name in errors_pb2.ErrorReason.DESCRIPTOR.values_by_name}
    return names - {"UNSPECIFIED"}


def test_every_reason_of_the_protos_has_its_next_step() -> None:
    assert proto_reasons() <= reasons()
    assert reasons() - proto_reasons() == {"CONFIG_INVALID", "CLOSED", "LOCAL_MISSING"}


def test_an_unknown_reason_has_a_next_step_too() -> None:
    assert "docs/errors.md" in next_step("FROM_THE_FUTURE")


def test_the_kinds_are_those_of_the_services() -> None:
    assert {kind.value for kind in Kind} == {kind.value for kind in ServiceKind}
    assert set(CLASSES) == set(Kind)
    assert all(found.kind is kind for kind, found in CLASSES.items())


@pytest.mark.parametrize("kind", list(Kind))
def test_explain_says_reason_field_metadata_delay_and_next_step(kind: Kind) -> None:
    error = CLASSES[kind]("QUEUE_FULL", "too much", retry_after=1.5) if kind is not Kind.CORRUPT else None
    if error is None:
        return
    error.field, error.metadata = "event.device", {"have": "1"}
    told = error.explain()
    for part in ("QUEUE_FULL", "too much", "event.device", "have: 1", "1.5 s", "Next step:"):
        assert part in told


def test_unreachable_names_the_alternative() -> None:
    assert "card" in Unreachable("DEADLINE_PASSED", "nobody", alternative="card").explain()


def test_a_proof_error_carries_both_checkpoints_and_the_proof() -> None:
    error = ProofError("LOG_FORKED", "two", held="a\n", answered="b\n", proof=[b"\x01" * 32], evidence={"x": b"\x02"})
    told = error.explain()
    for part in ("held", "answered", "01" * 32, "x: 02"):
        assert part in told


def test_denied_is_no_placet_error() -> None:
    assert not issubclass(Denied, PlacetError)
