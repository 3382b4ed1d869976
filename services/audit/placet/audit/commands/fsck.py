"""`placet ledger fsck`: derive every hash, tile, status root, chain link and signature again, and name the first bad
one.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from placet.audit import fsck as checking
from placet.audit.checking.cosigned import Cosignatures
from placet.audit.checking.pinned import read_checkpoints
from placet.audit.checking.search import check_search, rebuild_search
from placet.audit.commands.stored import DatabaseUrl, Stored, stored, stored_cosignatures, stored_search
from placet.audit.model import Log
from placet.kit.errors import Invalid, PlacetError
from placet.tlog.checkpoint import Checkpoint

Findings = dict[str, list[str]]


def fsck(
    data: Annotated[Path, typer.Option(help="Data directory of the audit service (or of `placet dev`).")] = Path(
        "var/dev"
    ),
    database: DatabaseUrl = None,
    controller: Annotated[str | None, typer.Option(help="Check this controller's log only.")] = None,
    key: Annotated[str | None, typer.Option(help="Pinned verifier key of the log (needs --controller).")] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A checkpoint that was kept elsewhere (needs --key): finds what was cut off or rewritten."),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of a witness; if given, cosignatures of all others are findings."),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild-search", help="Make the search index anew where the log is clean.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check stored logs against themselves; exit status 1 if anything is wrong.

    Reads only, and may run beside the service. A search index that cannot be read at all is made anew by the service;
    one with wrong rows is found here and made anew with --rebuild-search.
    """
    out = Console(stderr=as_json)
    try:
        pinned = _pinned(controller, key, checkpoint or [])
        with stored(data, controller, database) as found, stored_cosignatures(found) as kept, _progress(out) as bar:
            pages = bar.add_task("database pages", total=None)
            damaged = [str(finding) for finding in checking.check_storage(found.engines, kept)]
            bar.remove_task(pages)
            wrong = {"database": damaged} if damaged else {}
            cosigned = None if kept is None else Cosignatures(engines=kept, witnesses=witness)
            for log in found.logs:
                wrong[log.controller] = _check(found, log, key, pinned, cosigned, bar, rebuild=rebuild)
    except PlacetError as error:
        out.print(error.message, style="red")
        raise typer.Exit(2) from None
    _say(out, wrong, as_json=as_json)
    if any(wrong.values()):
        raise typer.Exit(1)


def _pinned(controller: str | None, key: str | None, files: Sequence[Path]) -> list[Checkpoint]:
    if key is not None and controller is None:
        raise Invalid("--key", "belongs to one log: name it with --controller")
    if files and key is None:
        raise Invalid("--checkpoint", "is only worth what its signature is: pin the log's key with --key")
    return [] if key is None else read_checkpoints(files, key)


def _check(
    found: Stored,
    log: Log,
    key: str | None,
    pinned: Sequence[Checkpoint],
    cosigned: Cosignatures | None,
    bar: Progress,
    *,
    rebuild: bool,
) -> list[str]:
    moved = partial(_move, bar, bar.add_task(log.controller, total=None))
    findings = checking.fsck(
        found.engines, log, keys=found.keys, vkey=key, progress=moved, checkpoints=pinned, cosigned=cosigned
    )
    if findings and rebuild:
        bar.console.print(f"{log.controller}: the search index was left alone, because the log is not clean")
    with stored_search(found) as index:
        if index is not None:
            shown = partial(_move, bar, bar.add_task(f"{log.controller} search", total=None))
            if rebuild and not findings:
                rebuild_search(found.engines, index, log, progress=shown)
            findings += check_search(found.engines, index, log, progress=shown)
    return [str(finding) for finding in findings]


def _say(out: Console, wrong: Findings, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(wrong, ensure_ascii=False))
    for name, messages in wrong.items():
        out.print(f"{name}: " + ("every entry, tile, row and link is as it should be" if not messages else "NOT CLEAN"))
        for message in messages:
            out.print(f"  {message}", style="red", highlight=False)
        if any(message.startswith("search") for message in messages):
            out.print("  the search index is made anew with --rebuild-search")


def _move(bar: Progress, task: TaskID, done: int, size: int) -> None:
    bar.update(task, completed=done, total=size)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)
