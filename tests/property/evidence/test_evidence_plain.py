"""The shortcut for events never lets through what the checks field by field refuse, and knows the usual ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.evidence.drafts import EventDraft, PermitAsked, check_draft
from placet.evidence.errors import DraftError
from placet.evidence.plain import is_plain

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
