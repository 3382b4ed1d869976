"""`placet filing status`: how many persons are stored, what is due until when, when a threshold may be reached.

Owns what is printed and the exit status: 1 if a binding duty is overdue, or cannot be told because the working days of
a year are not known. The judgement is the service's.
"""

import dataclasses
import json
from typing import Annotated, Any

import typer
from rich.console import Console

from placet.sdk.client import Client
from placet.sdk.commands.filing import ConfigFile, Group, configured
from placet.sdk.model.filings import FilingDuty, FilingStatus, PersonRange
from placet.sdk.vocabulary import DutyState

_BAD = (DutyState.OVERDUE, DutyState.UNDETERMINED)
_COLOURS = {DutyState.DUE: "yellow", DutyState.OVERDUE: "red", DutyState.UNDETERMINED: "red", DutyState.FILED: "green"}


def status(
    config: ConfigFile = None,
    group: Group = None,
    history: Annotated[bool, typer.Option("--history", help="Also the number, day by day.")] = False,
    output: Annotated[str, typer.Option("-o", "--output", help="table or json.")] = "table",
) -> None:
    """Say how many persons are stored, what has to be filed until when, and what was filed."""
    if output not in ("table", "json"):
        raise typer.BadParameter("give table or json", param_hint="--output")
    with Client(configured(config)) as client:
        found = client.filing_status(group=group or (), history=history)
    if output == "json":
        typer.echo(json.dumps(dataclasses.asdict(found), default=_plain, ensure_ascii=False, indent=2))
    else:
        _print(found)
    raise typer.Exit(1 if alarming(found) else 0)


def alarming(found: FilingStatus) -> bool:
    """Tell whether a binding duty is overdue, or has a deadline that nobody can tell and was not filed."""
    filed = (DutyState.FILED, DutyState.FILED_LATE)
    return any(
        one.binding and (one.state in _BAD or (bool(one.problem) and one.state not in filed)) for one in found.duties
    )


def _print(found: FilingStatus) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{found.today}  stored persons: {_persons(found.stored)}", markup=False)
    if found.unlinked:
        console.print(f"  {found.unlinked} of them under legal permissions, of whom no person is known", markup=False)
    if found.elsewhere:
        console.print(f"  {found.elsewhere} of them declared as stored outside the vault", markup=False)
    if found.elsewhere_undeclared:
        console.print(
            "  A purpose keeps faces in devices, where Placet cannot count them: declare how many with "
            "`placet filing facts` (stored_elsewhere).",
            style="yellow",
            markup=False,
        )
    for duty in found.duties:
        console.print(_heading(duty), style=_COLOURS.get(duty.state, "") if duty.binding else "dim", markup=False)
        for line in _lines(duty):
            console.print(f"  {line}", style="red" if duty.problem and duty.binding else "", markup=False)
    for day in found.history:
        console.print(f"  {day.day}  peak {_persons(day.peak)}, end {_persons(day.close)}", markup=False)
    console.print(f"working days: {found.calendar}; the first day does not count ({found.counting})", markup=False)


def _heading(duty: FilingDuty) -> str:
    rule = f"{duty.rule} ({'above' if duty.above else 'at'} {duty.threshold:,})"
    which = f" {duty.filing}" if duty.filing else ""
    words = duty.state.value.replace("_", " ")
    state = words.upper() if duty.binding else f"{words} (draft, not law)"
    return f"{rule}  {duty.kind.value}{which}: {state}"


def _lines(duty: FilingDuty) -> list[str]:
    lines = []
    if duty.reached_on:
        since = f", counted from {duty.since}" if duty.since != duty.reached_on else ""
        lines.append(f"since {duty.reached_on}{since}; last day: {_last_day(duty)}")
    if duty.problem:
        lines.append(f"{duty.problem}: {duty.problem_message}")
    if duty.below_since:
        lines.append(f"fell below again on {duty.below_since}; the duty stays")
    if duty.filed_on:
        lines.append(f"filed on {duty.filed_on}")
    if duty.forecast:
        end = f"and {duty.forecast.not_after}" if duty.forecast.not_after else "and later than three years, or never"
        lines.append(f"may be reached between {duty.forecast.not_before} {end} ({duty.forecast.method})")
    return [*lines, f"{duty.source}; {duty.confidence}"]


def _last_day(duty: FilingDuty) -> str:
    if duty.deadline is None:
        return f"not known, not before {duty.deadline_not_before}"
    return f"{duty.deadline}, {duty.left} working days left" if duty.state is DutyState.DUE else str(duty.deadline)


def _persons(persons: PersonRange) -> str:
    return f"{persons.high:,}" if persons.low == persons.high else f"{persons.low:,} to {persons.high:,}"


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
