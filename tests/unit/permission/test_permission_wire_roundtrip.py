"""What comes from the wire goes back to it unchanged: registers, legal permissions, lookups; bad input is typed."""

from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.api.common.v1 import vocabulary_pb2
from placet.api.consent.v1 import lookup_pb2
from placet.api.permission.v1 import attestations_pb2 as apb
from placet.api.permission.v1 import permission_pb2 as pb
from placet.api.permission.v1 import posture_pb2 as ppb
from placet.api.permission.v1 import register_pb2 as rpb
from placet.evidence.reasons import Reason
from placet.permission.errors import ConsentsUnavailable, Invalid
from placet.permission.model.legal import Approval, LegalPermission, LegalState
from placet.permission.model.vocabulary import MAX_INT, AgeBand, ApproverRole
from placet.permission.wire import attestations, legal, lookup, posture, registers, words

codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True)
texts = st.text(alphabet=st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=50)
times = st.integers(0, MAX_INT)
hashes = st.one_of(st.just(b""), st.binary(min_size=32, max_size=32))


def enum(numbers: Any) -> st.SearchStrategy[int]:
    return st.sampled_from([number for number in numbers.values() if number])


purposes = st.builds(
    rpb.Purpose, id=codes, name=texts, necessity=texts,
    operations=st.lists(enum(vocabulary_pb2.Operation), unique=True, min_size=1),
    inferences=st.lists(enum(vocabulary_pb2.Inference), unique=True), storage=enum(vocabulary_pb2.Storage),
    retention_days=st.integers(0, 36_500), assessment_sha256=hashes, assessment_valid_until=times, reviewed_by=codes,
    reviewed_at=times, public_safety=st.booleans(), alternative=texts, permit_lifetime=st.integers(0, 86_400),
    retention_anchor=st.sampled_from(rpb.RetentionAnchor.values()), review_statement=texts, ended_at=times,
)  # fmt: skip
sites = st.builds(
    rpb.Site, id=codes, name=texts, place_class=enum(vocabulary_pb2.PlaceClass), public_place=st.booleans()
)
devices = st.builds(
    rpb.Device, id=codes, name=texts, site=codes, place_class=enum(vocabulary_pb2.PlaceClass),
    public_place=st.booleans(), sign_sha256=hashes, sign_valid_until=times, collection_area_set=st.booleans(),
    alternative=texts, sign_position=texts, sign_languages=st.lists(codes, unique=True, max_size=3),
    sign_checked_at=times, collection_area=texts, public_safety_need=texts, retired=st.booleans(),
)  # fmt: skip
some = st.text(alphabet=st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=50)
full = st.binary(min_size=32, max_size=32)
early, late = st.integers(1, 1_000), st.integers(1_001, MAX_INT)
several = st.lists(codes, unique=True, min_size=1, max_size=4)
assessments = st.builds(
    apb.Assessment, id=codes, purposes=several, report_sha256=full, lawfulness=some, rights_impact=some, risks=some,
    protection=some, assessor=codes, concluded_at=early, valid_until=late,
)  # fmt: skip
incidents = st.builds(apb.Incident, id=codes, noticed_at=early, description=some, report_sha256=hashes)
measures = st.builds(
    apb.MeasureAttestation, measure=enum(apb.Measure), evidence_sha256=full, checked_at=early, valid_until=late
)
deployments = st.builds(
    apb.Deployment, id=codes, name=texts, retired=st.booleans(),
    measures=st.lists(measures, unique_by=lambda one: one.measure, max_size=5),
)  # fmt: skip
flows = st.builds(
    apb.CaptureFlow, purpose=codes, face_is_default=st.booleans(), face_is_first=st.booleans(),
    refusal_equal=st.booleans(), choice_reset_by_update=st.booleans(), evidence_sha256=full, checked_at=early,
    valid_until=late,
)  # fmt: skip
alternatives = st.builds(
    apb.Alternative, id=codes, name=some, purposes=several, in_service=st.booleans(), checked_at=early,
    valid_until=st.just(0) | late,
)  # fmt: skip
usages = st.builds(
    apb.AlternativeUsage, purpose=codes, period=st.from_regex(r"20[0-9]{2}-(0[1-9]|1[0-2])", fullmatch=True),
    face=st.integers(0, 2**40), alternative=st.integers(0, 2**40),
)  # fmt: skip


