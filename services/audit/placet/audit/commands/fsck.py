"""`placet ledger fsck`: derive every hash, tile, status root, chain link and signature again, and name the first bad
one.
"""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from placet.audit import fsck as checking
from placet.audit.commands.stored import DatabaseUrl, stored
from placet.kit.errors import PlacetError


def fsck(
    data: Annotated[Path, typer.Option(help="Data directory of the audit service (or of `placet dev`).")] = Path(
        "var/dev"
    ),
    database: DatabaseUrl = None,
    controller: Annotated[str | None, typer.Option(help="Check this controller's log only.")] = None,
    key: Annotated[str | None, typer.Option(help="Pinned verifier key of the log (needs --controller).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check stored logs against themselves; exit status 1 if anything is wrong."""
    out = Console(stderr=as_json)
    if key is not None and controller is None:
        out.print("--key belongs to one log: name it with --controller", style="red")
        raise typer.Exit(2)
    wrong = {}
    try:
        with stored(data, controller, database) as found, _progress(out) as bar:
            for log in found.logs:
                task = bar.add_task(log.controller, total=None)
                moved = partial(_move, bar, task)
                findings = checking.fsck(found.engines, log, keys=found.keys, vkey=key, progress=moved)
                wrong[log.controller] = [str(finding) for finding in findings]
    except PlacetError as error:
        out.print(error.message, style="red")
        raise typer.Exit(2) from None
    if as_json:
        print(json.dumps(wrong, ensure_ascii=False))
    for name, messages in wrong.items():
        out.print(f"{name}: " + ("every entry, tile, row and link is as it should be" if not messages else "NOT CLEAN"))
        for message in messages:
            out.print(f"  {message}", style="red", highlight=False)
    if any(wrong.values()):
        raise typer.Exit(1)


def _move(bar: Progress, task: TaskID, done: int, size: int) -> None:
    bar.update(task, completed=done, total=size)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)
