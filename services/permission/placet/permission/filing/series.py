"""The stored number, day by day: of one controller, of a group of controllers, and when it was above a threshold.

Owns: ranges of persons, adding controllers up, what is declared besides, and episodes. Subject references are keyed by
each controller, so nobody can tell one controller's person from another's: a group's number is at least the largest
member's and at most the sum. Duties go by the upper bound.
Never: a person, a clock. Source: law.md section 1 (R8), docs/adr/0019-filing.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce


@dataclass(frozen=True, kw_only=True, slots=True)
class Persons:
    """A number of persons, known to lie within low and high."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"{self.low} to {self.high} is no range of persons")

    def beside(self, other: "Persons") -> "Persons":
        """Return the number of both together, of whom nobody knows how many are the same."""
        return Persons(low=max(self.low, other.low), high=self.high + other.high)


NOBODY = Persons(low=0, high=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class StockDay:
    """A day on which something changed: the most at any moment of it, and the end of it."""

    day: date
    peak: Persons
    close: Persons

    def __post_init__(self) -> None:
        if self.close.low > self.peak.low or self.close.high > self.peak.high:
            raise ValueError("a day ends with no more than its peak")


# Ascending by day. Invariant: a day that is missing is like the end of the one before.
Series = tuple[StockDay, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """The stored number of one controller, or of several together; `unlinked` bases have no known person."""

    stored: Persons
    days: Series
    unlinked: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """From the day on which the number was reached to the day on which it fell below it (None: it did not)."""

    begin: date
    end: date | None


def together(stocks: Sequence[Stock]) -> Stock:
    """Return the stock of a group."""
    return Stock(
        stored=reduce(Persons.beside, (one.stored for one in stocks), NOBODY),
        days=reduce(_add, (one.days for one in stocks), ()),
        unlinked=sum(one.unlinked for one in stocks),
    )


def declared(stock: Stock, persons: int, since: date | None) -> Stock:
    """Return the stock with persons who are stored elsewhere from a day on, as the controller declares."""
    if not persons or since is None:
        return stock
    more = Persons(low=persons, high=persons)
    elsewhere = StockDay(day=since, peak=more, close=more)
    return together([stock, Stock(stored=more, days=(elsewhere,), unlinked=0)])


def episodes(days: Iterable[StockDay], needed: int) -> tuple[Episode, ...]:
    """Return when the upper bound was at `needed` or above, in order; the day of a peak is the day it was reached."""
    found: list[Episode] = []
    begin: date | None = None
    for one in days:
        if begin is None and one.peak.high >= needed:
            begin = one.day
        if begin is not None and one.close.high < needed:
            found.append(Episode(begin=begin, end=one.day))
            begin = None
    return (*found, Episode(begin=begin, end=None)) if begin is not None else tuple(found)


def after(found: Iterable[Episode], day: date) -> tuple[Episode, ...]:
    """Return the episodes later than a day; one that lasts over it begins anew on the next."""
    begin = day + timedelta(days=1)
    return tuple(Episode(begin=max(one.begin, begin), end=one.end) for one in found if one.end is None or one.end > day)


def close_on(days: Series, day: date) -> Persons:
    """Return the number at the end of a day."""
    return next((one.close for one in reversed(days) if one.day <= day), NOBODY)


def _add(one: Series, other: Series) -> Series:
    """Return two series together: on each day of either, the peaks (at most) and the ends of both."""
    first, second = ({day.day: day for day in series} for series in (one, other))
    made, ends = [], [NOBODY, NOBODY]
    for day in sorted(first.keys() | second.keys()):
        peaks = []
        for which, series in enumerate((first, second)):
            known = series.get(day)
            peaks.append(ends[which] if known is None else known.peak)
            ends[which] = ends[which] if known is None else known.close
        made.append(StockDay(day=day, peak=peaks[0].beside(peaks[1]), close=ends[0].beside(ends[1])))
    return tuple(made)