@given(assessments, incidents, deployments, flows, alternatives, usages)
@settings(max_examples=60, deadline=None)
def test_what_a_controller_states_of_itself(
    one: apb.Assessment,
    two: apb.Incident,
    three: apb.Deployment,
    four: apb.CaptureFlow,
    five: apb.Alternative,
    six: apb.AlternativeUsage,
) -> None:
    wire = attestations
    assert wire.assessment_to_pb(wire.assessment_from_pb(apb.PutAssessmentRequest(assessment=one))) == one
    assert wire.incident_to_pb(wire.incident_from_pb(apb.PutIncidentRequest(incident=two))) == two
    assert wire.deployment_to_pb(wire.deployment_from_pb(apb.PutDeploymentRequest(deployment=three))) == three
    assert wire.capture_flow_to_pb(wire.capture_flow_from_pb(apb.PutCaptureFlowRequest(flow=four))) == four
    assert wire.alternative_to_pb(wire.alternative_from_pb(apb.PutAlternativeRequest(alternative=five))) == five
    asked = apb.PutAlternativeUsageRequest(usage=six)
    assert wire.usage_to_pb(wire.usage_from_pb(asked)) == six


@given(purposes)
def test_a_purpose(message: rpb.Purpose) -> None:
    assert registers.purpose_to_pb(registers.purpose_from_pb(rpb.PutPurposeRequest(purpose=message))) == message


@given(sites)
def test_a_site(message: rpb.Site) -> None:
    assert registers.site_to_pb(registers.site_from_pb(rpb.PutSiteRequest(site=message))) == message


@given(devices)
def test_a_device(message: rpb.Device) -> None:
    assert registers.device_to_pb(registers.device_from_pb(rpb.PutDeviceRequest(device=message))) == message


drafts = st.builds(
    pb.LegalDraft, code=enum(pb.LegalCode), authority=codes, document_sha256=st.binary(min_size=32, max_size=32),
    purposes=st.lists(codes, unique=True, min_size=1, max_size=5),
    operations=st.lists(enum(vocabulary_pb2.Operation), unique=True, min_size=1),
    sites=st.one_of(st.just(["*"]), st.lists(codes, unique=True, min_size=1, max_size=5)), egress=st.booleans(),
    not_before=st.integers(0, 1000), not_after=st.one_of(st.just(0), st.integers(1001, MAX_INT)), max_events=times,
    law=codes,
)  # fmt: skip
ID = "0190b5b2-0000-7abc-8def-0123456789ab"


@given(drafts)
def test_a_legal_draft(message: pb.LegalDraft) -> None:
    ident, draft = legal.draft_from_pb(pb.RequestLegalPermissionRequest(id=ID.upper(), draft=message))
    assert ident == ID
    assert legal.draft_to_pb(draft) == message


def test_a_legal_permission_with_its_approvals() -> None:
    message = pb.LegalDraft(
        code=pb.LEGAL_CODE_COURT_ORDER, authority="a", document_sha256=b"d" * 32, purposes=["p"],
        operations=[vocabulary_pb2.OPERATION_VERIFY], sites=["*"], law="cn-2025",
    )  # fmt: skip
    draft = legal.draft_from_pb(pb.RequestLegalPermissionRequest(id=ID, draft=message))[1]
    approval = Approval(approver="x", role=ApproverRole.DPO, key=b"k", expires=9, signature=b"s", index=4)
    permission = LegalPermission(
        id=ID, requester="r", draft=draft, digest=b"", draft_digest=b"", record=b"", salt=b"", approvals=(approval,),
        state=LegalState.ISSUED, basis=0, granted=7, leaf=b"l" * 32, begins=0,
    )  # fmt: skip
    answer = legal.permission_to_pb(permission)
    assert (answer.id, answer.state, answer.basis) == (ID, pb.LEGAL_STATE_ISSUED, 0)
    assert answer.HasField("basis")
    assert [(one.approver, one.role, one.index) for one in answer.approvals] == [("x", 7, 4)]


