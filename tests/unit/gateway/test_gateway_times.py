"""Times as callers write them."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.gateway.times import MAX_TIME, micros
from placet.kit.errors import Invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.builds(
    lambda micro, zone: (EPOCH + timedelta(days=2, microseconds=micro)).astimezone(zone),
    st.integers(0, 2**52),
    OFFSETS,
)


@given(MOMENTS)
def test_every_moment_is_read_exactly(moment: datetime) -> None:
    assert micros("since", moment.isoformat()) == (moment - EPOCH) // timedelta(microseconds=1)


@given(st.integers(0, MAX_TIME))
def test_microseconds_are_themselves(value: int) -> None:
    assert micros("since", str(value)) == value


@given(st.text() | st.from_regex(r"[0-9T:Zz+ .-]{0,40}", fullmatch=True))
def test_every_text_is_a_time_or_a_typed_error(text: str) -> None:
    with suppress(Invalid):
        assert 0 <= micros("until", text) <= MAX_TIME


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00.5z", 500_000),
        ("1970-01-01T00:00:00.1234569Z", 123_456),
        ("1970-01-01T08:00:01+08:00", 1_000_000),
        ("1970-01-01T08:00:01 08:00", 1_000_000),
        ("1969-12-31T23:00:00-01:00", 0),
        ("9007199254740991", MAX_TIME),
    ],
)
def test_examples(text: str, value: int) -> None:
    assert micros("since", text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "٣",
        "9007199254740992",
        "2025-11-23",
        "2025-11-23T08:00Z",
        "2025-11-23T08:00:00",
        "2025-11-23 08:00:00Z",
        "2025-02-29T00:00:00Z",
        "2025-11-23T24:00:01Z",
        "2025-11-23T08:00:60Z",
        "2025-11-23T08:00:00+24:00",
        "2025-11-23T08:00:00.Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00+01:00",
        "2025-11-23T08:00:00Z\n",
        "2025-W47-7T08:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        micros("since", text)
    assert (refused.value.field, refused.value.reason) == ("since", "FIELD_INVALID")
