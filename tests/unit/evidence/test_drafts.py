"""Drafts: everything malformed is refused by the name of its field, before any rule is asked."""

from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest
from fakes.evidence_drafts import HASH, consent, decision, event, forbidding, guardianship, permit
from fakes.evidence_log import LEGAL, T0

from placet.evidence.admission import admit
from placet.evidence.digests import decision_digest, grant_digest
from placet.evidence.drafts import (
    AmendDraft,
    DecisionDraft,
    EventDraft,
    GrantDraft,
    OutcomeDraft,
    PermitAsked,
    RecordDraft,
    UseDraft,
    WithdrawDraft,
    check_draft,
    scope_of,
)
from placet.evidence.entries import MAX_ENTRY_BYTES, PolicyRef, encode_entry
from placet.evidence.errors import DraftError
from placet.evidence.state import LogState
from placet.evidence.terms import MAX_INT, EndedBy, Operation, Verdict
from placet.evidence.view import Position

AMEND = AmendDraft(basis=0, purposes=("login",))
WITHDRAW = WithdrawDraft(basis=0, by=EndedBy.DATA_SUBJECT, reason="no_longer_wanted")
RECORD = RecordDraft(type="register.device_added", data={"device": "cam.1"})
GOOD = [
    consent(),
    guardianship(),
    AMEND,
    WITHDRAW,
    decision(),
    forbidding(),
    event(),
    event(permit=permit(), basis=None, frame=event().id),
    event(operation="verify"),
    UseDraft(event=3, service="vault"),
    OutcomeDraft(of=3, result="match"),
    RECORD,
    LEGAL.approve(consent()),
    decision(context={"gallery_size": 3, "lists": ["a", "b"], "minor": ["cn-2025"]}),
]
LONG = "x" * 65
BAD_IDS = ["", " ", "a b", "人", "-a", "a/b", "a\n", "e\u0301", "\ud800", LONG, None, 3, ["a"]]
BAD_TIMES = [-1, MAX_INT + 1, 1.5, "1", True, None]


@pytest.mark.parametrize("draft", GOOD, ids=lambda draft: type(draft).__name__)
def test_a_well_formed_draft_passes(draft):
    check_draft(draft)


