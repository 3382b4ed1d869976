"""What has to be filed, since when and until when: thresholds that were reached, changes, ends of use.

Owns, numbered:
1. A threshold binds from the first day on which the upper bound was at it, since the last cancellation, even if the
   number fell again: the text asks for the day it was reached and says of no way back (how the authority sees that is
   not known to us). A cancellation is one that was filed, of a use that had been filed.
2. The clock does not begin before the rule is in force.
3. Working days are counted from the day after.
4. A change or an end of use is due from its own day, under the rule that is law.
5. A filing answers its duty if it was filed after the last cancellation.
6. Where the calendar does not know a year, the duty says so, and names a day that the deadline is not before; nothing
   is called overdue, or filed in time, that is not certain.
Never: reads a clock, counts persons. Sources: law.md section 1 (R8), `rules.json`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from placet.permission.filing.calendar import WorkingDays
from placet.permission.filing.errors import CalendarUnknown
from placet.permission.filing.forecast import Forecast, forecast
from placet.permission.filing.rules import Rule, Rules
from placet.permission.filing.series import Episode, Stock, after, episodes
from placet.permission.model.filings import Filing, FilingKind


class DutyState(StrEnum):
    """How a duty to file stands."""

    NOT_REACHED = "not_reached"
    DUE = "due"
    OVERDUE = "overdue"
    FILED = "filed"
    FILED_LATE = "filed_late"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, kw_only=True, slots=True)
class Duty:
    """One duty under one rule; days are None where there is none, or none is known (`problem` says why)."""

    rule: Rule
    kind: FilingKind
    state: DutyState
    reached_on: date | None = None
    since: date | None = None
    deadline: date | None = None
    not_before: date | None = None
    left: int = 0
    below_since: date | None = None
    filing: Filing | None = None
    problem: CalendarUnknown | None = None
    forecast: Forecast | None = None

    @property
    def in_time_until(self) -> date | None:
        """The last day that is certain to be in time: the deadline, or where it is not known what it is not before."""
        return self.deadline or self.not_before


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clock:
    """The end of a count of working days, or why it is not known."""

    deadline: date | None
    not_before: date | None
    left: int
    problem: CalendarUnknown | None


def duties(
    stock: Stock, filings: Sequence[Filing], rules: Rules, calendar: WorkingDays, today: date
) -> tuple[Duty, ...]:
    """Return a duty for each rule, then one for each recorded change and end of use."""
    thresholds = [_of_threshold(rule, stock, filings, calendar, today) for rule in rules.rules]
    return (*thresholds, *of_records(filings, rules, calendar, today))


def of_records(filings: Sequence[Filing], rules: Rules, calendar: WorkingDays, today: date) -> tuple[Duty, ...]:
    """Return a duty for each recorded change and end of use; none of them needs the number of persons."""
    recorded = sorted((one for one in filings if one.kind is not FilingKind.INITIAL), key=lambda one: one.since)
    return tuple(_of_record(rules.law, one, calendar, today) for one in recorded)


def _of_threshold(rule: Rule, stock: Stock, filings: Sequence[Filing], calendar: WorkingDays, today: date) -> Duty:
    ended = _last_end(filings)
    found = episodes((day for day in stock.days if day.day <= today), rule.needed)
    found = after(found, ended) if ended is not None else found
    begin = rule.in_force_from or date.min
    found = tuple(one for one in found if one.end is None or one.end >= begin)
    answer = _answer(filings, ended) if rule.binding else None
    if not found:
        state = DutyState.NOT_REACHED if answer is None else DutyState.FILED
        ahead = forecast(stock.days, rule.needed, today)
        return Duty(rule=rule, kind=FilingKind.INITIAL, state=state, filing=answer, forecast=ahead)
    first: Episode = found[0]
    since = max(first.begin, begin)
    clock = _clock(rule, since, calendar, today)
    return Duty(
        rule=rule,
        kind=FilingKind.INITIAL,
        state=_state(clock, answer, today),
        reached_on=first.begin,
        since=since,
        deadline=clock.deadline,
        not_before=clock.not_before,
        left=clock.left,
        below_since=found[-1].end,
        filing=answer,
        problem=clock.problem,
    )


def _of_record(rule: Rule, filing: Filing, calendar: WorkingDays, today: date) -> Duty:
    since = date.fromisoformat(filing.since)
    clock = _clock(rule, since, calendar, today)
    return Duty(
        rule=rule,
        kind=filing.kind,
        state=_state(clock, filing if filing.filed_on else None, today),
        reached_on=since,
        since=since,
        deadline=clock.deadline,
        not_before=clock.not_before,
        left=clock.left,
        filing=filing,
        problem=clock.problem,
    )


def _clock(rule: Rule, since: date, calendar: WorkingDays, today: date) -> _Clock:
    try:
        deadline = calendar.deadline(since, rule.working_days)
        left = calendar.left(max(today, since), deadline)
    except CalendarUnknown as problem:
        earliest = calendar.not_before(since, rule.working_days)
        return _Clock(deadline=None, not_before=earliest, left=0, problem=problem)
    return _Clock(deadline=deadline, not_before=None, left=left, problem=None)


def _state(clock: _Clock, filing: Filing | None, today: date) -> DutyState:
    """Return how a duty stands; the last day is in time, and of an unknown one only what is certain is said."""
    done = filing is not None
    day = date.fromisoformat(filing.filed_on) if filing is not None else today
    if clock.deadline is not None:
        in_time = day <= clock.deadline
    elif clock.not_before is not None and day <= clock.not_before:
        in_time = True
    else:
        return DutyState.UNDETERMINED
    if done:
        return DutyState.FILED if in_time else DutyState.FILED_LATE
    return DutyState.DUE if in_time else DutyState.OVERDUE


def _last_end(filings: Sequence[Filing]) -> date | None:
    """Return the latest day on which a filed use ended, if the cancellation was filed too."""
    first = min((one.filed_on for one in filings if one.kind is FilingKind.INITIAL and one.filed_on), default=None)
    ends = [
        date.fromisoformat(one.since)
        for one in filings
        if one.kind is FilingKind.CANCELLATION and first is not None and first <= one.filed_on
    ]
    return max(ends, default=None)


def _answer(filings: Sequence[Filing], ended: date | None) -> Filing | None:
    """Return the first filing since the last end of use."""
    made = [
        one
        for one in filings
        if one.kind is FilingKind.INITIAL
        and one.filed_on
        and (ended is None or date.fromisoformat(one.filed_on) > ended)
    ]
    return min(made, key=lambda one: one.filed_on, default=None)