@pytest.mark.parametrize(
    ("read", "request_", "field", "reason"),
    [
        (registers.purpose_from_pb, rpb.PutPurposeRequest(), "purpose", "FIELD_MISSING"),
        (registers.site_from_pb, rpb.PutSiteRequest(site=rpb.Site(id="x")), "site.place_class", "FIELD_MISSING"),
        (registers.site_from_pb, rpb.PutSiteRequest(), "site", "FIELD_MISSING"),
        (registers.device_from_pb, rpb.PutDeviceRequest(), "device", "FIELD_MISSING"),
        (
            registers.device_from_pb,
            rpb.PutDeviceRequest(device=rpb.Device(id="x", site="y", place_class=99)),  # type: ignore[arg-type]
            "device.place_class",
            "FIELD_INVALID",
        ),
        (registers.attestation_from_pb, rpb.PutAttestationRequest(), "attestation", "FIELD_MISSING"),
        (attestations.assessment_from_pb, apb.PutAssessmentRequest(), "assessment", "FIELD_MISSING"),
        (attestations.incident_from_pb, apb.PutIncidentRequest(), "incident", "FIELD_MISSING"),
        (attestations.deployment_from_pb, apb.PutDeploymentRequest(), "deployment", "FIELD_MISSING"),
        (attestations.capture_flow_from_pb, apb.PutCaptureFlowRequest(), "flow", "FIELD_MISSING"),
        (attestations.alternative_from_pb, apb.PutAlternativeRequest(), "alternative", "FIELD_MISSING"),
        (attestations.usage_from_pb, apb.PutAlternativeUsageRequest(), "usage", "FIELD_MISSING"),
        (
            attestations.deployment_from_pb,
            apb.PutDeploymentRequest(deployment=apb.Deployment(id="x", measures=[apb.MeasureAttestation()])),
            "deployment.measures[0].measure",
            "FIELD_MISSING",
        ),
        (
            registers.purpose_from_pb,
            rpb.PutPurposeRequest(purpose=rpb.Purpose(id="x", operations=[1], retention_anchor=9)),  # type: ignore[arg-type,list-item]
            "purpose.retention_anchor",
            "FIELD_INVALID",
        ),
        (posture.language_from_pb, ppb.GetPostureRequest(language="fr"), "language", "FIELD_INVALID"),
        (
            registers.purpose_from_pb,
            rpb.PutPurposeRequest(purpose=rpb.Purpose(id="x", operations=[1, 0])),  # type: ignore[list-item]
            "purpose.operations[1]",
            "FIELD_MISSING",
        ),
        (legal.draft_from_pb, pb.RequestLegalPermissionRequest(id=ID), "draft", "FIELD_MISSING"),
        (legal.draft_from_pb, pb.RequestLegalPermissionRequest(id="7", draft=pb.LegalDraft()), "id", "FIELD_INVALID"),
        (
            legal.draft_from_pb,
            pb.RequestLegalPermissionRequest(id=ID, draft=pb.LegalDraft()),
            "draft.code",
            "FIELD_MISSING",
        ),
        (legal.approval_from_pb, pb.ApproveLegalPermissionRequest(id=ID, role=2), "role", "FIELD_INVALID"),
        (
            legal.approval_from_pb,
            pb.ApproveLegalPermissionRequest(id=ID, role=6, expires=-1),
            "expires",
            "FIELD_INVALID",
        ),
        (legal.approval_from_pb, pb.ApproveLegalPermissionRequest(id=ID, role=6), "signature", "FIELD_MISSING"),
        (
            legal.revocation_from_pb,
            pb.RevokeLegalPermissionRequest(id=ID, reason="because I say so"),
            "reason",
            "FIELD_INVALID",
        ),
    ],
)
def test_bad_input_names_the_field(read: Any, request_: Message, field: str, reason: str) -> None:
    with pytest.raises(Invalid) as error:
        read(request_)
    assert (error.value.field, error.value.reason) == (field, reason)


def test_every_reason_of_the_rules_has_a_number() -> None:
    assert set(words.REASON_NUMBERS) == {reason.value for reason in Reason}


FACTS = lookup_pb2.BasisFacts(
    ordinal=3, granted=9, purpose="entry", operations=[2], sites=["*"], separate=True, leaf_hash=b"l" * 32
)  # type: ignore[arg-type]


def test_a_lookup_and_its_answer() -> None:
    request = lookup_pb2.LookupRequest.FromString(lookup.lookup_to_bytes("bank", [b"a", b"b"], [7]))
    assert (request.controller, list(request.subjects), list(request.ordinals)) == ("bank", [b"a", b"b"], [7])
    answer = lookup_pb2.LookupResponse(
        subjects=[lookup_pb2.SubjectFacts(bases=[FACTS]), lookup_pb2.SubjectFacts()], bases=[FACTS], as_of=12
    )
    found = lookup.found_from_bytes(answer.SerializeToString(), 2)
    (facts,) = found.subjects[0]
    assert (found.as_of, found.subjects[1], found.bases) == (12, (), (facts,))
    assert (facts.ordinal, facts.sites, facts.ended, facts.not_after) == (3, None, None, MAX_INT)
    assert (facts.age_band, facts.leaf) == (AgeBand.UNKNOWN, b"l" * 32)


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (b"\xff\xff", 0),
        (lookup_pb2.LookupResponse().SerializeToString(), 1),
        (
            lookup_pb2.LookupResponse(
                subjects=[lookup_pb2.SubjectFacts(bases=[lookup_pb2.BasisFacts(operations=[77])])]  # type: ignore[list-item]
            ).SerializeToString(),
            1,
        ),
    ],
)
def test_an_answer_that_is_none_decides_nothing(data: bytes, asked: int) -> None:
    with pytest.raises(ConsentsUnavailable):
        lookup.found_from_bytes(data, asked)
