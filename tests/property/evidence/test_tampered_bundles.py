"""Any change to a bundle, receipt or fraud proof is refused: Hypothesis picks the field and what is done to it."""

import base64
import json

import pytest
from fakes.evidence_drafts import consent, decision, event, grant_approved, guardianship, legal_permission, permit
from fakes.evidence_log import MemoryLog
from fakes.evidence_scenes import withdrawal
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.evidence.building import build_bundle, build_fraud, build_receipt
from placet.evidence.bundle import ProvenStatus, format_evidence
from placet.evidence.canonical import b64url
from placet.evidence.drafts import AmendDraft, UseDraft
from placet.evidence.errors import BundleError, VerifyError
from placet.evidence.status import Status, StatusTree
from placet.evidence.verify import Verifier


def guarded():
    """Consent with guardianship, amends, uses, withdrawal: every list of the bundle has something in it."""
    log = MemoryLog()
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    log.submit(AmendDraft(basis=1, purposes=("login",)))
    index = log.submit(event(basis=1, permit=permit(2)), decision=decision())[0].i
    log.submit(UseDraft(event=index, service="vault"))
    log.submit(AmendDraft(basis=1, sites=("branch.1",)))
    log.submit(withdrawal(1))
    return log, build_bundle(log, index)


def legal():
    log = MemoryLog()
    grant_approved(log, legal_permission())
    decided = decision(context={"basis_form": "legal_permission"})
    index = log.submit(event(purpose="search"), decision=decided)[0].i
    return log, build_bundle(log, index)


def denied():
    log = MemoryLog()
    log.submit(consent())
    log.submit(withdrawal())
    index = log.submit(event(), decision=decision())[0].i
    return log, build_bundle(log, index)


def receipt():
    log = MemoryLog()
    log.submit(consent(), consent())
    return log, build_receipt(log, log.submit(withdrawal(1))[0].i)


def fraud():
    log, given_receipt = receipt()
    tree, old = StatusTree(), log.size
    alive = Status.at_grant(1, log.status[1].granted)
    tree.put(log.status[0])
    tree.put(alive)
    log.end_batch(status_root=b64url(tree.root()))
    shown = ProvenStatus(
        ordinal=1, granted=alive.granted, ended=None, history=alive.history, proof=tuple(tree.proof(1))
    )
    return log, build_fraud(given_receipt, log, shown, log.consistency(old))


CASES = {made.__name__: made() for made in (guarded, legal, denied, receipt, fraud)}
TEXTS = {name: json.loads(format_evidence(evidence)) for name, (_, evidence) in CASES.items()}
VERIFIERS = {name: Verifier(log.verifiers) for name, (log, _) in CASES.items()}


def paths(obj, at=()):
    if at:
        yield at
    items = obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    for name, value in items:
        yield from paths(value, (*at, name))


PATHS = [(name, path) for name, obj in TEXTS.items() for path in paths(obj)]


def locate(name, path):
    copy = json.loads(json.dumps(TEXTS[name]))
    parent = copy
    for part in path[:-1]:
        parent = parent[part]
    return copy, parent, path[-1]


def flipped(draw, text):
    """Base64 with one bit of its bytes changed, or the same for a signed note."""
    if text.startswith(("log.example", "placet.")):
        place = draw(st.integers(0, len(text) - 1))
        return text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
    data = bytearray(base64.b64decode(text))
    data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return base64.b64encode(data).decode()


@st.composite
def tampered(draw):
    name, path = draw(st.sampled_from(PATHS))
    copy, parent, key = locate(name, path)
    value = parent[key]
    if isinstance(value, str):
        parent[key] = draw(st.sampled_from([flipped(draw, value), value[:-4], value + value, ""]))
    elif isinstance(value, bool | int) or value is None:
        other = st.integers(0, 2**53) | st.none() | st.integers(0, 30)
        parent[key] = draw(other.filter(lambda new: new != value))
    elif isinstance(value, list) and value:
        changed = draw(st.sampled_from([value[:-1], value[1:], [*value, value[-1]], [value[0], *value], value[::-1]]))
        parent[key] = changed
    elif isinstance(value, list):
        parent[key] = draw(st.sampled_from([[base64.b64encode(bytes(32)).decode()], [{}], None]))
    else:
        parent[key] = draw(st.sampled_from([None, {}, {**value, "extra": 1}, [value]]))
    return name, path, copy


def harmless(name, path, copy):
    """Uses may be left out, and a list turned round may be the same list."""
    return copy == TEXTS[name] or (path == ("uses",) and copy["uses"] == [])


@settings(max_examples=1_500, deadline=None)
@given(tampered())
def test_any_change_is_refused(case):
    name, path, copy = case
    if harmless(name, path, copy):
        VERIFIERS[name].verify(json.dumps(copy))
        return
    with pytest.raises((BundleError, VerifyError)) as caught:
        VERIFIERS[name].verify(json.dumps(copy))
    assert caught.value.field
    assert str(caught.value)


@pytest.mark.parametrize("name", CASES)
def test_untouched_evidence_verifies(name):
    """The negative control of everything above."""
    assert VERIFIERS[name].verify(json.dumps(TEXTS[name])).said


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(TEXTS)), st.data())
def test_entries_swapped_within_a_bundle_are_refused(name, data):
    """Every place is filled with the proven entry of another place of the same evidence."""
    places = [path for owner, path in PATHS if owner == name and path[-1] == "entry"]
    one, two = data.draw(st.sampled_from(places)), data.draw(st.sampled_from(places))
    copy, parent, _ = locate(name, one)
    source = TEXTS[name]
    for part in two[:-1]:
        source = source[part]
    if parent == source:
        return
    parent.update(source)
    with pytest.raises((BundleError, VerifyError)):
        VERIFIERS[name].verify(json.dumps(copy))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TEXTS)), st.data())
def test_a_changed_byte_of_the_file_is_refused_or_means_nothing(name, data):
    """A byte of JSON changed anywhere: refused, unless the file still says exactly the same."""
    text = bytearray(json.dumps(TEXTS[name]).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[place]))
    try:
        VERIFIERS[name].verify(bytes(text))
    except (BundleError, VerifyError):
        return
    assert json.loads(bytes(text)) == TEXTS[name]
