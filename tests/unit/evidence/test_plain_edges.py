"""The shortcut for plain events: a permit out of bounds, and a memory that does not grow for ever."""

import pytest
from fakes.evidence_drafts import event, permit

from placet.evidence import plain
from placet.evidence.drafts import PermitAsked


@pytest.mark.parametrize(
    ("uses", "lifetime"), [(0, 1), (1, 0), ("1", 1), (1, 1.0), (1_001, 1), (1, 24 * 3_600_000_001)]
)
def test_a_permit_out_of_bounds_is_not_plain(uses, lifetime):
    assert plain.is_plain(event(permit=permit()))
    assert not plain.is_plain(event(permit=PermitAsked(max_uses=uses, lifetime_us=lifetime)))


def test_remembered_ids_are_bounded(monkeypatch):
    monkeypatch.setattr(plain, "_KNOWN_MOST", 3)
    for n in range(10):
        assert plain.is_plain(event(purpose=f"p.{n}"))
        assert len(plain._KNOWN) <= 3
