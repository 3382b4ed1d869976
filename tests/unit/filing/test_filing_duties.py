"""Thresholds reached, undershot and reached again; changes and ends of use; what is due on which day."""

from collections.abc import Sequence

import pytest
from unit.filing.filing_world import DRAFT, LAW, RULES, cancelled, day, filing, highs, initial, on, stock

from placet.permission.filing.calendar import WorkingDays
from placet.permission.filing.duties import Duty, DutyState, duties
from placet.permission.filing.series import Persons, Stock, declared, episodes, together
from placet.permission.model.filings import Filing, FilingKind

CALENDAR = WorkingDays()
REACHED = stock(day("2025-08-01", 90_000), day("2025-09-15", 100_000))


def law(found: Stock, today: str, filings: Sequence[Filing] = ()) -> Duty:
    return next(one for one in duties(found, filings, RULES, CALENDAR, on(today)) if one.rule == LAW)


def test_the_threshold_itself_is_enough_by_law_and_is_not_in_the_draft() -> None:
    assert law(stock(day("2025-09-15", 99_999)), "2025-09-15").state is DutyState.NOT_REACHED
    assert law(stock(day("2025-09-15", 100_000)), "2025-09-15").reached_on == on("2025-09-15")
    assert (LAW.needed, DRAFT.needed) == (100_000, 10_001)
    assert (LAW.binding, DRAFT.binding) == (True, False)
    found = duties(stock(day("2025-09-15", 10_000)), (), RULES, CALENDAR, on("2025-09-15"))
    assert [one.state for one in found] == [DutyState.NOT_REACHED, DutyState.NOT_REACHED]
    found = duties(stock(day("2025-09-15", 10_001)), (), RULES, CALENDAR, on("2025-09-15"))
    assert [(one.state, one.rule.binding) for one in found] == [(DutyState.NOT_REACHED, True), (DutyState.DUE, False)]


@pytest.mark.parametrize(
    ("today", "state", "left"),
    [
        ("2025-09-15", DutyState.DUE, 30),
        ("2025-10-08", DutyState.DUE, 18),
        ("2025-10-30", DutyState.DUE, 1),
        ("2025-10-31", DutyState.DUE, 0),
        ("2025-11-01", DutyState.OVERDUE, 0),
    ],
)
def test_due_until_the_last_day_and_overdue_after_it(today: str, state: DutyState, left: int) -> None:
    duty = law(REACHED, today)
    assert (duty.state, duty.deadline, duty.left) == (state, on("2025-10-31"), left)
    assert (duty.reached_on, duty.since, duty.problem) == (on("2025-09-15"), on("2025-09-15"), None)


def test_filed_in_time_and_late() -> None:
    in_time = law(REACHED, "2025-12-01", [initial("2025-09-15", "2025-10-31")])
    assert in_time.state is DutyState.FILED
    assert in_time.filing is not None
    assert in_time.filing.filed_on == "2025-10-31"
    assert law(REACHED, "2025-12-01", [initial("2025-09-15", "2025-11-01")]).state is DutyState.FILED_LATE
    assert law(REACHED, "2025-12-01", [initial("2025-09-15")]).state is DutyState.OVERDUE  # recorded, not filed
    early = stock(day("2025-09-15", 5))
    assert law(early, "2025-12-01", [initial("2025-09-15", "2025-11-01")]).state is DutyState.FILED


def test_a_peak_within_a_day_reaches_the_threshold() -> None:
    peak = stock(day("2025-09-15", 90_000, 100_000))
    duty = law(peak, "2025-09-20")
    assert (duty.reached_on, duty.below_since, duty.state) == (on("2025-09-15"), on("2025-09-15"), DutyState.DUE)


def test_who_falls_below_again_still_has_to_file_since_the_first_day() -> None:
    again = stock(
        day("2025-09-15", 100_000), day("2025-09-20", 99_000), day("2025-10-09", 100_500), day("2025-10-20", 101_000)
    )
    assert [(str(one.begin), str(one.end)) for one in episodes(again.days, 100_000)] == [
        ("2025-09-15", "2025-09-20"),
        ("2025-10-09", "None"),
    ]
    duty = law(again, "2025-10-20")
    assert (duty.reached_on, duty.below_since, duty.deadline) == (on("2025-09-15"), None, on("2025-10-31"))
    below = law(stock(*again.days[:2]), "2025-10-20")
    assert (below.reached_on, below.below_since, below.state) == (on("2025-09-15"), on("2025-09-20"), DutyState.DUE)


def test_what_was_reached_before_the_law_counts_from_its_first_day() -> None:
    duty = law(stock(day("2024-03-01", 200_000)), "2025-07-14")
    assert (duty.reached_on, duty.since, duty.deadline) == (on("2024-03-01"), on("2025-06-01"), on("2025-07-14"))
    over = stock(day("2024-03-01", 200_000), day("2025-05-31", 10))
    assert law(over, "2025-07-14").state is DutyState.NOT_REACHED


