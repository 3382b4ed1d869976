"""The forecast is a range, made as it says, and absent where it would be invented."""

from datetime import timedelta
from fractions import Fraction

from unit.filing.filing_world import day, on

from placet.permission.filing.forecast import HORIZON, forecast

TODAY = on("2025-09-30")


def grown(rate: int, days: int, start: int = 0) -> tuple[object, ...]:
    """Return a number that grew evenly until today."""
    first = TODAY - timedelta(days=days)
    return tuple(day((first + timedelta(days=one)).isoformat(), start + rate * one) for one in range(days + 1))


def test_even_growth_seen_in_every_window_gives_one_day() -> None:
    found = forecast(grown(10, 100), 2_000, TODAY)  # type: ignore[arg-type]
    assert found is not None
    assert (found.slowest, found.fastest) == (10, 10)
    assert found.not_before == found.not_after == TODAY + timedelta(days=100)


def test_one_window_knows_no_spread() -> None:
    found = forecast(grown(10, 8), 280, TODAY)  # type: ignore[arg-type]
    assert found is not None
    assert (found.slowest, found.fastest) == (5, 20)
    assert (found.not_before, found.not_after) == (TODAY + timedelta(days=10), TODAY + timedelta(days=40))


def test_growth_that_changed_gives_a_range() -> None:
    slow_then_fast = (*grown(1, 60)[:54], *(day(f"2025-09-{24 + one}", 53 + 20 * (one + 1)) for one in range(7)))
    found = forecast(slow_then_fast, 1_193, TODAY)  # type: ignore[arg-type]
    assert found is not None
    assert found.fastest == 20
    assert found.slowest == Fraction(140 + 21, 28)
    assert found.not_after is not None
    assert found.not_before < found.not_after


def test_no_forecast_without_growth_history_or_distance() -> None:
    assert forecast((), 100, TODAY) is None
    assert forecast(grown(10, 3), 2_000, TODAY) is None  # type: ignore[arg-type]
    assert forecast((day("2025-01-01", 500), day("2025-09-25", 100)), 2_000, TODAY) is None
    assert forecast(grown(10, 100), 1_000, TODAY) is None  # type: ignore[arg-type] # reached
    assert forecast(grown(1, 100), 100 + HORIZON + 1, TODAY) is None  # type: ignore[arg-type]
    assert forecast(grown(1, 100), 100 + HORIZON, TODAY) is not None  # type: ignore[arg-type]


def test_the_far_end_is_open_where_the_slowest_growth_does_not_get_there() -> None:
    stalled = (day("2025-06-01", 900), day("2025-09-20", 880), day("2025-09-28", 950))
    found = forecast(stalled, 1_000, TODAY)
    assert found is not None
    assert found.not_after is not None or found.slowest <= 0
    falling = (day("2025-06-01", 990), day("2025-09-20", 880), day("2025-09-28", 950))
    found = forecast(falling, 1_000, TODAY)
    assert found is not None
    assert (found.not_after, found.slowest < 0) == (None, True)
