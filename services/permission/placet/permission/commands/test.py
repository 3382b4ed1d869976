"""`placet policy test FILE...`: ask packs about scenarios, and say what is not as expected."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from placet.permission.commands.output import Output, OutputOption
from placet.permission.commands.scenario_file import FileWrong, ScenarioFile, read
from placet.permission.policy.errors import PackInvalid, ScenarioInvalid
from placet.permission.policy.metadata import Confidence
from placet.permission.policy.pack import Pack
from placet.permission.policy.scenarios import Result, check, load_all, parse

_ARTICLE = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Tested:
    """A file that could be run."""

    file: ScenarioFile
    packs: Sequence[Pack]
    results: Sequence[Result]

    @property
    def failed(self) -> list[tuple[int, Result]]:
        """The scenarios that are not as expected, each with its line."""
        return [(self.line(at), result) for at, result in enumerate(self.results) if not result.passed]

    def line(self, at: int) -> int:
        return self.file.line(("scenarios", at))


def run_scenarios(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Scenario files (YAML), each naming its packs.")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Ask the packs about the scenarios of each FILE. Needs no running mesh, looks at no dates.

    Exit status 0: all as expected. 1: some are not. 2: a file is wrong. `-o json` prints every decision.
    """
    done = [_run(file) for file in files]
    if output is Output.JSON:
        print(json.dumps([_plain(file, one) for file, one in zip(files, done, strict=True)], ensure_ascii=False))
    else:
        _say(done)
    if any(isinstance(one, FileWrong) for one in done):
        raise typer.Exit(2)
    if any(isinstance(one, Tested) and one.failed for one in done):
        raise typer.Exit(1)


def _run(path: Path) -> Tested | FileWrong:
    try:
        file = read(path)
        try:
            suite = parse(file.document)
            packs = load_all(suite)
        except ScenarioInvalid as error:
            return file.wrong(error)
        except PackInvalid as error:
            return FileWrong(
                path, file.line(("packs",)), "packs", f"{error.pack}/{error.file}: {error.why}.", error.fix
            )
        return Tested(file, packs, check(suite, packs))
    except FileWrong as wrong:
        return wrong


def _say(done: Sequence[Tested | FileWrong]) -> None:
    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
    for one in done:
        if isinstance(one, FileWrong):
            err.print(str(one), style="red", markup=False)
            continue
        if one.failed:
            Console(highlight=False).print(_table(one))
        for pack in one.packs:
            out.print(_read_how_well(pack), markup=False)
        passed = len(one.results) - len(one.failed)
        out.print(f"{one.file.path}: {passed} of {len(one.results)} scenarios as expected", markup=False)


def _table(tested: Tested) -> Table:
    unverified = _unverified(tested.packs)
    table = Table("line", "scenario", "what differs", title=escape(str(tested.file.path)), title_justify="left")
    for line, result in tested.failed:
        said = "\n".join(_marked(difference, unverified) for difference in result.differences)
        table.add_row(str(line), escape(result.scenario.name), escape(said))
    return table


def _read_how_well(pack: Pack) -> str:
    unverified = len(_unverified([pack]))
    kind = ", a draft that never was law" if pack.draft else ""
    return f"{pack.id} version {pack.metadata.version}{kind}: {len(pack.rules)} rules, {unverified} unverified"


def _unverified(packs: Sequence[Pack]) -> set[str]:
    rules = (rule for pack in packs for rule in pack.rules.values())
    return {rule.id for rule in rules if rule.confidence is Confidence.UNVERIFIED}


def _marked(text: str, unverified: set[str]) -> str:
    """Return the text with `unverified` behind every article whose text nobody has read (law.md, head)."""
    return _ARTICLE.sub(lambda m: f"{m[0]} (unverified)" if m[0] in unverified else m[0], text)


def _plain(path: Path, one: Tested | FileWrong) -> Mapping[str, object]:
    """Return one file as JSON values."""
    if isinstance(one, FileWrong):
        return {"file": str(path), "error": one.plain()}
    return {
        "file": str(path),
        "packs": [{"id": pack.id, "version": pack.metadata.version, "hash": pack.hash} for pack in one.packs],
        "scenarios": [_decided(one.line(at), result, one.packs) for at, result in enumerate(one.results)],
    }


def _decided(line: int, result: Result, packs: Sequence[Pack]) -> Mapping[str, object]:
    decision = result.decision
    return {
        "name": result.scenario.name,
        "line": line,
        "passed": result.passed,
        "differences": list(result.differences),
        "verdict": decision.verdict.value,
        "permit": list(decision.permit),
        "forbid": list(decision.forbid),
        "errors": list(decision.errors),
        "unverified": sorted(_unverified(packs) & {*decision.permit, *decision.forbid}),
        "context": decision.context,
    }
