"""Working days of the People's Republic of China, with the weekends that are worked to make up for holidays.

Owns: which years are known, a deadline, and the days left. Facts come from the library `chinesecalendar`, which holds
the State Council's announcements; a year that is missing there, or was changed later, from the operator's file.
Never: guesses: a year that is not known raises CalendarUnknown. Days are those of Asia/Shanghai. The count begins with
the day after (Civil Code article 201 (1); confidence in `rules.json`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import chinese_calendar

from placet.permission.filing.errors import CalendarUnknown, DataInvalid
from placet.permission.model.vocabulary import SECOND

ZONE: Final = ZoneInfo("Asia/Shanghai")
_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
# In a year that was really announced, this is a holiday: a library with only the spill-over of December is not fooled.
_NATIONAL_DAY: Final = (10, 1)
_FILE: Final = "the calendar file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """A year as the operator read it from the State Council: free days, worked weekend days, and where it stands."""

    year: int
    off: frozenset[date]
    work: frozenset[date]
    source: str

    def __post_init__(self) -> None:
        if any(day.year != self.year for day in self.off | self.work):
            raise ValueError(f"names a day outside {self.year}")
        if self.off & self.work:
            raise ValueError("names a day as free and as worked")
        if any(day.weekday() < _SATURDAY for day in self.work):
            raise ValueError("names a Monday to Friday as worked: those are, unless they are free")
        if date(self.year, *_NATIONAL_DAY) not in self.off or not self.source:
            raise ValueError("must hold the whole year, National Day included, and name its source")


class WorkingDays:
    """The calendar: the library's years, and the operator's, which come first."""

    def __init__(self, announced: Mapping[int, Announcement] | None = None) -> None:
        self._announced = dict(announced or {})
        holidays = chinese_calendar.holidays
        shipped = {day.year for day in holidays if (day.month, day.day) == _NATIONAL_DAY}
        self._shipped = frozenset(shipped)
        self.known = frozenset(shipped | self._announced.keys())

    def is_working(self, day: date) -> bool:
        """Tell whether a day is worked. Raises CalendarUnknown."""
        told = self._announced.get(day.year)
        if told is not None:
            return day in told.work or (day.weekday() < _SATURDAY and day not in told.off)
        if day.year not in self._shipped:
            raise CalendarUnknown(day.year, self.known)
        return bool(chinese_calendar.is_workday(day))

    def deadline(self, since: date, days: int) -> date:
        """Return the `days`th working day after `since`, which itself does not count. Raises CalendarUnknown."""
        day, left = since, days
        while left:
            day += _DAY
            left -= self.is_working(day)
        return day

    def not_before(self, since: date, days: int) -> date:
        """Return a day that the deadline is not before: days of unknown years taken as worked, every one."""
        day, left = since, days
        while left:
            day += _DAY
            left -= day.year not in self.known or self.is_working(day)
        return day

    def left(self, today: date, deadline: date) -> int:
        """Return the working days after `today` up to and with `deadline`; 0 if it has passed."""
        days = (deadline - today).days
        return sum(self.is_working(today + _DAY * one) for one in range(1, days + 1))

    @property
    def described(self) -> str:
        """Say which years are known, and where from."""
        span = f"{min(self._shipped)} to {max(self._shipped)}"
        told = [f"{year} ({one.source})" for year, one in sorted(self._announced.items())]
        return "; ".join([f"chinesecalendar {version('chinesecalendar')}: {span}", *told])


def today(now: int) -> date:
    """Return the day in Asia/Shanghai at a moment in microseconds since 1970 UTC."""
    return datetime.fromtimestamp(now // SECOND, UTC).astimezone(ZONE).date()


def announcements(file: Path | None) -> dict[int, Announcement]:
    """Return the years of the operator's file; none without a file. Raises DataInvalid."""
    try:
        return {} if file is None else parse(file.read_bytes())
    except OSError as error:
        raise DataInvalid(_FILE, str(file), f"cannot be read ({error.strerror})") from None


def parse(data: bytes) -> dict[int, Announcement]:
    """Return the operator's years: {"2027": {"off": [...], "work": [...], "source": "..."}}. Raises DataInvalid."""
    year = "the file"
    try:
        found = {}
        for year, one in json.loads(data).items():
            found[int(year)] = _announcement(int(year), one)
        return found
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataInvalid(_FILE, year, f"cannot be used ({type(error).__name__}: {error})") from None


def _announcement(year: int, one: Mapping[str, Any]) -> Announcement:
    return Announcement(
        year=year,
        off=frozenset(map(date.fromisoformat, one["off"])),
        work=frozenset(map(date.fromisoformat, one["work"])),
        source=one["source"],
    )
