"""What must hold for every day, every history and every group."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.filing.filing_world import LAW, RULES

from placet.permission.filing.calendar import WorkingDays
from placet.permission.filing.duties import DutyState, duties
from placet.permission.filing.forecast import HORIZON, forecast
from placet.permission.filing.series import Episode, Persons, Stock, StockDay, close_on, episodes, together

CALENDAR = WorkingDays()
DAY = timedelta(days=1)
FIRST, LAST = date(min(CALENDAR.known), 1, 1), date(max(CALENDAR.known), 12, 31)
starts = st.dates(FIRST, LAST - 75 * DAY)
counts = st.integers(1, 45)
YEAR = date(2025, 1, 1)


@st.composite
def histories(draw: st.DrawFn) -> tuple[StockDay, ...]:
    """Days within a year, with numbers around a threshold of 100."""
    made = []
    for day in sorted(draw(st.sets(st.integers(0, 300), max_size=12))):
        high, more = draw(st.integers(0, 200)), draw(st.integers(0, 50))
        low = draw(st.integers(0, high))
        made.append(
            StockDay(
                day=YEAR + day * DAY,
                peak=Persons(low=low, high=high + more),
                close=Persons(low=low, high=high),
            )
        )
    return tuple(made)


def stock(days: tuple[StockDay, ...]) -> Stock:
    return Stock(stored=days[-1].close if days else Persons(low=0, high=0), days=days, unlinked=0)


@settings(max_examples=40)
@given(starts, counts)
def test_exactly_so_many_working_days_lie_between(since: date, count: int) -> None:
    deadline = CALENDAR.deadline(since, count)
    between = [since + DAY * one for one in range(1, (deadline - since).days + 1)]
    assert sum(map(CALENDAR.is_working, between)) == count
    assert CALENDAR.is_working(deadline)
    assert CALENDAR.left(since, deadline) == count


@settings(max_examples=40)
@given(starts, counts)
def test_the_deadline_is_monotone(since: date, count: int) -> None:
    deadline = CALENDAR.deadline(since, count)
    assert CALENDAR.deadline(since + DAY, count) >= deadline
    assert CALENDAR.deadline(since, count + 1) > deadline
    assert CALENDAR.deadline(since + DAY, count) == (
        deadline if not CALENDAR.is_working(since + DAY) else CALENDAR.deadline(since, count + 1)
    )


@settings(max_examples=40)
@given(st.dates(date(LAST.year, 10, 1), date(LAST.year + 1, 12, 31)), counts)
def test_the_day_that_a_deadline_is_not_before_really_is_not_after_it(since: date, count: int) -> None:
    """Whatever the unknown year will be: as if every day, every weekend, every Monday to Friday of it were worked."""
    floor = CALENDAR.not_before(since, count)
    day, worked = since, 0
    while worked < count:
        day += DAY
        worked += day.weekday() < 5 if day.year not in CALENDAR.known else CALENDAR.is_working(day)
    assert floor <= day
    assert floor > since


@settings(max_examples=40)
@given(histories(), st.integers(1, 200))
def test_episodes_are_what_a_look_at_every_day_finds(days: tuple[StockDay, ...], needed: int) -> None:
    by_day = {one.day: one for one in days}
    found: list[Episode] = []
    begin: date | None = None
    for one in range(301):
        now = YEAR + one * DAY
        close = close_on(days, now).high
        peak = by_day[now].peak.high if now in by_day else close
        if begin is None and peak >= needed:
            begin = now
        if begin is not None and close < needed:
            found.append(Episode(begin=begin, end=now))
            begin = None
    if begin is not None:
        found.append(Episode(begin=begin, end=None))
    assert list(episodes(days, needed)) == found


@settings(max_examples=40)
@given(st.lists(histories(), min_size=1, max_size=4))
def test_a_group_lies_between_its_largest_and_its_sum_on_every_day(several: list[tuple[StockDay, ...]]) -> None:
    group = together([stock(days) for days in several])
    assert group == together([stock(days) for days in reversed(several)])
    for one in range(0, 301, 7):
        day = YEAR + one * DAY
        members, all_of_them = [close_on(days, day) for days in several], close_on(group.days, day)
        assert all_of_them.high == sum(member.high for member in members)
        assert all_of_them.low == max(member.low for member in members)
    for day_of_group in group.days:
        peaks = [next((d.peak for d in days if d.day == day_of_group.day), None) for days in several]
        assert day_of_group.peak.high >= max(peak.high for peak in peaks if peak is not None)


@settings(max_examples=40)
@given(histories(), st.integers(0, 300))
def test_a_duty_never_goes_away_by_itself(days: tuple[StockDay, ...], later: int) -> None:
    scaled = tuple(
        StockDay(
            day=one.day + timedelta(days=200),
            peak=Persons(low=0, high=one.peak.high * 1_000),
            close=Persons(low=0, high=one.close.high * 1_000),
        )
        for one in days
    )
    assert LAW.in_force_from is not None
    states = []
    for step in (0, later):
        today = date(2025, 7, 20) + timedelta(days=step)
        duty = next(one for one in duties(stock(scaled), (), RULES, CALENDAR, today) if one.rule == LAW)
        states.append((duty.state, duty.reached_on))
        reached = [one.day for one in scaled if one.peak.high >= LAW.needed and one.day <= today]
        assert (duty.state is DutyState.NOT_REACHED) == (not reached)
        assert duty.reached_on == (min(reached) if reached else None)
    if states[0][0] is not DutyState.NOT_REACHED:
        assert states[1][1] == states[0][1]
        assert states[1][0] in (DutyState.DUE, DutyState.OVERDUE, DutyState.UNDETERMINED)


@settings(max_examples=40)
@given(histories(), st.integers(1, 400))
def test_a_forecast_is_a_range_in_the_future(days: tuple[StockDay, ...], needed: int) -> None:
    today = YEAR + 300 * DAY
    found = forecast(days, needed, today)
    if found is not None:
        assert close_on(days, today).high < needed
        assert today < found.not_before <= today + HORIZON * DAY
        assert found.not_after is None or found.not_before <= found.not_after
        assert 0 < found.fastest >= found.slowest
