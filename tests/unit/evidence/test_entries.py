"""Entries: read strictly, field by field, and written in one way."""

import json
import re
from dataclasses import replace

import msgspec
import pytest
from fakes.evidence_drafts import HASH, SUBJECT
from fakes.evidence_log import T0

from placet.evidence.canonical import encode
from placet.evidence.entries import (
    MAX_ENTRY_BYTES,
    NO_PREV,
    Amend,
    Decision,
    Event,
    EventPermit,
    Grant,
    Outcome,
    PolicyRef,
    Record,
    State,
    Use,
    Withdraw,
    encode_entry,
    parse_entry,
)
from placet.evidence.errors import EntryError
from placet.evidence.reasons import Reason
from placet.evidence.terms import EndedBy, Form, Kind, Operation, Verdict

PLACED = {"i": 7, "prev": HASH, "t": T0}
UUID = "0190a5d0-ac96-774b-8cce-b302099a8057"
GRANT = Grant(
    **PLACED,
    basis=3,
    form=Form.CONSENT,
    subject=SUBJECT,
    purposes=("login", "payment"),
    operations=(Operation.ENROL, Operation.VERIFY),
    sites=("*",),
    egress=False,
    not_before=T0,
    not_after=None,
    needs=(0, 2),
    max_events=5,
    approvals=(),
    record=HASH,
    notice=None,
    law="cn-2025",
    authority=None,
    imported=False,
)
EVENT = Event(
    **PLACED,
    id=UUID,
    frame=UUID,
    basis=3,
    purpose="login",
    operation=Operation.VERIFY,
    device="cam.1",
    site="branch.1",
    egress=False,
    occurred=T0,
    offline=False,
    seen=6,
    decision=5,
    verdict=Verdict.ALLOW,
    reasons=(),
    permit=EventPermit(max_uses=1, not_after=T0 + 1),
)
ENTRIES = [
    GRANT,
    Amend(
        **PLACED, basis=3, purposes=("login",), operations=(Operation.VERIFY,), sites=None, egress=False, not_after=T0
    ),
    Withdraw(**PLACED, basis=3, by=EndedBy.GUARDIAN, reason="不再需要"),
    Decision(
        **PLACED,
        policies=(PolicyRef(id="cn-2025", hash=HASH), PolicyRef(id="group", hash=HASH)),
        context={"operation": "verify", "egress": False, "basis_form": "none", "minor": ["cn-2025"]},
        verdict=Verdict.DENY,
        permit=("a", "b"),
        forbid=("c",),
        errors=(),
    ),
    EVENT,
    replace(EVENT, verdict=Verdict.DENY, reasons=(Reason.BASIS_WITHDRAWN, Reason.POLICY), permit=None, frame=None),
    Use(**PLACED, event=None, n=1, service="vault", verdict=Verdict.DENY, reasons=(Reason.PERMIT_UNKNOWN,)),
    Outcome(**PLACED, of=5, result="match"),
    Record(**PLACED, type="log.created", data={"origin": "log.example/bank", "deep": {"b": [1, None], "a": "\u0001"}}),
    State(**PLACED, prev_state=None, covers=(0, 7), bases=0, status_root=HASH),
]
FIRST = {entry.kind: entry for entry in reversed(ENTRIES)}


NULLABLE = {
    "grant": {"subject", "not_after", "max_events", "notice", "authority"},
    "amend": {"purposes", "operations", "sites", "egress", "not_after"},
    "event": {"frame", "basis", "permit"},
    "use": {"event"},
    "state": {"prev_state"},
}
# The types of fields whose example above is null.
TYPES = {"not_after": int, "frame": str, "event": int, "prev_state": int, "authority": str, "notice": str}


def fields(entry):
    return json.loads(encode_entry(entry))


def test_there_is_an_example_of_every_kind():
    assert {entry.kind for entry in ENTRIES} == set(Kind)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.kind)
def test_an_entry_is_read_as_it_was_written(entry):
    data = encode_entry(entry)
    again = parse_entry(data)
    assert again == entry
    assert encode_entry(again) == data


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.kind)
def test_the_services_encoder_gives_the_same_bytes(entry):
    assert msgspec.json.encode(entry, order="sorted") == encode_entry(entry)


@pytest.mark.parametrize("entry", FIRST.values(), ids=lambda entry: entry.kind)
def test_a_missing_field_is_named(entry):
    for name in fields(entry):
        obj = fields(entry)
        del obj[name]
        with pytest.raises(EntryError) as caught:
            parse_entry(encode(obj))
        assert caught.value.field == name


@pytest.mark.parametrize("entry", FIRST.values(), ids=lambda entry: entry.kind)
def test_an_unknown_field_is_named(entry):
    with pytest.raises(EntryError) as caught:
        parse_entry(encode({**fields(entry), "extra": None}))
    assert caught.value.field == "extra"


