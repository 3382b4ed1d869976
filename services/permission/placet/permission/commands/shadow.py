"""`placet policy shadow PACK --log ...`: what another law would have decided about a log's events.

Owns what is printed. The run is `placet.permission.policy.shadow`, where entries come from `logs`. Reads only, claims
nothing about the log: verify it with `placet ledger replay`.
"""

import json
import time
from collections.abc import Mapping, Sequence, Set
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from placet.permission.commands.choosing import choose, shipped
from placet.permission.commands.failing import Failures, said
from placet.permission.commands.logs import LogSource, open_log
from placet.permission.commands.output import Output, OutputOption
from placet.permission.policy.metadata import Confidence
from placet.permission.policy.pack import Pack
from placet.permission.policy.redeciding import AGE
from placet.permission.policy.shadow import Change, Changes, Report, Shadow

# Rows of a table for people; `-o json` has all.
MOST_ROWS: Final = 20
_HEADINGS: Final = {
    Change.SAME: "same",
    Change.NEWLY_DENIED: "newly denied",
    Change.NEWLY_ALLOWED: "newly allowed",
    Change.OTHER_ARTICLES: "denied by other articles",
    Change.UNDETERMINED: "undetermined",
}


def shadow(
    packs: Annotated[
        list[str],
        typer.Argument(metavar="PACK...", help="Packs to decide by: ids of shipped ones, or folders. All must permit."),
    ],
    log: Annotated[
        str,
        typer.Option(
            metavar="DIR|DB|URL",
            help="An exported log (folder), an audit database (file, its folder, or URL).",
        ),
    ],
    controller: Annotated[str | None, typer.Option(help="Whose log, if the database has several.")] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(help="Folder of a pack version the log was decided under, for ages; may be repeated."),
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Decide the events of a log again under other packs, and count what would change by article, site and purpose.

    Each decision entry is decided again once. Where a verdict hangs on an age that the log does not tell, it is
    undetermined.
    """
    err = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        asked = choose(packs, "PACK")
        versions = [*shipped(), *choose(known or [], "--known")]
        with open_log(log, controller) as source:
            report, seconds = _run(source, Shadow(asked, versions), err)
            name = source.name
    except Failures as error:
        err.print(said(error), style="red", markup=False)
        raise typer.Exit(2) from None
    found = _plain(name, report, asked, {pack.hash for pack in (*asked, *versions)}) | {"seconds": round(seconds, 3)}
    if output is Output.JSON:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _say(found, Console(highlight=False), asked)


def _run(source: LogSource, run: Shadow, err: Console) -> tuple[Report, float]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began = time.monotonic()
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("deciding again", total=source.size)
        for entries in source.batches():
            run.read(entries)
            bar.advance(task, len(entries))
    return run.report(), time.monotonic() - began


def _plain(name: str, report: Report, packs: Sequence[Pack], at_hand: Set[str]) -> dict[str, Any]:
    """Return the report as JSON values; `at_hand` are the hashes of all packs that were loaded."""
    return {
        "log": name,
        "packs": [{"id": pack.id, "version": pack.metadata.version, "hash": pack.hash} for pack in packs],
        "entries": report.entries,
        "events": report.events,
        "decisions": report.decisions,
        "changes": _counts(report.changes),
        "articles": [
            {
                "id": ident,
                "confidence": _confidence(ident, packs),
                "forbade": row.forbade,
                "forbids": row.forbids,
                "newly_denied": row.newly_denied,
                "newly_allowed": row.newly_allowed,
                "undetermined": row.undetermined,
            }
            for ident, row in sorted(report.articles.items())
        ],
        "sites": {site: _counts(report.sites[site]) for site in sorted(report.sites)},
        "purposes": {purpose: _counts(report.purposes[purpose]) for purpose in sorted(report.purposes)},
        "undetermined_for_want_of": dict(sorted(report.hangs_on.items())),
        "decided_under": [
            {"id": ident, "hash": digest, "events": events, "at_hand": digest in at_hand}
            for (ident, digest), events in sorted(report.packs_then.items())
        ],
    }


def _counts(changes: Changes) -> dict[str, int]:
    return {change.value: changes[change] for change in Change}


def _confidence(ident: str, packs: Sequence[Pack]) -> str | None:
    """Return how well an article of the packs asked about was read; None for another pack's."""
    for pack in packs:
        if ident in pack.rules:
            return pack.rules[ident].confidence.value
    return None


def _say(found: Mapping[str, Any], out: Console, packs: Sequence[Pack]) -> None:
    laws = ", ".join(f"{pack.id} (version {pack.metadata.version})" for pack in packs)
    rate = found["events"] / max(found["seconds"], 1e-6)
    out.print(f"{found['log']} under {laws}", markup=False)
    counted = f"{found['events']:,} events, {found['decisions']:,} decisions ({rate:,.0f} events/s)"
    out.print(counted, markup=False)
    changes = found["changes"]
    for change, heading in _HEADINGS.items():
        share = changes[change] / found["events"] if found["events"] else 0
        out.print(f"  {heading:<26}{changes[change]:>14,}  {share:>6.1%}", markup=False)
    _articles(found, out)
    for what in ("sites", "purposes"):
        _places(what, found[what], out)
    _notes(found, out)


def _articles(found: Mapping[str, Any], out: Console) -> None:
    moved = ("newly_denied", "newly_allowed", "undetermined")
    rows = [row for row in found["articles"] if row["forbade"] != row["forbids"] or any(row[key] for key in moved)]
    if not rows:
        return
    headings = ("forbade", "would forbid", "newly denied", "newly allowed", "undetermined")
    table = Table(Column("article", no_wrap=True), *map(_folded, headings), title="By article", title_justify="left")
    rows.sort(key=lambda row: -max(row[key] for key in (*moved, "forbids", "forbade")))
    for row in rows[:MOST_ROWS]:
        mark = "\n(unverified)" if row["confidence"] == Confidence.UNVERIFIED else ""
        table.add_row(row["id"] + mark, *(f"{row[key]:,}" for key in ("forbade", "forbids", *moved)))
    out.print(table)
    _more(len(rows), out)


def _places(what: str, places: Mapping[str, Mapping[str, int]], out: Console) -> None:
    changed = {name: counts for name, counts in places.items() if sum(counts.values()) != counts[Change.SAME]}
    if not changed:
        return
    title = f"By {what.removesuffix('s')}"
    table = Table(
        Column(what.removesuffix("s"), no_wrap=True),
        *map(_folded, _HEADINGS.values()),
        title=title,
        title_justify="left",
    )
    for name in sorted(changed, key=lambda name: changed[name][Change.SAME] - sum(changed[name].values()))[:MOST_ROWS]:
        table.add_row(name, *(f"{changed[name][change]:,}" for change in _HEADINGS))
    out.print(table)
    _more(len(changed), out)


def _folded(heading: str) -> Column:
    """Return a column whose heading is never cut off."""
    return Column(heading, overflow="fold")


def _more(rows: int, out: Console) -> None:
    if rows > MOST_ROWS:
        out.print(f"... and {rows - MOST_ROWS} more: `-o json` has all", markup=False)


def _notes(found: Mapping[str, Any], out: Console) -> None:
    for name, events in found["undetermined_for_want_of"].items():
        why = "an age that the log does not tell" if name == AGE else f"{name}, which the log does not have"
        out.print(f"- {events:,} events are undetermined: their verdict hangs on {why}", markup=False)
    for pack in found["decided_under"]:
        if not pack["at_hand"]:
            out.print(
                f"- {pack['events']:,} events were decided under a version of {pack['id']} that is not at hand "
                f"({pack['hash']}): whom it counted as a minor was read as the version given here counts, if one is; "
                "give its folder with --known",
                markup=False,
            )
    out.print("Not verified here: `placet ledger replay` proves that these are the log's entries.", markup=False)
