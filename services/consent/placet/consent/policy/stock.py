"""How many distinct persons have a stored template: the count, its range and its days (R8).

Owns: the arithmetic, change by change. A *holder* is whose a basis is: a person of this controller, or the basis
itself where nobody knows the person (a legal permission). Within a *scope* two holders are two persons: the scope of a
person is the id of the reference key. Across scopes nobody can tell (after a key was rotated one person has two
references), so the number is a range: at least the largest scope, at most their sum. Bases without a person are each a
scope of their own.
Never: a query, a clock, a subject reference. Sources: law.md section 1 (R8), docs/adr/0019-filing.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from placet.consent.model.vocabulary import DEFAULT_ZONE, BasisOrdinal, Instant

# Of bases whose person is not known.
UNLINKED: Final = b""
_SECOND: Final = 1_000_000
# Order 19 counts from a day; a day is one of Beijing time, whose zone is this.
_ZONE: Final = ZoneInfo(DEFAULT_ZONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class StockChange:
    """A template was stored under a basis, or is gone; `number` counts from 1 without a gap."""

    number: int
    basis: BasisOrdinal
    stored: bool
    at: Instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """A number of persons, known to lie within low and high."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high:
            raise ValueError(f"{self.low} to {self.high} is no range of persons")

    def up_to(self, other: "Range") -> "Range":
        """Return the larger of both, bound by bound."""
        return Range(low=max(self.low, other.low), high=max(self.high, other.high))


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """One day: the most at any moment of it, and the end of it."""

    day: date
    peak: Range
    close: Range


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """The count and its history, ascending; `unlinked` bases have no known person."""

    stored: Range
    days: tuple[Day, ...]
    unlinked: int


@dataclass(kw_only=True, slots=True)
class Held:
    """A basis with stored templates: whose it is, in which scope, and how many templates."""

    holder: str
    scope: bytes
    templates: int = 0


@dataclass(kw_only=True, slots=True)
class Tally:
    """What a run of changes works on, and leaves changed. `held` has every basis of the run that has a template.

    Invariant: a scope's number is that of its distinct holders with a template; `bases` counts those of a holder.
    """

    held: dict[int, Held]
    bases: dict[str, int]
    scopes: dict[bytes, int]
    last: Day | None
    # The days that this run touched.
    days: dict[date, Day] = field(default_factory=dict)

    def take_in(self, changes: Iterable[StockChange], owners: Mapping[int, Held], now: Instant) -> None:
        """Count changes in their order; `owners` says whose a basis is that had no template yet."""
        for change in changes:
            before = range_of(self.scopes)
            if change.stored:
                self._stored(change.basis, owners)
            else:
                self._gone(change.basis)
            self._note(self._day(change.at, now), before, range_of(self.scopes))

    def _stored(self, basis: int, owners: Mapping[int, Held]) -> None:
        held = self.held.get(basis)
        if held is None:
            owner = owners[basis]
            held = self.held[basis] = Held(holder=owner.holder, scope=owner.scope)
            self.bases[held.holder] = self.bases.get(held.holder, 0) + 1
            if self.bases[held.holder] == 1:
                self.scopes[held.scope] = self.scopes.get(held.scope, 0) + 1
        held.templates += 1

    def _gone(self, basis: int) -> None:
        held = self.held.get(basis)
        if held is None:
            return  # stored before the vault numbered its changes, and never counted
        held.templates -= 1
        if held.templates == 0:
            del self.held[basis]
            self.bases[held.holder] -= 1
            if self.bases[held.holder] == 0:
                self.scopes[held.scope] -= 1

    def _day(self, at: Instant, now: Instant) -> date:
        """Return the day of a change: never after today, and not before the last one unless that was wrong."""
        day, today = day_of(min(at, now)), day_of(now)
        return max(day, self.last.day) if self.last is not None and self.last.day <= today else day

    def _note(self, day: date, before: Range, after: Range) -> None:
        known = self.days.get(day) or (self.last if self.last is not None and self.last.day == day else None)
        # What was there when the day began was there on that day.
        peak = before if known is None else known.peak
        self.last = self.days[day] = Day(day=day, peak=peak.up_to(before).up_to(after), close=after)


def range_of(scopes: Mapping[bytes, int]) -> Range:
    """Return the range of distinct persons behind the holders of each scope."""
    alone = scopes.get(UNLINKED, 0)
    linked = [count for scope, count in scopes.items() if scope != UNLINKED]
    return Range(low=max([*linked, min(alone, 1)]), high=sum(linked) + alone)


def day_of(at: Instant) -> date:
    """Return the day in Asia/Shanghai that a moment belongs to."""
    return datetime.fromtimestamp(at // _SECOND, UTC).astimezone(_ZONE).date()


def scope_of(subject: bytes) -> bytes:
    """Return the id of the key that a subject reference was made with: what stands before the 32 bytes of the HMAC."""
    return subject[:-32] or b"\0"
