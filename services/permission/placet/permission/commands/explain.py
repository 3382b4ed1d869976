"""`placet policy explain`: why a decision was made, article by article, with sources and what to do.

Owns finding the decision: in a log by position or by the event's id, in a proof bundle, or made of a file of facts.
What it means is `policy.explaining`, how it is said `policy.telling`. Verifies nothing: `placet verify` does.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
import yaml
from rich.console import Console
from rich.progress import track

from placet.evidence.bundle import BUNDLE, parse_bundle
from placet.evidence.entries import parse_entry
from placet.evidence.entryview import EventView, quick_event, read_event
from placet.evidence.kinds import Decision, Event, Use
from placet.evidence.reasons import Reason
from placet.evidence.words import Language
from placet.kit.errors import Invalid, NotFound
from placet.permission.commands.choosing import choose, shipped
from placet.permission.commands.failing import Failures, said
from placet.permission.commands.logs import LogSource, open_log
from placet.permission.commands.output import Output, OutputOption
from placet.permission.policy import scenarios
from placet.permission.policy.engine import judge
from placet.permission.policy.errors import ScenarioInvalid
from placet.permission.policy.explaining import Explanation
from placet.permission.policy.explaining import explain as explained
from placet.permission.policy.pack import DEFAULT_PACK, Pack
from placet.permission.policy.redeciding import LoggedDecision, as_logged, read_decision
from placet.permission.policy.telling import plain, tell


class Found(NamedTuple):
    """A decision, and the reasons of the event or use that was asked about."""

    decision: LoggedDecision
    reasons: tuple[Reason, ...] = ()


def explain(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="Facts (YAML: fields of a context; others lawful), or a proof bundle (JSON)."
        ),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(metavar="DIR|DB|URL", help="An exported log (folder), an audit database (file, folder or URL)."),
    ] = None,
    position: Annotated[int | None, typer.Option(min=0, help="Of the event, use or decision in the log.")] = None,
    event: Annotated[str | None, typer.Option(metavar="UUID", help="Id of the event in the log.")] = None,
    controller: Annotated[str | None, typer.Option(help="Whose log, if the database has several.")] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option(help="For facts: packs to decide by. For a log: further folders with texts. May be repeated."),
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language of the words.")] = Language.EN,
    output: OutputOption = Output.TEXT,
) -> None:
    """Explain a decision: facts, rules, articles, sources, how well they were read, and what to do."""
    err = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        _require_one(file, log, position, event)
        if log is not None:
            found, packs = _logged(log, controller, position, event, err), _texts(pack)
        else:
            assert file is not None
            found, packs = _filed(file, pack or [])
        explanation = explained(found.decision, packs, found.reasons)
    except Failures as error:
        err.print(said(error), style="red", markup=False)
        raise typer.Exit(2) from None
    _say(explanation, lang, output)


def _require_one(file: Path | None, log: str | None, position: int | None, event: str | None) -> None:
    if (file is None) == (log is None):
        raise typer.BadParameter("give a FILE, or --log with --position or --event", param_hint="FILE")
    if log is not None and (position is None) == (event is None):
        raise typer.BadParameter("say which entry: --position N, or --event UUID", param_hint="--log")


def _say(explanation: Explanation, language: Language, output: Output) -> None:
    if output is Output.JSON:
        print(json.dumps(plain(explanation), ensure_ascii=False, indent=2))
    else:
        out = Console(soft_wrap=True, highlight=False)
        for line in tell(explanation, language):
            out.print(line, markup=False)


def _texts(named: Sequence[str] | None) -> list[Pack]:
    """Return all packs whose texts may be shown; what was named comes last, so that it is preferred."""
    return [*shipped(), *choose(named or [], "--pack")]


def _logged(log: str, controller: str | None, position: int | None, event: str | None, err: Console) -> Found:
    with open_log(log, controller) as source:
        return _at(source, _position(source, event, err) if position is None else position)


def _position(source: LogSource, event: str | None, err: Console) -> int:
    """Return where the event of that id stands."""
    needle, first = f'"id":"{str(event).lower()}"'.encode(), 0
    batches: Iterable[Sequence[bytes]] = track(source.batches(), "looking for the event", console=err, transient=True)
    for entries in batches:
        for at, entry in enumerate(entries):
            if needle in entry and b',"kind":"event",' in entry:
                return first + at
        first += len(entries)
    raise NotFound(f"{source.name} has no event {event} among its {source.size} entries")


def _at(source: LogSource, position: int) -> Found:
    """Return the decision that an event, a use or a decision entry rests on."""
    data = source.entry(position)
    entry = quick_event(data) or parse_entry(data)
    if isinstance(entry, Use) and entry.event is not None:
        return Found(_at(source, entry.event).decision, entry.reasons)
    if isinstance(entry, Decision):
        return Found(_decision(data, position))
    if isinstance(entry, Event | EventView):
        return Found(_decision(source.entry(entry.decision), entry.decision), entry.reasons)
    raise Invalid("--position", f"entry {position} is a {entry.kind}; name an event, a use or a decision")


def _decision(data: bytes, position: int) -> LoggedDecision:
    if not isinstance(parse_entry(data), Decision):
        raise Invalid("--position", f"entry {position} is no decision, though an event names it; replay the log")
    return read_decision(data)


def _filed(file: Path, named: Sequence[str]) -> tuple[Found, list[Pack]]:
    """Return the decision of a bundle, or one made of the facts in a file, and the packs with its texts."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise Invalid("FILE", f"{file} cannot be read: {error}") from error
    if isinstance(document, dict) and document.get("format") == BUNDLE:
        return _bundled(file.read_bytes()), _texts(named)
    return _judged(document, named)


def _bundled(data: bytes) -> Found:
    bundle = parse_bundle(data)
    return Found(_decision(bundle.decision.entry, bundle.decision.index), read_event(bundle.event.entry).reasons)


def _judged(facts: Any, named: Sequence[str]) -> tuple[Found, list[Pack]]:
    """Return what the packs say about these facts; those left out are the lawful ones (law.md section 5)."""
    if not isinstance(facts, dict):
        raise Invalid("FILE", "facts are a mapping of fields to values (law.md section 5), or a proof bundle")
    if "format" in facts:
        raise Invalid("FILE", f"this is {facts['format']!r}; give a proof bundle of an event ({BUNDLE!r}), or facts")
    given = {name: value for name, value in facts.items() if name != "packs"}
    names = list(named) or facts.get("packs") or [DEFAULT_PACK]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Invalid("packs", "name packs as a list of ids or folders")
    case = {"name": "the facts", "given": given, "expect": {"verdict": "allow"}}
    try:
        suite = scenarios.parse({"packs": names, "scenarios": [case]})
    except ScenarioInvalid as error:
        raise Invalid(
            "FILE", f"{error.why} Correct it: facts are fields with their values, see law.md section 5."
        ) from error
    packs = choose(names, "packs")
    return Found(as_logged(judge(packs, suite.scenarios[0].context))), packs
