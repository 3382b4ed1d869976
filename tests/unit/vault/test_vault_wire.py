"""Protobuf in, model out: every bad field is named; what comes back is what was meant."""

from typing import Any
from uuid import UUID

import numpy as np
import pytest

from placet.api.vault.v1 import vault_pb2
from placet.evidence.terms import BasisOrdinal, LeafIndex, Micros
from placet.kit.errors import Invalid
from placet.vault import wire
from placet.vault.model import Compared, Enrolled, Holdings, Receipt
from placet.vault.template import Holding, TemplateFacts, TemplateId

ID = "0197f2e4-7a1c-7000-8000-0123456789ab"
ONES = np.ones(64, "<f4").tobytes()
TEMPLATE: dict[str, Any] = {
    "vector": ONES,
    "dimension": 64,
    "model_id": "arc",
    "model_sha256": b"\1" * 32,
    "quality": 80,
    "captured_at": 1,
}


def enrol_request(template: dict[str, Any] | None = None, **changes: Any) -> vault_pb2.EnrolRequest:
    fields = {"controller": "bank", "permit": "a.b.c", "id": ID, "seen": 7, **changes}
    return vault_pb2.EnrolRequest(template=vault_pb2.Template(**(template or TEMPLATE)), **fields)


def test_an_enrolment_comes_through_whole() -> None:
    cmd = wire.enrol_from_pb(enrol_request(), 99)
    assert (cmd.controller, cmd.id, cmd.permit, cmd.seen, cmd.deadline) == ("bank", UUID(ID), "a.b.c", 7, 99)
    assert cmd.template.facts.model_sha256 == b"\1" * 32
    assert bytes(cmd.template.vector.octets) == ONES


def test_a_match_reads_its_probe() -> None:
    request = vault_pb2.MatchRequest(
        controller="bank", permit="a.b.c", id=ID, probe=vault_pb2.Template(**{**TEMPLATE, "quality": 101})
    )
    with pytest.raises(Invalid) as caught:
        wire.match_from_pb(request, 99)
    assert caught.value.field == "probe.quality"
    request.probe.quality = 100
    assert wire.match_from_pb(request, 99).template.facts.quality == 100


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"id": ""}, "id", "FIELD_MISSING"),
        ({"id": "1"}, "id", "FIELD_INVALID"),
        ({"id": ID + "0"}, "id", "FIELD_INVALID"),
        ({"id": ID.replace("-", "")}, "id", "FIELD_INVALID"),
        ({"id": "{" + ID + "}"}, "id", "FIELD_INVALID"),
        ({"permit": ""}, "permit", "FIELD_MISSING"),
        ({"permit": "x" * 8_193}, "permit", "FIELD_TOO_LARGE"),
        ({"seen": 2**53}, "seen", "FIELD_INVALID"),
        ({"seen": 2**64 - 1}, "seen", "FIELD_INVALID"),
    ],
)
def test_bad_fields_are_named(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        wire.enrol_from_pb(enrol_request(**changes), 99)
    assert (caught.value.field, caught.value.reason) == (field, reason)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"vector": b""}, "template.vector"),
        ({"vector": ONES[:-1]}, "template.vector"),
        ({"vector": np.full(64, np.nan, "<f4").tobytes()}, "template.vector"),
        ({"dimension": 0}, "template.dimension"),
        ({"dimension": 2**32 - 1}, "template.dimension"),
        ({"quality": 2**32 - 1}, "template.quality"),
        ({"captured_at": -1}, "template.captured_at"),
        ({"captured_at": 2**63 - 1}, "template.captured_at"),
        ({"model_id": "\0"}, "template.model_id"),
        ({"model_sha256": b"\1"}, "template.model_sha256"),
    ],
)
def test_bad_templates_name_the_field_by_its_path(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        wire.enrol_from_pb(enrol_request({**TEMPLATE, **changes}), 99)
    assert (caught.value.field, caught.value.reason) == (field, "TEMPLATE_INVALID")


def test_a_missing_template_is_missing() -> None:
    request = vault_pb2.EnrolRequest(controller="bank", permit="p", id=ID)
    with pytest.raises(Invalid) as caught:
        wire.enrol_from_pb(request, 99)
    assert (caught.value.field, caught.value.reason) == ("template", "FIELD_MISSING")


def test_a_destruction_and_a_look_need_a_position() -> None:
    request = vault_pb2.DestroyRequest(controller="bank", basis=3, reason="purpose_ended")
    assert wire.destroy_from_pb(request) == ("bank", 3, "purpose_ended")
    assert wire.holding_from_pb(vault_pb2.GetHoldingRequest(controller="bank", basis=3)) == ("bank", 3)
    for bad in (vault_pb2.DestroyRequest(basis=2**53, reason="x"), vault_pb2.DestroyRequest(basis=3, reason="X")):
        with pytest.raises(Invalid):
            wire.destroy_from_pb(bad)


RECEIPT = Receipt(
    index=LeafIndex(5),
    entry=b"{}",
    leaf_hash=b"\1" * 32,
    proof=(b"\2" * 32,),
    note="n",
    tree_size=9,
    consistency=(4, (b"\3" * 32,)),
)


def test_receipts_carry_proof_checkpoint_and_consistency() -> None:
    message = wire.receipt_to_pb(RECEIPT)
    assert (message.entry.index, message.entry.entry, list(message.entry.proof)) == (5, b"{}", [b"\2" * 32])
    assert (message.checkpoint.note, message.checkpoint.tree_size) == ("n", 9)
    assert message.checkpoint.consistency.old_size == 4
    assert list(message.checkpoint.consistency.hashes) == [b"\3" * 32]


def test_answers_say_all() -> None:
    template_id = TemplateId(UUID(int=1))
    enrolled = wire.enrolled_to_pb(Enrolled(template_id=template_id, basis=BasisOrdinal(3), receipt=RECEIPT))
    assert (enrolled.template_id, enrolled.basis, enrolled.receipt.entry.index) == (str(UUID(int=1)), 3, 5)
    compared = wire.compared_to_pb(Compared(match=False, score=-35, receipt=RECEIPT))
    assert (compared.match, compared.score) == (False, -35)
    assert wire.destroyed_to_pb((RECEIPT, RECEIPT)).destroyed == 2
    facts = TemplateFacts(model_id="m", model_sha256=b"\1" * 32, dimension=64, quality=1, captured_at=Micros(1))
    holding = Holding(template_id=template_id, facts=facts, enrolled_at=Micros(8))
    looked = wire.holdings_to_pb(Holdings(holdings=(holding,), destroyed=None))
    assert not looked.HasField("destroyed")
    assert (looked.holdings[0].dimension, looked.holdings[0].enrolled_at) == (64, 8)
    assert wire.holdings_to_pb(Holdings(holdings=(), destroyed=LeafIndex(0))).HasField("destroyed")
