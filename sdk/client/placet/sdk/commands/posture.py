"""`placet posture`: how a controller stands with each rule of the law, with the evidence, and what to do next.

Owns the table, the files written, and the exit status: 0 when every rule is met or at risk, 1 when one is not met or
needs a person (or the service does not answer), 2 used wrongly. What is found is the permission service's `GetPosture`;
the page to print is `posture_page`.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from placet.evidence.words import Language
from placet.sdk.client import Client
from placet.sdk.commands.posture_page import WORDS, articles_text, evidence_text, html, markdown, time_text, to_json
from placet.sdk.config import Config
from placet.sdk.durable import write_durably
from placet.sdk.model.posture import Posture, PostureFinding, PosturePoint
from placet.sdk.vocabulary import PostureState

COLOURS: Final = {
    PostureState.MET: "green",
    PostureState.AT_RISK: "yellow",
    PostureState.NOT_MET: "bold red",
    PostureState.NEEDS_PERSON: "magenta",
}
PAGES: Final = {".html": html, ".md": markdown}


class Output(StrEnum):
    """How the posture is printed."""

    TABLE = "table"
    JSON = "json"


def posture(
    config: Annotated[
        Path | None, typer.Option(help="The client's configuration; default: PLACET_CONFIG.", metavar="FILE")
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to print it.")] = Output.TABLE,
    lang: Annotated[Language, typer.Option(help="Language of the words.")] = Language.EN,
    export: Annotated[
        Path | None, typer.Option(help="Also write a page to print: .html (self-contained) or .md.", metavar="FILE")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every point, also of what is met.")] = False,
) -> None:
    """Show how the controller stands with R1 to R16. Exit status 1: a rule is not met, or needs a person."""
    if export is not None and export.suffix not in PAGES:
        raise typer.BadParameter(f"{export} is neither .html nor .md", param_hint="--export")
    with Client(Config.from_file(config) if config else Config.from_env()) as client:
        found = client.posture(language=lang)
    if export is not None:
        write_durably(export, [PAGES[export.suffix](found, lang).encode()])
    if output is Output.JSON:
        typer.echo(json.dumps(to_json(found), ensure_ascii=False, indent=2))
    else:
        _show(found, lang, everything=everything)
    raise typer.Exit(0 if found.holds else 1)


def _show(found: Posture, lang: Language, *, everything: bool) -> None:
    words, out = WORDS[lang], Console(highlight=False)
    table = Table(title=f"{words.heading}: {found.controller}", caption=_caption(found, lang), show_lines=True)
    for column in (words.rule, words.state, words.found, words.evidence, words.next):
        table.add_column(column, overflow="fold")
    for finding in found.findings:
        articles = articles_text(finding, words)
        for at, point in enumerate(_shown(finding, everything=everything)):
            table.add_row(
                Text("" if at else f"{finding.rule} {finding.title}\n") + Text("" if at else articles, style="dim"),
                Text(words.states[point.state], style=COLOURS[point.state]),
                Text(point.text),
                Text("\n".join(evidence_text(one, words) for one in point.evidence)),
                Text(point.next),
            )
    out.print(table)
    out.print(Text(words.advice))


def _shown(finding: PostureFinding, *, everything: bool) -> tuple[PosturePoint, ...]:
    """Return what people have to see: everything that is not simply met, else the first point."""
    open_points = tuple(point for point in finding.points if point.state is not PostureState.MET)
    return finding.points if everything else open_points or finding.points[:1]


def _caption(found: Posture, lang: Language) -> Text:
    words = WORDS[lang]
    counts = {state: sum(one.state is state for one in found.findings) for state in PostureState}
    told = ", ".join(f"{words.states[state]} {count}" for state, count in counts.items() if count)
    return Text(f"{told}. {time_text(found.observed_at)}; {words.as_of} {'-' if found.as_of is None else found.as_of}")
