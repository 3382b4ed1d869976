"""The JSON of bundles, receipts and fraud proofs: exactly the known keys, one base64, round trips."""

import json

import pytest
from fakes.evidence_drafts import consent, decision, event, grant_approved, guardianship, legal_permission, permit
from fakes.evidence_log import MemoryLog
from fakes.evidence_scenes import permitted, withdrawal

from placet.evidence.building import build_bundle, build_fraud, build_receipt
from placet.evidence.bundle import (
    MAX_TEXT_BYTES,
    ProvenStatus,
    format_evidence,
    parse_bundle,
    parse_evidence,
    parse_fraud,
    parse_receipt,
)
from placet.evidence.drafts import AmendDraft, UseDraft
from placet.evidence.errors import BundleError


def rich_log():
    """A log with an event under a consent that needs a guardianship, was amended, used and withdrawn."""
    log = MemoryLog()
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    log.submit(AmendDraft(basis=1, purposes=("login",)))
    index = log.submit(event(basis=1, permit=permit()), decision=decision())[0].i
    log.submit(UseDraft(event=index, service="vault"))
    withdrawn = log.submit(withdrawal(1))[0].i
    return log, index, withdrawn


def examples():
    log, index, withdrawn = rich_log()
    receipt = build_receipt(log, withdrawn)
    status = log.status[1]
    proven = ProvenStatus(
        ordinal=1,
        granted=status.granted,
        ended=status.ended,
        history=status.history,
        proof=tuple(log.statuses.proof(1)),
    )
    legal = MemoryLog()
    grant_approved(legal, legal_permission())
    asked = event(purpose="search", operation="verify")
    under = legal.submit(asked, decision=decision(context={"basis_form": "legal_permission"}))[0].i
    return {
        "bundle": build_bundle(log, index),
        "legal": build_bundle(legal, under),
        "receipt": receipt,
        "fraud": build_fraud(receipt, log, proven, log.consistency(log.size)),
        "gone": build_fraud(receipt, log, None, [bytes(32)]),
    }


EXAMPLES = examples()
PARSE = {
    "bundle": parse_bundle,
    "legal": parse_bundle,
    "receipt": parse_receipt,
    "fraud": parse_fraud,
    "gone": parse_fraud,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_evidence_is_read_as_it_was_written(name):
    text = format_evidence(EXAMPLES[name])
    for source in (text, text.encode()):
        assert PARSE[name](source) == EXAMPLES[name]
        assert parse_evidence(source) == EXAMPLES[name]
    assert format_evidence(parse_evidence(text)) == text


def test_keys_stand_in_the_order_of_the_design():
    obj = json.loads(format_evidence(EXAMPLES["bundle"]))
    assert list(obj) == ["format", "checkpoint", "event", "decision", "bases", "uses", "state"]
    assert obj["format"] == "placet.bundle/1"
    assert list(obj["event"]) == ["index", "entry", "proof"]
    assert list(obj["bases"][0]) == ["grant", "amends", "withdraw", "approvals", "status"]
    assert list(obj["bases"][0]["status"]) == ["ordinal", "granted", "ended", "history", "proof"]
    assert [basis["status"]["ordinal"] for basis in obj["bases"]] == [1, 0]
    assert list(json.loads(format_evidence(EXAMPLES["receipt"]))) == ["format", "checkpoint", "withdraw"]
    fraud = json.loads(format_evidence(EXAMPLES["fraud"]))
    assert list(fraud) == ["format", "receipt", "checkpoint", "consistency", "state", "status"]
    assert fraud["receipt"]["format"] == "placet.receipt/1"


def test_a_bundle_may_be_written_by_hand():
    """Spaces, another order of keys and no `uses` are fine: the file is not what is signed."""
    obj = json.loads(format_evidence(EXAMPLES["legal"]))
    assert obj.pop("uses") == []
    assert parse_bundle(json.dumps(dict(reversed(obj.items())), indent=2)) == EXAMPLES["legal"]


@pytest.mark.parametrize("name", ["bundle", "receipt", "fraud"])
def test_only_its_own_format_is_read(name):
    text = format_evidence(EXAMPLES[name])
    for other, parse in PARSE.items():
        if PARSE[name] is not parse:
            with pytest.raises(BundleError) as caught:
                parse(text)
            assert (caught.value.reason, caught.value.field) == ("FORMAT", "format"), other


def paths(obj, at=()):
    yield at
    if isinstance(obj, dict):
        for name, value in obj.items():
            yield from paths(value, (*at, name))
    elif isinstance(obj, list):
        for place, value in enumerate(obj):
            yield from paths(value, (*at, place))


def name_of(path):
    named = ""
    for part in path:
        named += f"[{part}]" if isinstance(part, int) else f".{part}" if named else part
    return named


def put(obj, path, value):
    copy = json.loads(json.dumps(obj))
    at = copy
    for part in path[:-1]:
        at = at[part]
    if value is put:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return json.dumps(copy)


def cases():
    for name, evidence in EXAMPLES.items():
        obj = json.loads(format_evidence(evidence))
        for path in paths(obj):
            if path:
                yield name, obj, path


ALL_PATHS = list(cases())
OPTIONAL = {
    "uses",
    "status.ended",
    "bases[0].withdraw",
    "bases[1].withdraw",
    "status",
    "bases[0].status.ended",
    "bases[1].status.ended",
}


def test_every_field_is_needed():
    checked = 0
    for name, obj, path in ALL_PATHS:
        if isinstance(path[-1], str) and path != ("uses",):
            with pytest.raises(BundleError) as caught:
                PARSE[name](put(obj, path, put))
            assert caught.value.field == name_of(path)
            checked += 1
    assert checked > 100


def test_every_object_refuses_unknown_keys():
    checked = 0
    for name, obj, path in [
        *ALL_PATHS,
        *((name, json.loads(format_evidence(EXAMPLES[name])), ()) for name in EXAMPLES),
    ]:
        at = obj
        for part in path:
            at = at[part]
        if isinstance(at, dict):
            with pytest.raises(BundleError) as caught:
                PARSE[name](put(obj, (*path, "note"), 1))
            assert caught.value.field == name_of((*path, "note"))
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, 2**53, "", "x", "AAAA", [], {}, [1], "\ud800"], ids=repr)
def test_every_field_refuses_other_types(wrong):
    """A wrong type is refused by name; what is well-formed all the same is left for `verify` to refuse."""
    for name, obj, path in ALL_PATHS:
        try:
            PARSE[name](put(obj, path, wrong))
        except BundleError as error:
            assert error.field.startswith(name_of(path)) or error.field == "evidence"  # noqa: PT017
        else:
            well_formed = path[-1] in ("checkpoint", "entry") and isinstance(wrong, str)
            optional = wrong is None and name_of(path) in OPTIONAL
            empty_list = wrong == [] and path[-1] in ("proof", "amends", "approvals", "bases", "uses", "consistency")
            assert well_formed or optional or empty_list, (name, path, wrong)