def test_after_a_cancellation_the_count_begins_anew() -> None:
    filed = [initial("2025-09-15", "2025-10-10"), cancelled("2025-11-03", "2025-11-20")]
    down = stock(*REACHED.days, day("2025-11-03", 0))
    assert law(down, "2025-12-01", filed).state is DutyState.NOT_REACHED
    back = stock(*down.days, day("2025-12-08", 100_000))
    duty = law(back, "2025-12-10", filed)
    assert (duty.state, duty.reached_on, duty.filing) == (DutyState.DUE, on("2025-12-08"), None)
    goes_on = law(REACHED, "2025-12-01", filed)  # says that the use ended, and stores as before
    assert (goes_on.state, goes_on.reached_on) == (DutyState.DUE, on("2025-11-04"))


def test_a_cancellation_makes_no_missed_filing_good() -> None:
    """Neither one that nobody filed, nor one of a use that had not been filed."""
    down = stock(*REACHED.days, day("2025-11-03", 0))
    for filings in ([cancelled("2025-11-03", "2025-11-20")], [cancelled("2025-11-03")]):
        assert law(down, "2025-12-01", filings).state is DutyState.OVERDUE
    kept = law(down, "2025-12-01", [initial("2025-09-15", "2025-10-10"), cancelled("2025-11-03")])
    assert kept.state is DutyState.FILED


def test_changes_and_ends_of_use_have_a_clock_of_their_own() -> None:
    made = [
        filing(FilingKind.CHANGE, "2025-09-15", ident="change"),
        filing(FilingKind.CHANGE, "2025-08-01", "2025-08-20", ident="old"),
        cancelled("2025-06-03", "2025-07-16"),
    ]
    found = duties(stock(), made, RULES, CALENDAR, on("2025-10-01"))[len(RULES.rules) :]
    assert [(one.kind.value, one.state.value, str(one.deadline)) for one in found] == [
        ("cancellation", "filed_late", "2025-07-15"),
        ("change", "filed", "2025-09-12"),
        ("change", "due", "2025-10-31"),
    ]
    assert all(one.rule == LAW for one in found)


def test_an_unknown_year_is_said_and_nothing_is_called_overdue_or_in_time() -> None:
    year = max(CALENDAR.known)
    late = stock(day(f"{year}-12-15", 100_000))
    before, certain = law(late, f"{year}-12-20"), law(late, f"{year + 1}-03-20")
    assert before.problem is not None
    assert (before.state, before.deadline, before.problem.year) == (DutyState.DUE, None, year + 1)
    assert before.not_before is not None
    assert before.not_before > on(f"{year}-12-31")
    assert certain.state is DutyState.UNDETERMINED
    assert law(late, f"{year + 1}-03-20", [initial(f"{year}-12-15", f"{year}-12-30")]).state is DutyState.FILED
    doubtful = law(late, f"{year + 1}-03-20", [initial(f"{year}-12-15", f"{year + 1}-03-01")])
    assert doubtful.state is DutyState.UNDETERMINED


def test_what_lies_ahead_is_not_counted() -> None:
    assert law(stock(day("2025-09-15", 100_000)), "2025-09-14").state is DutyState.NOT_REACHED


def test_a_group_is_at_least_its_largest_and_at_most_the_sum() -> None:
    bank = stock(day("2025-09-01", 60_000), day("2025-09-10", 70_000))
    shop = stock(day("2025-09-05", 30_000), day("2025-09-10", 20_000, 40_000))
    both = together([bank, shop])
    assert highs(both.days) == [
        ("2025-09-01", 60_000, 60_000),
        ("2025-09-05", 90_000, 90_000),
        ("2025-09-10", 110_000, 90_000),
    ]
    assert both.stored == Persons(low=70_000, high=90_000)
    assert (both.days[-1].peak.low, both.days[-1].close.low) == (70_000, 70_000)
    assert law(both, "2025-09-10").reached_on == on("2025-09-10")
    assert law(bank, "2025-09-10").state is law(shop, "2025-09-10").state is DutyState.NOT_REACHED
    assert together([]).stored == Persons(low=0, high=0)
    assert together([bank]) == bank


def test_what_is_stored_elsewhere_counts_from_its_day() -> None:
    vault = stock(day("2025-09-01", 60_000), day("2025-09-10", 70_000))
    found = declared(vault, 35_000, on("2025-09-05"))
    assert highs(found.days) == [
        ("2025-09-01", 60_000, 60_000),
        ("2025-09-05", 95_000, 95_000),
        ("2025-09-10", 105_000, 105_000),
    ]
    assert found.stored == Persons(low=70_000, high=105_000)
    assert declared(vault, 0, None) == declared(vault, 0, on("2025-09-05")) == vault


def test_impossible_numbers_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no range"):
        Persons(low=2, high=1)
    with pytest.raises(ValueError, match="peak"):
        day("2025-09-01", 5, 4)