@pytest.mark.parametrize("entry", FIRST.values(), ids=lambda entry: entry.kind)
def test_a_field_of_the_wrong_type_is_named(entry):
    """Each field is replaced by each JSON type; what its kind does not allow is refused by the field's name."""
    nullable = NULLABLE.get(entry.kind, set())
    for name, right in fields(entry).items():
        for wrong in (None, True, 3, "人\n", [[]], {}):
            obj = {**fields(entry), name: wrong}
            try:
                made = parse_entry(encode(obj))
            except EntryError as error:
                assert re.split(r"[.[]", error.field)[0] == name  # noqa: PT017
            else:
                fits = name in nullable if wrong is None else isinstance(wrong, TYPES.get(name, type(right)))
                assert fits, (name, wrong, made)


@pytest.mark.parametrize(
    ("kind", "field", "wrong", "named"),
    [
        ("grant", "v", 2, "v"),
        ("grant", "v", True, "v"),
        ("grant", "kind", "consent", "kind"),
        ("grant", "kind", None, "kind"),
        ("grant", "form", "consents", "form"),
        ("grant", "prev", "A" * 42, "prev"),
        ("grant", "prev", "A" * 42 + "B", "prev"),
        ("grant", "subject", HASH, "subject"),
        ("grant", "purposes", ["b", "a"], "purposes[1]"),
        ("grant", "purposes", ["a", "a"], "purposes[1]"),
        ("grant", "purposes", ["*", "a"], "purposes"),
        ("grant", "sites", ["*", "*"], "sites"),
        ("grant", "operations", ["verify", "enrol"], "operations[1]"),
        ("grant", "operations", ["look"], "operations[0]"),
        ("grant", "needs", [2, 1], "needs[1]"),
        ("grant", "approvals", [1, 1], "approvals[1]"),
        ("amend", "purposes", ["b", "a"], "purposes[1]"),
        ("withdraw", "by", "nobody", "by"),
        ("decision", "verdict", "maybe", "verdict"),
        ("decision", "permit", ["b", "a"], "permit[1]"),
        ("decision", "policies", [{"id": "a"}], "policies[0].hash"),
        ("decision", "policies", [{"id": "a", "hash": HASH, "x": 1}], "policies[0].x"),
        ("decision", "policies", [{"id": "b", "hash": HASH}, {"id": "a", "hash": HASH}], "policies.id[1]"),
        ("event", "id", UUID.upper(), "id"),
        ("event", "id", UUID[:-1], "id"),
        ("event", "frame", "", "frame"),
        ("event", "operation", "export", "egress"),
        ("event", "reasons", ["POLICY", "BASIS_FORM"], "reasons"),
        ("event", "reasons", ["POLICY", "POLICY"], "reasons"),
        ("event", "reasons", ["NO_SUCH"], "reasons[0]"),
        ("event", "permit", {"max_uses": 1}, "permit.not_after"),
        ("event", "permit", {"max_uses": -1, "not_after": 1}, "permit.max_uses"),
        ("state", "covers", [1], "covers"),
        ("state", "covers", [1, 2, 3], "covers"),
        ("state", "status_root", "", "status_root"),
    ],
)
def test_a_wrong_value_is_named(kind, field, wrong, named):
    obj = {**fields(FIRST[kind]), field: wrong}
    data = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    with pytest.raises(EntryError) as caught:
        parse_entry(data)
    assert caught.value.field == named


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b'"event"', b"{}", b'{"v":1}', b"\xff"])
def test_what_is_no_entry_is_refused(data):
    with pytest.raises(EntryError):
        parse_entry(data)


def test_an_entry_not_in_canonical_form_is_refused():
    data = encode_entry(EVENT)
    for other in (
        data + b"\n",
        b" " + data,
        data.replace(b'"v":1', b'"v":1.0'),
        data.replace(b'"v":1', b'"v":1,"v":1'),
    ):
        with pytest.raises(EntryError):
            parse_entry(other)


def test_an_entry_has_at_most_65535_bytes():
    empty = len(encode_entry(Record(**PLACED, type="a.b", data={"x": ""})))
    fits = Record(**PLACED, type="a.b", data={"x": "x" * (MAX_ENTRY_BYTES - empty)})
    data = encode_entry(fits)
    assert len(data) == MAX_ENTRY_BYTES
    assert parse_entry(data) == fits
    with pytest.raises(EntryError) as caught:
        encode_entry(Record(**PLACED, type="a.b", data={"x": "x" * (MAX_ENTRY_BYTES - empty + 1)}))
    assert caught.value.reason == "ENTRY_SIZE"
    with pytest.raises(EntryError):
        parse_entry(data[:-2] + b'x"}')


def test_an_entry_without_canonical_form_names_kind_and_path():
    with pytest.raises(EntryError) as caught:
        encode_entry(Record(**PLACED, type="a.b", data={"x": [1.5]}))
    assert caught.value.field == "record.data.x[0]"


def test_exporting_is_egress():
    assert parse_entry(encode_entry(replace(EVENT, operation=Operation.EXPORT, egress=True)))


def test_the_first_entry_follows_32_zero_bytes():
    assert NO_PREV == "A" * 43
