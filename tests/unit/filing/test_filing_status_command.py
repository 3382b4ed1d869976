"""`placet filing status` says loudly what is overdue or cannot be told, and nothing of a draft counts as an alarm."""

from collections.abc import Sequence

import click
import pytest
from unit.filing.filing_world import RULES, cancelled, day, filing, initial, on, stock

from placet.permission.filing.calendar import WorkingDays
from placet.permission.filing.duties import duties
from placet.permission.filing.series import Stock
from placet.permission.handlers.filing import Status
from placet.permission.model.filings import Filing, FilingKind
from placet.permission.wire.filing import status_to_pb
from placet.sdk.commands.filing import app
from placet.sdk.commands.filing.status import _print, alarming
from placet.sdk.model.filings import FilingStatus
from placet.sdk.wire.filings import status_of

CALENDAR = WorkingDays()
LAST = max(CALENDAR.known)


def told(found: Stock, today: str, filings: Sequence[Filing] = ()) -> FilingStatus:
    due = duties(found, filings, RULES, CALENDAR, on(today))
    status = Status(
        today=on(today), stock=found, elsewhere=0, duties=due, filings=tuple(filings), calendar=CALENDAR.described,
        counting="Civil Code; unverified",
        elsewhere_undeclared=True,
    )  # fmt: skip
    return status_of(status_to_pb(status, history=True))


REACHED = stock(day("2025-09-15", 100_000))
AT_THE_END = stock(day(f"{LAST}-12-15", 100_000))


@pytest.mark.parametrize(
    ("found", "today", "filings", "alarm"),
    [
        (stock(day("2025-09-15", 50_000)), "2026-03-02", [], False),  # above the draft's threshold, which binds nobody
        (REACHED, "2025-10-31", [], False),
        (REACHED, "2025-11-01", [], True),
        (REACHED, "2025-11-01", [initial("2025-09-15", "2025-10-20")], False),
        (AT_THE_END, f"{LAST}-12-20", [], True),
        (AT_THE_END, f"{LAST}-12-30", [initial(f"{LAST}-12-15", f"{LAST}-12-29")], False),
        (stock(), "2025-11-01", [cancelled("2025-09-15")], True),
    ],
)
def test_the_exit_status(found: Stock, today: str, filings: list[Filing], alarm: bool) -> None:
    assert alarming(told(found, today, filings)) is alarm


def test_the_group_has_its_own_commands_and_nobody_elses() -> None:
    context = click.Context(app)
    assert app.list_commands(context) == ["export", "facts", "record", "status"]
    assert app.get_command(context, "status") is not None
    assert app.get_command(context, "demo") is None


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    _print(told(REACHED, "2025-10-09", [filing(FilingKind.CHANGE, "2025-10-09")]))
    said = capsys.readouterr().out
    for text in (
        "100,000",
        "2025-10-31",
        "DUE",
        "17 working days left",
        "draft, not law",
        "unverified",
        "stored_elsewhere",
        "chinesecalendar",
    ):
        assert text in said, text
    assert "not_" not in said  # words for people, also of the draft
    _print(told(AT_THE_END, f"{LAST}-12-20"))
    said = capsys.readouterr().out
    for text in ("CALENDAR_UNKNOWN", "PLACET_FILING_CALENDAR", f"not before {LAST + 1}-"):
        assert text in said, text
    growing = stock(*(day(f"2025-09-{one:02}", one * 1_000) for one in range(1, 21)))
    _print(told(growing, "2025-09-20"))
    assert "may be reached between" in capsys.readouterr().out
