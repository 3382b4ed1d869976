"""When somebody reaches an age: birthdays, leap days, zones, clocks put forward at midnight."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from placet.consent.errors import Invalid
from placet.consent.model.vocabulary import AgeBand, Instant
from placet.consent.policy import ages
from placet.consent.policy.facts import age_of

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> Instant:
    """Return an instant written in ISO 8601 with an offset."""
    return Instant(int(datetime.fromisoformat(text).timestamp()) * 1_000_000)


@pytest.mark.parametrize(
    ("birth", "age", "day"),
    [
        (date(2012, 5, 3), 14, date(2026, 5, 3)),
        (date(2012, 2, 29), 4, date(2016, 2, 29)),
        (date(2012, 2, 29), 14, date(2026, 3, 1)),
        (date(2012, 2, 29), 16, date(2028, 2, 29)),
        (date(1996, 2, 29), 104, date(2100, 3, 1)),  # 2100 is no leap year
    ],
)
def test_a_leap_day_counts_from_the_first_of_march_in_years_without_one(birth: date, age: int, day: date) -> None:
    assert ages.birthday(birth, age) == day


def test_the_age_is_reached_at_local_midnight_of_the_birthday() -> None:
    reached = ages.reached_at(date(2012, 5, 3), 14, SHANGHAI)
    assert reached == at("2026-05-03T00:00:00+08:00") == at("2026-05-02T16:00:00+00:00")
    assert ages.is_minor(date(2012, 5, 3), SHANGHAI, Instant(reached - 1), "cn-2025")
    assert not ages.is_minor(date(2012, 5, 3), SHANGHAI, reached, "cn-2025")


def test_the_same_birth_date_is_reached_earlier_in_the_east() -> None:
    east = ages.reached_at(date(2012, 5, 3), 14, ZoneInfo("Pacific/Auckland"))
    west = ages.reached_at(date(2012, 5, 3), 14, ZoneInfo("America/Los_Angeles"))
    assert west - east == 19 * 3600 * 1_000_000


@pytest.mark.parametrize(
    ("name", "birth", "age", "first_instant"),
    [
        # Brazil put its clocks forward at midnight: 4 November 2018 began at 01:00.
        ("America/Sao_Paulo", date(2004, 11, 4), 14, "2018-11-04T03:00:00+00:00"),
        # Cuba puts them back at 01:00: midnight of 4 November 2018 happened twice, the first counts.
        ("America/Havana", date(2004, 11, 4), 14, "2018-11-04T04:00:00+00:00"),
        # Samoa had no 30 December 2011 at all: the 31st began where the 29th ended.
        ("Pacific/Apia", date(1997, 12, 30), 14, "2011-12-30T10:00:00+00:00"),
    ],
)
def test_a_day_without_or_with_two_midnights_begins_at_its_first_instant(
    name: str, birth: date, age: int, first_instant: str
) -> None:
    assert ages.reached_at(birth, age, ZoneInfo(name)) == at(first_instant)


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        (0, AgeBand.UNDER_13),
        (12, AgeBand.UNDER_13),
        (13, AgeBand.AGE_13),
        (14, AgeBand.AGE_14_15),
        (15, AgeBand.AGE_14_15),
        (16, AgeBand.AGE_16_17),
        (17, AgeBand.AGE_16_17),
        (18, AgeBand.ADULT),
        (80, AgeBand.ADULT),
    ],
)
def test_the_band_and_when_it_changes(years: int, expected: AgeBand) -> None:
    birth = date(2026 - years, 5, 3)
    now = at("2026-05-03T00:00:00+08:00")
    band, until = age_of(birth, "Asia/Shanghai", now)
    assert band is expected
    if expected is AgeBand.ADULT:
        assert until is None
    else:
        assert until is not None
        assert age_of(birth, "Asia/Shanghai", Instant(until - 1)) == (expected, until)
        assert age_of(birth, "Asia/Shanghai", until)[0] is not expected


def test_no_birth_date_is_an_adult_for_good() -> None:
    assert age_of(None, "Asia/Shanghai", at("2026-05-03T00:00:00+08:00")) == (AgeBand.ADULT, None)


@pytest.mark.parametrize("name", ["Mars/Olympus", "Asia", "Asia/", "../../etc/passwd", "/etc/passwd", "UTC\0", ""])
def test_what_is_no_zone_is_named(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        ages.zone("zone", name)
    assert caught.value.field == "zone"


def test_a_birth_date_in_the_future_there_is_refused() -> None:
    now = at("2026-05-03T01:00:00+08:00")
    ages.check_born("birth_date", date(2026, 5, 3), SHANGHAI, now)
    with pytest.raises(Invalid, match="future"):
        ages.check_born("birth_date", date(2026, 5, 3), ZoneInfo("America/New_York"), now)


def test_today_is_the_day_of_the_zone() -> None:
    now = Instant(int(datetime(2026, 5, 2, 20, tzinfo=UTC).timestamp()) * 1_000_000)
    assert ages.today(SHANGHAI, now) == date(2026, 5, 3)
