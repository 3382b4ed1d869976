"""Series, filings and rules for tests of the filing's pure core."""

from collections.abc import Sequence
from datetime import date

from placet.permission.filing.rules import load
from placet.permission.filing.series import Persons, Stock, StockDay
from placet.permission.model.filings import Filing, FilingKind

RULES = load()
LAW = RULES.rule("cn-2025/art-15")
DRAFT = RULES.rule("cn-draft-2023/art-16")


def on(text: str) -> date:
    return date.fromisoformat(text)


def day(when: str, close: int, peak: int | None = None, *, low: int | None = None) -> StockDay:
    """Return a day; without `low` the number is exact."""
    top = close if peak is None else peak
    at = Persons(low=top if low is None else low, high=top)
    return StockDay(day=on(when), peak=at, close=Persons(low=close if low is None else low, high=close))


def stock(*days: StockDay) -> Stock:
    return Stock(stored=days[-1].close if days else Persons(low=0, high=0), days=days, unlinked=0)


def filing(kind: FilingKind, since: str, filed_on: str = "", ident: str = "f") -> Filing:
    return Filing(
        id=ident,
        kind=kind,
        since=since,
        filed_on=filed_on,
        authority="",
        reference="",
        persons=0,
        document_sha256=b"",
        summary="",
    )


def initial(since: str, filed_on: str = "") -> Filing:
    return filing(FilingKind.INITIAL, since, filed_on, "initial")


def cancelled(since: str, filed_on: str = "") -> Filing:
    return filing(FilingKind.CANCELLATION, since, filed_on, "end")


def highs(days: Sequence[StockDay]) -> list[tuple[str, int, int]]:
    return [(one.day.isoformat(), one.peak.high, one.close.high) for one in days]
