"""The quick reader of event entries and `parse_entry`: they accept the same bytes and read the same values."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from placet.evidence.entries import encode_entry, parse_entry
from placet.evidence.entryview import EventView, _thorough, quick_event, read_event
from placet.evidence.errors import EvidenceError
from placet.evidence.kinds import NO_PREV, Event, EventPermit
from placet.evidence.reasons import ORDER, Reason
from placet.evidence.terms import MAX_INT, Operation

INTS = st.one_of(st.integers(0, 300), st.integers(MAX_INT - 2, MAX_INT), st.integers(0, MAX_INT))
CODES = st.one_of(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,20}", fullmatch=True), st.text(max_size=8))
UUIDS = st.uuids().map(str)


@st.composite
def events(draw: Any) -> bytes:
    allowed = draw(st.booleans())
    operation = draw(st.sampled_from(Operation))
    reasons = draw(st.lists(st.sampled_from(Reason), unique=True, max_size=4))
    permit = draw(st.none() | st.builds(EventPermit, max_uses=INTS, not_after=INTS))
    made = Event(
        i=draw(INTS),
        prev=NO_PREV,
        t=draw(INTS),
        id=draw(UUIDS),
        frame=draw(st.none() | UUIDS),
        basis=draw(st.none() | INTS),
        purpose=draw(CODES),
        operation=operation,
        device=draw(CODES),
        site=draw(CODES),
        egress=operation == "export" or draw(st.booleans()),
        occurred=draw(INTS),
        offline=draw(st.booleans()),
        seen=draw(INTS),
        decision=draw(INTS),
        verdict="allow" if allowed else "deny",
        reasons=tuple(sorted(reasons, key=ORDER.__getitem__)),
        permit=permit,
    )
    try:
        return encode_entry(made)
    except EvidenceError:  # a text without canonical form
        return draw(events())


def thorough(data: bytes) -> EventView | None:
    try:
        return _thorough(data)
    except EvidenceError:
        return None


@given(events())
@settings(max_examples=300, deadline=None)
def test_both_read_the_same(data: bytes) -> None:
    expected = thorough(data)
    assert expected is not None
    assert read_event(data) == expected
    assert quick_event(data) in (None, expected)


@given(events(), st.data())
@settings(max_examples=500, deadline=None)
def test_what_the_quick_one_accepts_the_thorough_one_accepts_with_the_same_values(data: bytes, more: Any) -> None:
    at = more.draw(st.integers(0, len(data) - 1))
    piece = more.draw(
        st.one_of(
            st.binary(max_size=3),
            st.sampled_from([b'"', b"0", b" ", b"null", b",", b"}", b'"POLICY"', b"true", b"-", b"9" * 15]),
        )
    )
    cut = more.draw(st.integers(0, 4))
    changed = data[:at] + piece + data[at + cut :]
    found = quick_event(changed)
    if found is not None:
        assert found == thorough(changed)


def test_an_ordinary_event_takes_the_quick_way() -> None:
    """Otherwise the properties above would hold of a reader that is never used."""
    ordinary = Event(
        i=812,
        prev=NO_PREV,
        t=1,
        id="019aaaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa",
        frame=None,
        basis=3,
        purpose="payment",
        operation=Operation.VERIFY,
        device="cam-1",
        site="site-1",
        egress=True,
        occurred=1,
        offline=False,
        seen=800,
        decision=20,
        verdict="deny",
        reasons=(Reason.BASIS_WITHDRAWN, Reason.POLICY),
        permit=None,
    )
    view = quick_event(encode_entry(ordinary))
    assert view is not None
    assert view.reasons == ordinary.reasons
    assert not view.allowed


def test_other_kinds_and_rubbish_are_refused() -> None:
    for data in (b"", b"{}", b"\xff", b'{"kind":"event"}'):
        assert thorough(data) is None
        try:
            read_event(data)
        except EvidenceError:
            continue
        raise AssertionError(data)
    assert parse_entry is not None
