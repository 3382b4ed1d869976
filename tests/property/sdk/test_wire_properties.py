"""What goes to the wire and comes back is the same; what a notice and an approval are is what the services say."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from placet.api.consent.v1 import consent_pb2
from placet.consent.model.notices import NoticeContent
from placet.consent.model.notices import NoticeText as ServiceText
from placet.consent.policy.notices import content_hash as service_hash
from placet.evidence.approvals import Approval
from placet.evidence.terms import MAX_INT
from placet.sdk import (
    Alternative,
    AlternativeUsage,
    Approver,
    ApproverRole,
    Assessment,
    CaptureFlow,
    Deployment,
    Device,
    Incident,
    LegalDraft,
    LegalRequest,
    MeasureAttestation,
    NoticeText,
    Purpose,
    Site,
)
from placet.sdk.vocabulary import Inference, LegalCode, Measure, Operation, PlaceClass, RetentionAnchor, Storage
from placet.sdk.wire.attestations import (
    alternative_of,
    alternative_to_pb,
    assessment_of,
    assessment_to_pb,
    deployment_of,
    deployment_to_pb,
    flow_of,
    flow_to_pb,
    incident_of,
    incident_to_pb,
    usage_of,
    usage_to_pb,
)
from placet.sdk.wire.consents import content_hash, notice_to_pb
from placet.sdk.wire.legal import draft_of, draft_to_pb
from placet.sdk.wire.registers import device_of, device_to_pb, purpose_of, purpose_to_pb, site_of, site_to_pb

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
TIMES = st.none() | st.integers(1, MAX_INT)
HASHES = st.just(b"") | st.binary(min_size=32, max_size=32)


def several(words: Any) -> Any:
    return st.lists(st.sampled_from(words), unique=True).map(tuple)


PURPOSES = st.builds(
    Purpose,
    id=IDS,
    name=TEXTS,
    necessity=TEXTS,
    operations=several(Operation),
    inferences=several(Inference),
    storage=st.none() | st.sampled_from(Storage),
    retention_days=st.integers(0, 2**32 - 1),
    assessment_sha256=HASHES,
    assessment_valid_until=TIMES,
    reviewed_by=TEXTS,
    reviewed_at=TIMES,
    public_safety=st.booleans(),
    alternative=TEXTS,
    permit_lifetime=st.integers(0, 86_400),
    retention_anchor=st.none() | st.sampled_from(RetentionAnchor),
    review_statement=TEXTS,
    ended_at=TIMES,
)
PLACES = {"place_class": st.sampled_from(PlaceClass), "public_place": st.booleans(), "name": TEXTS}
SITES = st.builds(Site, id=IDS, **PLACES)
DEVICES = st.builds(
    Device,
    id=IDS,
    site=IDS,
    sign_sha256=HASHES,
    sign_valid_until=TIMES,
    collection_area_set=st.booleans(),
    alternative=TEXTS,
    sign_position=TEXTS,
    sign_languages=st.lists(IDS, max_size=3).map(tuple),
    sign_checked_at=TIMES,
    collection_area=TEXTS,
    public_safety_need=TEXTS,
    retired=st.booleans(),
    **PLACES,
)
SOMETIME = st.integers(1, MAX_INT)
SPAN = {"checked_at": SOMETIME, "valid_until": SOMETIME}
STATED = (
    (
        st.builds(
            Assessment, id=IDS, purposes=st.lists(IDS, max_size=3).map(tuple), report_sha256=HASHES, lawfulness=TEXTS,
            rights_impact=TEXTS, risks=TEXTS, protection=TEXTS, assessor=TEXTS, concluded_at=SOMETIME,
            valid_until=SOMETIME,
        ),
        assessment_to_pb,
        assessment_of,
    ),
    (
        st.builds(Incident, id=IDS, noticed_at=SOMETIME, description=TEXTS, report_sha256=HASHES),
        incident_to_pb,
        incident_of,
    ),
    (
        st.builds(
            Deployment, id=IDS, name=TEXTS, retired=st.booleans(),
            measures=st.lists(
                st.builds(MeasureAttestation, measure=st.sampled_from(Measure), evidence_sha256=HASHES, **SPAN),
                max_size=3,
            ).map(tuple),
        ),
        deployment_to_pb,
        deployment_of,
    ),
    (
        st.builds(
            CaptureFlow, purpose=IDS, face_is_default=st.booleans(), face_is_first=st.booleans(),
            refusal_equal=st.booleans(), choice_reset_by_update=st.booleans(), evidence_sha256=HASHES, **SPAN,
        ),
        flow_to_pb,
        flow_of,
    ),
    (
        st.builds(
            Alternative, id=IDS, name=TEXTS, purposes=st.lists(IDS, max_size=3).map(tuple), in_service=st.booleans(),
            checked_at=SOMETIME, valid_until=TIMES,
        ),
        alternative_to_pb,
        alternative_of,
    ),
    (
        st.builds(
            AlternativeUsage, purpose=IDS, period=TEXTS, face=st.integers(0, MAX_INT), alternative=st.integers(0, 9)
        ),
        usage_to_pb,
        usage_of,
    ),
)  # fmt: skip
DRAFTS = st.builds(
    LegalDraft,
    code=st.sampled_from(LegalCode),
    authority=TEXTS,
    document_sha256=HASHES,
    purposes=st.lists(IDS, max_size=3).map(tuple),
    operations=several(Operation),
    sites=st.lists(IDS, max_size=3).map(tuple),
    egress=st.booleans(),
    not_before=st.integers(0, MAX_INT),
    not_after=TIMES,
    max_events=st.integers(0, MAX_INT),
    law=IDS,
)


@given(PURPOSES, SITES, DEVICES, DRAFTS)
@settings(max_examples=100, deadline=None)
def test_registers_and_drafts_come_back_as_they_went(
    purpose: Purpose, site: Site, device: Device, draft: LegalDraft
) -> None:
    assert purpose_of(purpose_to_pb(purpose)) == purpose
    assert site_of(site_to_pb(site)) == site
    assert device_of(device_to_pb(device)) == device
    assert draft_of(draft_to_pb(draft)) == draft


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_a_controller_states_of_itself_comes_back_as_it_went(data: st.DataObject) -> None:
    for items, to_pb, of in STATED:
        item: Any = data.draw(items)
        assert of(to_pb(item)) == item


NOTICE_WORDS = {
    name: st.text("abc \u4eba\u8138", min_size=1, max_size=8)
    for name in (
        "title",
        "controller_name",
        "contact",
        "purpose",
        "method",
        "retention",
        "necessity",
        "impact",
        "rights",
    )
}
NOTICES = st.fixed_dictionaries(NOTICE_WORDS)


@given(IDS, st.lists(IDS, min_size=1, max_size=4, unique=True), st.lists(NOTICES, min_size=2, max_size=2), st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_identity_of_a_notice_is_the_services(ident: str, purposes: list[str], words: Any, order: Any) -> None:
    texts = [NoticeText(language=language, **one) for language, one in zip(("en", "zh-CN"), words, strict=True)]
    content = NoticeContent(
        id=ident,
        purposes=tuple(sorted(purposes)),
        texts=tuple(
            ServiceText(language=language, **one) for language, one in zip(("en", "zh-CN"), words, strict=True)
        ),
    )
    order.shuffle(purposes)
    order.shuffle(texts)
    message = notice_to_pb(ident, purposes, texts)
    assert content_hash(message) == service_hash(content)
    other = consent_pb2.Notice()
    other.CopyFrom(message)
    other.texts[0].rights += "!"
    assert content_hash(other) != content_hash(message)


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.sampled_from(ApproverRole),
    st.integers(0, MAX_INT),
)
@settings(max_examples=40, deadline=None)
def test_an_approval_is_signed_as_the_rules_check_it(
    seed: bytes, digest: bytes, role: ApproverRole, until: int
) -> None:
    approver = Approver.from_seed(seed)
    request = LegalRequest(id="x", digest=digest, origin="placet.test/log/shop")
    made = Approval(
        approver="ann",
        draft=digest,
        expires=until,
        key=approver.public_key,
        role=role.value,
        signature=approver.sign(request, role, until),
    )
    assert made.signed_under("placet.test/log/shop")
    assert not made.signed_under("placet.test/log/bank")
