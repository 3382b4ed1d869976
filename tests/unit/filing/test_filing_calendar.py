"""Working days against what the State Council announced, against a second library, and at the edges of what is known.

The announcements for 2025 (Guobanfa Mingdian [2024] 12) and 2026 (of 2025-11-04) were read as quoted in full by news
agencies; the free and worked days stand here by hand. Other years: only the two libraries against each other.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import chinese_calendar
import pytest
from holidays.countries.china import China

from placet.kit.errors import Kind
from placet.permission.filing.calendar import WorkingDays, announcements, parse, today
from placet.permission.filing.errors import CalendarUnknown, DataInvalid

CALENDAR = WorkingDays()
DAY = timedelta(days=1)


def days(begin: str, end: str) -> list[date]:
    first, last = date.fromisoformat(begin), date.fromisoformat(end)
    return [first + DAY * one for one in range((last - first).days + 1)]


FREE = [
    *days("2025-01-01", "2025-01-01"), *days("2025-01-28", "2025-02-04"), *days("2025-04-04", "2025-04-06"),
    *days("2025-05-01", "2025-05-05"), *days("2025-05-31", "2025-06-02"), *days("2025-10-01", "2025-10-08"),
    *days("2026-01-01", "2026-01-03"), *days("2026-02-15", "2026-02-23"), *days("2026-04-04", "2026-04-06"),
    *days("2026-05-01", "2026-05-05"), *days("2026-06-19", "2026-06-21"), *days("2026-09-25", "2026-09-27"),
    *days("2026-10-01", "2026-10-07"),
]  # fmt: skip
WORKED = [
    date.fromisoformat(day)
    for day in (
        "2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11",
        "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10",
    )
]  # fmt: skip


@pytest.mark.parametrize("year", [2025, 2026])
def test_every_day_is_what_the_state_council_announced(year: int) -> None:
    for day in days(f"{year}-01-01", f"{year}-12-31"):
        expected = day in WORKED or (day.weekday() < 5 and day not in FREE)
        assert CALENDAR.is_working(day) is expected, day


def test_the_days_that_the_announcements_move_are_moved() -> None:
    """The control: with weekends alone, these days come out wrong."""
    moved = [*WORKED, *(day for day in FREE if day.weekday() < 5)]
    assert len(moved) > 40
    for day in moved:
        assert CALENDAR.is_working(day) is not (day.weekday() < 5)


@pytest.mark.parametrize("year", sorted(set(range(2010, 2027)) & CALENDAR.known))
def test_two_libraries_agree(year: int) -> None:
    other = China(years=year)
    for day in days(f"{year}-01-01", f"{year}-12-31"):
        assert CALENDAR.is_working(day) is other.is_working_day(day), day


def test_the_deadline_that_the_authority_published() -> None:
    """CAC, 2025-05-28: who had reached 100,000 before 2025-06-01 files by 2025-07-14."""
    assert CALENDAR.deadline(date(2025, 6, 1), 30) == date(2025, 7, 14)


@pytest.mark.parametrize(
    ("since", "deadline"),
    [
        ("2025-09-15", "2025-10-31"),  # over National Day, with 09-28 and 10-11 worked
        ("2025-01-10", "2025-02-27"),  # over the Spring Festival, with 01-26 and 02-08 worked
        ("2026-02-05", "2026-03-25"),  # over the Spring Festival of 2026, with 02-14 and 02-28 worked
        ("2025-11-20", "2026-01-04"),  # over the year's end; the last day is a worked Sunday
        ("2024-02-28", "2024-04-11"),  # the day after is 29 February; 04-07 is worked
    ],
)
def test_thirty_working_days(since: str, deadline: str) -> None:
    """Counted by hand from the announcements (2024: from memory of the announcement, unverified)."""
    assert CALENDAR.deadline(date.fromisoformat(since), 30) == date.fromisoformat(deadline)


def test_the_day_itself_does_not_count_and_the_last_day_does() -> None:
    monday = date(2025, 3, 3)
    assert CALENDAR.deadline(monday, 1) == monday + DAY
    assert CALENDAR.deadline(monday, 5) == monday + DAY * 7
    assert CALENDAR.left(monday, monday + DAY * 7) == 5
    assert CALENDAR.left(monday + DAY * 7, monday + DAY * 7) == 0
    assert CALENDAR.left(monday + DAY * 9, monday + DAY * 7) == 0


def test_a_year_that_is_not_known_fails_loudly() -> None:
    year = max(CALENDAR.known) + 1
    with pytest.raises(CalendarUnknown) as caught:
        CALENDAR.deadline(date(year - 1, 12, 20), 30)
    error = caught.value
    assert (error.kind, error.reason, error.year) == (Kind.PRECONDITION, "CALENDAR_UNKNOWN", year)
    assert str(year) in error.message
    assert "PLACET_FILING_CALENDAR" in error.message
    assert "chinesecalendar" in error.message
    with pytest.raises(CalendarUnknown):
        CALENDAR.is_working(date(2003, 12, 31))


def test_without_the_year_there_is_a_day_that_the_deadline_is_not_before() -> None:
    year = max(CALENDAR.known)
    since = date(year, 12, 1)
    known = sum(CALENDAR.is_working(day) for day in days(f"{year}-12-02", f"{year}-12-31"))
    assert CALENDAR.not_before(since, 30) == date(year + 1, 1, 1) + DAY * (30 - known - 1)
    assert CALENDAR.not_before(date(2025, 6, 1), 30) == CALENDAR.deadline(date(2025, 6, 1), 30)


def test_a_library_that_knows_only_the_first_days_of_a_year_does_not_know_it(monkeypatch: pytest.MonkeyPatch) -> None:
    year = max(CALENDAR.known) + 1
    monkeypatch.setattr(chinese_calendar, "holidays", {**chinese_calendar.holidays, date(year, 1, 1): "New Year's Day"})
    assert year not in WorkingDays().known


ANNOUNCED = {"2031": {"off": ["2031-01-01", "2031-10-01"], "work": ["2031-10-11"], "source": "Guobanfa [2030] 1"}}


def test_the_operator_can_add_a_year(tmp_path: Path) -> None:
    file = tmp_path / "years.json"
    file.write_text(json.dumps(ANNOUNCED))
    told = WorkingDays(announcements(file))
    assert 2031 in told.known
    assert not told.is_working(date(2031, 10, 1))
    assert told.is_working(date(2031, 10, 11))  # a Saturday
    assert told.is_working(date(2031, 10, 2))
    assert not told.is_working(date(2031, 10, 4))
    assert "Guobanfa [2030] 1" in told.described
    assert announcements(None) == {}


def test_what_the_operator_says_of_a_known_year_counts() -> None:
    told = WorkingDays(
        parse(json.dumps({"2025": {"off": ["2025-10-01", "2025-03-03"], "work": [], "source": "x"}}).encode())
    )
    assert not told.is_working(date(2025, 3, 3))
    assert CALENDAR.is_working(date(2025, 3, 3))


@pytest.mark.parametrize(
    "told",
    [
        [],
        {"2031": {}},
        {"year": ANNOUNCED["2031"]},
        {"2031": {**ANNOUNCED["2031"], "off": ["2032-01-01", "2031-10-01"]}},
        {"2031": {**ANNOUNCED["2031"], "work": ["2031-10-01"]}},
        {"2031": {**ANNOUNCED["2031"], "work": ["2031-10-09"]}},
        {"2031": {**ANNOUNCED["2031"], "off": ["2031-01-01"]}},
        {"2031": {**ANNOUNCED["2031"], "source": ""}},
        {"2031": {**ANNOUNCED["2031"], "off": ["1 October"]}},
    ],
)
def test_a_wrong_file_is_refused(told: object) -> None:
    with pytest.raises(DataInvalid):
        parse(json.dumps(told).encode())


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid):
        announcements(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 1, 15, 59, 59, 999_999, UTC), "2026-03-01"),
        (datetime(2026, 3, 1, 16, 0, 0, 0, UTC), "2026-03-02"),  # midnight in Shanghai
        (datetime(2024, 2, 28, 16, 0, 0, 0, UTC), "2024-02-29"),
        (datetime(2025, 12, 31, 16, 0, 0, 0, UTC), "2026-01-01"),
    ],
)
def test_the_day_is_that_of_shanghai(moment: datetime, day: str) -> None:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert today(micros) == date.fromisoformat(day)
