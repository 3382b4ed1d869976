"""`placet filing status`: how many persons are stored, what is due until when, when a threshold may be reached.

Owns what is printed and the exit status: 1 if a binding duty is overdue, or cannot be told because the working days of
a year are not known. The judgement is the service's.
"""

import dataclasses
import json
from datetime import date
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

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
    raise typer.Exit(1 if any(one.binding and (one.state in _BAD or one.problem) for one in found.duties) else 0)


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
    table = Table("rule", "about", "state", "reached or happened", "deadline", "working days left", "filed")
    for duty in found.duties:
        table.add_row(*_row(duty), style=_COLOURS.get(duty.state, "") if duty.binding else "dim")
    console.print(table)
    for duty in found.duties:
        for line in _notes(duty):
            console.print(line, style="red" if duty.problem and duty.binding else "", markup=False)
    for day in found.history:
        console.print(f"  {day.day}  peak {_persons(day.peak)}, end {_persons(day.close)}", markup=False)
    console.print(f"working days: {found.calendar}", markup=False)


def _row(duty: FilingDuty) -> list[str]:
    rule = f"{duty.rule} ({'above' if duty.above else 'at'} {duty.threshold:,})"
    state = duty.state.value.replace("_", " ") + ("" if duty.binding else " (draft, not law)")
    deadline = _day(duty.deadline) or (f"not before {duty.deadline_not_before}" if duty.deadline_not_before else "")
    left = str(duty.left) if duty.deadline and duty.state is DutyState.DUE else ""
    return [rule, duty.kind.value, state, _day(duty.reached_on), deadline, left, _day(duty.filed_on)]


def _notes(duty: FilingDuty) -> list[str]:
    name = f"{duty.rule} {duty.kind.value}"
    notes = [f"{name}: {duty.source}; {duty.confidence}"]
    if duty.problem:
        notes.append(f"{name}: {duty.problem}: {duty.problem_message}")
    if duty.below_since:
        notes.append(f"{name}: fell below again on {duty.below_since}; the duty stays")
    if duty.forecast:
        end = f"and {duty.forecast.not_after}" if duty.forecast.not_after else "and later than three years, or never"
        notes.append(f"{name}: may be reached between {duty.forecast.not_before} {end} ({duty.forecast.method})")
    return notes


def _persons(persons: PersonRange) -> str:
    return f"{persons.high:,}" if persons.low == persons.high else f"{persons.low:,} to {persons.high:,}"


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