def cases():
    for field in ("purpose", "device", "site"):
        yield from ((event(**{field: bad}), field) for bad in BAD_IDS)
    for bad in ("", "x", event().id.upper(), event().id + "0", "{" + event().id + "}", None, 7):
        yield event(id=bad), "id"
    for bad in ("", "x", event().id.upper(), 7):
        yield event(frame=bad), "frame"
    for bad in BAD_TIMES:
        yield event(occurred=bad), "occurred"
        yield event(seen=bad), "seen"
        yield consent(not_before=bad), "not_before"
    for bad in (-1, MAX_INT + 1, "0", True):
        yield event(basis=bad), "basis"
        yield consent(not_after=bad), "not_after"
        yield replace(AMEND, not_after=bad), "not_after"
    for bad in ("look", "", None, 3, ["verify"]):
        yield event(operation=bad), "operation"
    for bad in (None, 0, "true"):
        yield event(egress=bad), "egress"
        yield event(offline=bad), "offline"
        yield consent(imported=bad), "imported"
        yield consent(egress=bad), "egress"
    yield event(operation=Operation.EXPORT, egress=False), "egress"
    yield event(permit=(1, 2)), "permit"
    for bad in (0, -1, 1_001, None, "1"):
        yield event(permit=PermitAsked(max_uses=bad, lifetime_us=1)), "permit.max_uses"
    for bad in (0, -1, 24 * 3_600_000_000 + 1, 1.0):
        yield event(permit=PermitAsked(max_uses=1, lifetime_us=bad)), "permit.lifetime_us"
    for field in ("purposes", "sites"):
        yield from ((consent(**{field: (bad,)}), f"{field}[0]") for bad in BAD_IDS)
        yield consent(**{field: ("b", "a")}), f"{field}[1]"
        yield consent(**{field: ("a", "a")}), f"{field}[1]"
        yield consent(**{field: ("*", "a")}), field
        yield consent(**{field: ("a", "*")}), field
        yield consent(**{field: ()}), field
        yield consent(**{field: "login"}), field
        yield consent(**{field: {"login"}}), field
        yield consent(**{field: tuple(f"id.{n:04}" for n in range(257))}), field
        yield replace(AMEND, **{field: ("b", "a")}), f"{field}[1]"
    yield consent(operations=("verify", "enrol")), "operations[1]"
    yield consent(operations=("look",)), "operations[0]"
    yield consent(operations=()), "operations"
    yield consent(form="agreement"), "form"
    yield consent(subject="x"), "subject"
    yield consent(subject=HASH), "subject"
    yield consent(needs=(1, 0)), "needs[1]"
    yield consent(needs=tuple(range(17))), "needs"
    yield consent(approvals=(1, 1)), "approvals[1]"
    yield consent(max_events=0), "max_events"
    yield consent(max_events=True), "max_events"
    for field in ("record", "notice"):
        yield consent(**{field: "x"}), field
        yield consent(**{field: HASH + "="}), field
    yield consent(record=None), "record"
    yield consent(law=""), "law"
    yield consent(law=None), "law"
    yield consent(authority="第十三条"), "authority"
    yield replace(AMEND, basis=None), "basis"
    yield replace(AMEND, egress=0), "egress"
    yield replace(WITHDRAW, by="me"), "by"
    yield replace(WITHDRAW, reason="I do not want this any more"), "reason"
    yield replace(WITHDRAW, basis=-1), "basis"
    yield UseDraft(event=-1, service="vault"), "event"
    yield UseDraft(event=1, service=""), "service"
    yield OutcomeDraft(of=None, result="match"), "of"
    yield OutcomeDraft(of=1, result="no match"), "result"
    for bad in ("created", "Log.created", "log.", "a.b c", "a.b.c.d.e", "x" * 40 + ".y", "", None):
        yield replace(RECORD, type=bad), "type"
    yield replace(RECORD, type="log.created"), "type"
    yield replace(RECORD, data=[1]), "data"
    yield replace(RECORD, data={"a": {"B": 1}}), "data.a.'B'"
    yield replace(RECORD, data={"a": [1.5]}), "data.a[0]"
    yield replace(RECORD, data={"a": "e\u0301"}), "data.a"
    yield replace(RECORD, data={"a": "\ud800"}), "data.a"
    yield replace(RECORD, data={"a": "x" * 64_000}), "draft"
    approval = LEGAL.approve(consent())
    yield replace(approval, data={**approval.data, "role": "a\0b"}), "data.role"
    yield replace(approval, data={**approval.data, "signature": HASH}), "data.signature"
    yield replace(approval, data={**approval.data, "note": "x"}), "data.note"
    yield decision(policies=(HASH,)), "policies[0]"
    yield decision(policies=(PolicyRef(id="a", hash="x"),)), "policies[0].hash"
    yield decision(policies=(PolicyRef(id="b", hash=HASH), PolicyRef(id="a", hash=HASH))), "policies.id[1]"
    yield decision(verdict="maybe"), "verdict"
    yield decision(permit=("b", "a")), "permit[1]"
    yield decision(forbid=("第十三条",)), "forbid[0]"
    yield decision(context={"age_band": "adult"}), "context.age_band"
    yield decision(context={"name": "张 三"}), "context.name"
    yield decision(context={"x": {"y": 1}}), "context.x"
    yield decision(context={"x": -1}), "context.x"
    yield decision(context={"x": ["b", "a"]}), "context.x[1]"
    yield decision(context={"basis_form": "guardianship"}), "context.basis_form"
    yield decision(context={"operation": "look"}), "context.operation"
    yield decision(context={"egress": "no"}), "context.egress"
    yield decision(context={"minor": True}), "context.minor"
    yield decision(context={"x": ["a"] * 300}), "context.x"
    yield replace(decision(), context=[]), "context"
    yield decision(errors=("cn-2025/art-13:type",)), "errors"
    yield decision(forbid=("cn-2025/art-13",)), "forbid"
    yield decision(permit=tuple(f"{'a' * 120}{n:05}" for n in range(600))), "draft"
    for name in ("operation", "egress", "basis_form", "minor"):
        short = decision()
        yield (
            replace(short, context={key: short.context[key] for key in short.context if key != name}),
            f"context.{name}",
        )


