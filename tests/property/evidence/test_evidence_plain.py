"""The shortcut for events never lets through what the checks field by field refuse, knows the usual ones, and writes
the very bytes of the long way."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from placet.evidence.admission import admit_event
from placet.evidence.canonical import b64url
from placet.evidence.drafts import EventDraft, PermitAsked, check_draft
from placet.evidence.entries import encode_entry
from placet.evidence.errors import DraftError
from placet.evidence.plain import admit_plain, is_plain
from placet.evidence.reasons import Reason
from placet.evidence.terms import BasisOrdinal, Form, LeafIndex, Micros, Operation, Verdict
from placet.evidence.view import Basis, DecisionFacts, Position

LAWFUL: dict[str, Any] = {
    "id": "0192aaaa-0000-7000-8000-000000000001",
    "frame": None,
    "basis": 3,
    "purpose": "payment",
    "operation": "verify",
    "device": "counter-1",
    "site": "branch-1",
    "egress": False,
    "occurred": 1_780_000_000_000_000,
    "offline": False,
    "seen": 12,
    "permit": None,
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([2**53 - 1, 2**53, 1.0, "", "a b", "-x", "é", "x" * 64, "x" * 65, "export", "enrol", "EXPORT"]),
    st.text(max_size=5),
    st.builds(
        PermitAsked, max_uses=st.integers(-1, 2_000), lifetime_us=st.sampled_from([0, 1, 60_000_000, 10**15, True])
    ),
)


@given(changes=st.dictionaries(st.sampled_from(sorted(LAWFUL)), ODD, max_size=3))
def test_whatever_is_plain_passes_every_check(changes: dict[str, Any]) -> None:
    draft = EventDraft(**(LAWFUL | changes))
    try:
        plain = is_plain(draft)
    except (TypeError, AttributeError):
        return  # the wrong type altogether: never decoded from the bus
    if plain:
        check_draft(draft)


def test_the_usual_event_is_plain_and_a_malformed_one_is_not() -> None:
    assert is_plain(EventDraft(**LAWFUL))
    for field, value in (("purpose", "two words"), ("id", "x"), ("occurred", -1), ("egress", 1), ("operation", "look")):
        draft = EventDraft(**(LAWFUL | {field: value}))
        assert not is_plain(draft)
        with pytest.raises(DraftError) as refused:
            check_draft(draft)
        assert field in refused.value.field


class Facts:
    """A log of one limited basis and two decisions, for the rules."""

    origin = "test/log"
    bases = 1

    def __init__(self, basis: Basis) -> None:
        self._basis = basis

    def basis(self, ordinal: int) -> Basis | None:
        return self._basis if ordinal == 0 else None

    def decision(self, index: int) -> DecisionFacts:
        against = () if index else (Reason.POLICY, Reason.POLICY_ERROR)
        return DecisionFacts(against=against, operation="verify", egress=False, basis_form="consent")

    def allowed_events(self, ordinal: int) -> int:
        return 1


BASIS = Basis(
    ordinal=BasisOrdinal(0),
    form=Form.CONSENT,
    subject=None,
    granted=LeafIndex(2),
    ended=None,
    purposes=frozenset({"payment"}),
    operations=frozenset({"verify", "enrol"}),
    sites=frozenset({"*"}),
    egress=False,
    not_before=Micros(0),
    not_after=None,
    needs=(),
    max_events=None,
)
T = 1_780_000_000_000_000
PLAIN = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "basis": st.sampled_from([None, 0, 0, 1, 2**53 - 1]),
        "purpose": st.sampled_from(["payment", "p.2:x_y-z", "A"]),
        "operation": st.sampled_from([*Operation, "verify"]),
        "device": st.sampled_from(["counter-1", "z" * 64]),
        "site": st.just("branch-1"),
        "egress": st.booleans(),
        "occurred": st.sampled_from([T, T + 121_000_000, T - 1, 0, 2**53 - 1]),
        "offline": st.booleans(),
        "seen": st.sampled_from([0, 7, 10_000]),
        "permit": st.one_of(st.none(), st.builds(PermitAsked, max_uses=st.integers(1, 9), lifetime_us=st.just(60))),
    }
)


@given(
    changes=PLAIN,
    basis=st.fixed_dictionaries(
        {"ended": st.sampled_from([None, 4]), "max_events": st.sampled_from([None, 1, 2]), "egress": st.booleans()}
    ),
    decision=st.sampled_from([0, 1]),
    leaf=st.binary(min_size=32, max_size=32),
)
def test_the_quick_way_gives_the_bytes_of_the_long_way(
    changes: dict[str, Any], basis: dict[str, Any], decision: int, leaf: bytes
) -> None:
    draft = EventDraft(**(LAWFUL | changes))
    assume(is_plain(draft))
    facts = Facts(replace(BASIS, **basis))
    at = Position(i=LeafIndex(9), t=Micros(T), prev=b64url(leaf))
    long = admit_event(draft, at, facts, LeafIndex(decision))
    body, allowed = admit_plain(draft, at.i, at.t, at.prev, facts, LeafIndex(decision))
    assert body == encode_entry(long)
    assert allowed is (long.verdict == Verdict.ALLOW)
