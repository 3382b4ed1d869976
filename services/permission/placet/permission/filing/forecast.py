"""When a threshold may be reached if the number goes on growing as it did.

Owns: the method: average growth a day over the last 7, 28 and 91 days, as far as the history goes; the fastest of them
gives the earliest day, the slowest the latest. With one of them only, half and twice its growth: one window knows no
spread. Never: a single date; a date beyond three years; anything without seven days of history.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Final

from placet.permission.filing.series import Series, close_on

WINDOWS: Final = (7, 28, 91)
HORIZON: Final = 3 * 365
METHOD: Final = (
    "linear: average growth a day over the last 7, 28 and 91 days as far as the history goes, fastest to slowest; "
    "with one window only, half to twice its growth"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """Not before one day; not after another, or (None) later than three years or never. Rates in persons a day."""

    not_before: date
    not_after: date | None
    slowest: Fraction
    fastest: Fraction


def forecast(days: Series, needed: int, today: date) -> Forecast | None:
    """Return when the upper bound may reach `needed`.

    None when it is reached already, the history is too short, nothing grows, or it is further away than three years.
    """
    now = close_on(days, today).high
    rates = _rates(days, today, now)
    if now >= needed or not rates or max(rates) <= 0:
        return None
    slowest, fastest = min(rates), max(rates)
    soon, late = _day(needed - now, fastest, today), _day(needed - now, slowest, today)
    return None if soon is None else Forecast(not_before=soon, not_after=late, slowest=slowest, fastest=fastest)


def _rates(days: Series, today: date, now: int) -> list[Fraction]:
    if not days:
        return []
    spans = [window for window in WINDOWS if days[0].day <= today - timedelta(days=window)]
    rates = [Fraction(now - close_on(days, today - timedelta(days=span)).high, span) for span in spans]
    return [rates[0] / 2, rates[0] * 2] if len(rates) == 1 else rates


def _day(missing: int, rate: Fraction, today: date) -> date | None:
    if rate <= 0 or missing > rate * HORIZON:
        return None
    return today + timedelta(days=ceil(missing / rate))