@pytest.mark.parametrize(
    "proof", ["A" * 43 + "=", "A" * 43, "A" * 42 + "B=", "A" * 43 + "=\n", "-" + "A" * 42 + "=", ""]
)
def test_base64_is_strict(proof):
    obj = json.loads(format_evidence(EXAMPLES["bundle"]))
    text = put(obj, ("event", "proof", 0), proof)
    if proof == "A" * 43 + "=":
        assert parse_bundle(text).event.proof[0] == bytes(32)
    else:
        with pytest.raises(BundleError) as caught:
            parse_bundle(text)
        assert caught.value.field == "event.proof[0]"


@pytest.mark.parametrize(
    "source",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"format":"placet.bundle/2"}',
        '{"format":7}',
        b"\xff",
        '{"format":"placet.receipt/1","format":"placet.receipt/1"}',
        "[" * 100_000,
        '{"format":"placet.receipt/1","checkpoint":NaN,"withdraw":1}',
    ],
    ids=lambda source: repr(source[:30]),
)
def test_what_is_no_evidence_is_refused(source):
    with pytest.raises(BundleError):
        parse_evidence(source)


def test_evidence_is_not_endless():
    with pytest.raises(BundleError) as caught:
        parse_evidence(" " * (MAX_TEXT_BYTES + 1))
    assert caught.value.reason == "SIZE"
    obj = json.loads(format_evidence(EXAMPLES["bundle"]))
    with pytest.raises(BundleError) as caught:
        parse_bundle(put(obj, ("event", "proof"), ["A" * 43 + "="] * 129))
    assert caught.value.field == "event.proof"
    with pytest.raises(BundleError) as caught:
        parse_bundle(put(obj, ("event", "entry"), "AAAA" * 22_000))
    assert caught.value.field == "event.entry"


def test_unknown_keys_are_shown_escaped():
    obj = json.loads(format_evidence(EXAMPLES["receipt"]))
    with pytest.raises(BundleError) as caught:
        parse_receipt(json.dumps({**obj, "\x1b[31m\ud800": 1}))
    assert caught.value.field == "\\x1b[31m\\ud800"


def test_building_needs_an_event_a_withdraw_a_grant():
    log, index, withdrawn = rich_log()
    with pytest.raises(BundleError) as caught:
        build_bundle(log, withdrawn)
    assert caught.value.reason == "NOT_AN_EVENT"
    with pytest.raises(BundleError) as caught:
        build_receipt(log, index)
    assert caught.value.reason == "NOT_A_WITHDRAW"
    log.status[1] = log.status[1].at_grant(1, 0)
    with pytest.raises(BundleError) as caught:
        build_bundle(log, index)
    assert caught.value.reason == "NOT_A_GRANT"


def test_a_bundle_without_a_basis_has_no_bases():
    log = MemoryLog()
    denied = log.submit(event(basis=None), decision=decision(context={"basis_form": "none"}))[0]
    assert build_bundle(log, denied.i).bases == ()
    assert permitted(log) > denied.i
