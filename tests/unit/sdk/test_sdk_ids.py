"""Ids and times."""

import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest

from placet.sdk.errors import Invalid
from placet.sdk.ids import coded_id, micros, moment, uuid7, uuid_text


def test_a_uuid7_has_version_variant_time_and_randomness() -> None:
    made = uuid.UUID(uuid7(1_790_000_000_123, bytes(range(10))))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == 1_790_000_000_123
    assert uuid7(1, b"\xff" * 10) != uuid7(1, b"\xfe" * 10)
    assert all(uuid.UUID(uuid7(1, bytes([byte]) * 10)).variant == uuid.RFC_4122 for byte in range(256))


def test_uuid7s_ascend_with_time() -> None:
    made = [uuid7(milliseconds, b"\x5a" * 10) for milliseconds in range(5, 3_000, 7)]
    assert made == sorted(made)


def test_a_uuid_is_taken_as_text_or_object_and_becomes_lower_case() -> None:
    one = uuid.uuid4()
    assert uuid_text("x", one) == uuid_text("x", str(one).upper()) == str(one)
    for wrong in ("", "x", "{" + str(one) + "}", one.hex):
        with pytest.raises(Invalid) as caught:
            uuid_text("frame", wrong)
        assert caught.value.field == "frame"


@pytest.mark.parametrize("wrong", ["", " ", "-a", "a b", "a" * 65, "\u00e9", "a\n"])
def test_what_is_no_coded_id_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid):
        coded_id("device", wrong)


def test_times_are_microseconds_or_aware_datetimes() -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    assert moment(micros("x", when)) == when
    assert micros("x", when.astimezone(timezone(timedelta(hours=8)))) == micros("x", when)
    assert micros("x", None) == 0
    for wrong in (when.replace(tzinfo=None), -1, 2**53):
        with pytest.raises(Invalid):
            micros("x", wrong)