@pytest.mark.parametrize(("draft", "field"), list(cases()), ids=lambda case: case if isinstance(case, str) else "")
def test_a_malformed_draft_is_refused_by_its_field(draft, field):
    with pytest.raises(DraftError) as caught:
        check_draft(draft)
    kind = type(draft).__name__.removesuffix("Draft").lower()
    assert caught.value.field == f"{kind}.{field}"
    assert str(caught.value)


@pytest.mark.parametrize("draft", GOOD, ids=lambda draft: type(draft).__name__)
def test_msgspec_writes_and_reads_drafts(draft):
    data = msgspec.msgpack.encode(draft)
    assert msgspec.msgpack.decode(data, type=type(draft)) == draft


def test_drafts_have_these_fields():
    """The append protocol carries drafts by these names."""
    names = {
        draft: [field.name for field in msgspec.inspect.type_info(draft).fields] for draft in (EventDraft, UseDraft)
    }
    assert names[UseDraft] == ["event", "service"]
    assert names[EventDraft][:4] == ["id", "frame", "basis", "purpose"]
    assert "decision" not in names[EventDraft]


@pytest.mark.parametrize(
    ("ids", "scope"), [(["b", "a", "b"], ("a", "b")), ([], ()), (["a", "*"], ("*",)), ({"x"}, ("x",))]
)
def test_scopes_are_sorted_for_those_who_ask(ids, scope):
    assert scope_of(ids) == scope


@pytest.mark.parametrize(
    "draft",
    [
        consent(
            purposes=tuple(f"{n:03}{'p' * 61}" for n in range(256)),
            sites=tuple(f"{n:03}{'s' * 61}" for n in range(256)),
            needs=tuple(MAX_INT - 16 + n for n in range(16)),
            law="l" * 128,
            authority="a" * 128,
        ),
        replace(RECORD, data={"a": "人" * 21_000}),
        decision(permit=tuple(f"{'a' * 120}{n:05}" for n in range(480))),
    ],
    ids=["grant", "record", "decision"],
)
def test_the_largest_draft_still_fits_an_entry(draft):
    check_draft(draft)
    at = Position(i=MAX_INT, t=MAX_INT, prev=HASH)
    state = LogState("log.example/bank")
    state.bases = MAX_INT
    if isinstance(draft, GrantDraft):
        draft = replace(draft, needs=(), not_after=None)
    assert len(encode_entry(admit(draft, at, state))) <= MAX_ENTRY_BYTES


def test_the_digest_of_a_grant_is_that_of_its_draft():
    """Over the members of the grant that are not assigned, in canonical JSON, after the tag (ledger.md section 5)."""
    text = (
        '{"authority":null,"egress":false,"form":"consent","imported":false,"law":"cn-2025","max_events":null,'
        f'"needs":[],"not_after":{consent().not_after},"notice":"{HASH}","operations":["enrol","verify"],'
        f'"purposes":["login","payment"],"record":"{HASH}","sites":["branch.1","branch.2"],'
        f'"subject":"{consent().subject}"}}'
    )
    assert grant_digest(consent()) == sha256(b"placet/draft/v1\0" + text.encode()).digest()
    entry = admit(consent(not_before=T0 + 5), Position(i=2, t=T0, prev=HASH), LogState("log.example/bank"))
    assert grant_digest(entry) == grant_digest(consent(approvals=(1,)))


def test_the_digest_of_a_decision_is_that_of_its_six_fields():
    draft = DecisionDraft(policies=(), context={}, verdict=Verdict.DENY, permit=(), forbid=("a",), errors=())
    text = b'{"context":{},"errors":[],"forbid":["a"],"permit":[],"policies":[],"verdict":"deny"}'
    assert decision_digest(draft) == sha256(text).digest()
    entry = admit(draft, Position(i=2, t=T0, prev=HASH), LogState("log.example/bank"))
    assert decision_digest(entry) == decision_digest(draft)
