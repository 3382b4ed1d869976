"""`placet verify`: evidence checked offline, under keys or a trust policy that the verifier pinned, and said in words.

Owns reading files and the exit status: 0 only if every piece of evidence holds. What it means to hold is
`placet.evidence.verify`. Never opens a connection, never takes a key from the evidence.
"""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import track

from placet.evidence.errors import EvidenceError
from placet.evidence.verify import Language, Verifier
from placet.sdk.commands.findings import Finding, Findings
from placet.sdk.commands.keys import KeyOption, PolicyOption, read_trust
from placet.sdk.commands.loading import call_registered
from placet.tlog.errors import TlogError

IN_FULL: Final = 3
"""Up to so many pieces of evidence are reported in full, more in one line each and with a progress bar."""


def verify(
    evidence: Annotated[
        list[Path] | None,
        typer.Argument(help="Bundles or withdrawal receipts (JSON), or directories of them.", metavar="BUNDLE..."),
    ] = None,
    key: KeyOption = None,
    policy: PolicyOption = None,
    fraud: Annotated[
        list[Path] | None, typer.Option(help="A fraud proof: does it convict the log?", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of the words.")] = Language.EN,
    full: Annotated[bool, typer.Option("--full", help="Report each in full, however many there are.")] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Explain the decisions of bundles that hold (needs placet-permission)."),
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Open no connection: it never does, said or not.")] = True,
) -> None:
    """Verify evidence offline: what it proves, and what it does not, in words."""
    if explain and as_json:
        raise typer.BadParameter("prints words; take `placet policy explain BUNDLE -o json`", param_hint="--explain")
    trust = read_trust(key, policy)
    paths = [(path, False) for path in _files(evidence or [])] + [(path, True) for path in fraud or []]
    if not paths:
        raise typer.BadParameter("name a bundle, a directory of bundles, or --fraud FILE", param_hint="BUNDLE")
    verifier = Verifier(trust)
    few = len(paths) <= IN_FULL
    found = Findings(lang, as_json=as_json, full=full or few)
    people = Console(stderr=True)
    silent = few or not people.is_terminal
    decided = []
    for path, is_fraud in track(paths, "verifying", console=people, transient=True, disable=silent):
        finding = _check(path, verifier, fraud=is_fraud)
        found.add(finding)
        if explain and finding.report is not None and finding.report.verdict is not None:
            decided.append(path)
    found.show()
    _explain(decided, lang)
    raise typer.Exit(0 if found.all_hold else 1)


def _explain(bundles: list[Path], language: Language) -> None:
    """Explain the decisions of bundles that hold, with the texts of the law packs that are installed."""
    for path in bundles:
        typer.echo(f"\n{path}:")
        status = call_registered("policy", "explain", str(path), "--lang", language.value)
        if status is None:
            raise typer.BadParameter("no law packs are here: install placet-permission", param_hint="--explain")
        if status:
            raise typer.Exit(status)


def _files(named: list[Path]) -> list[Path]:
    """Return the files named, and every .json file below the directories named, in order."""
    files: list[Path] = []
    for path in named:
        if path.is_dir():
            below = sorted(path.rglob("*.json"))
            if not below:
                raise typer.BadParameter(f"{path} holds no .json file", param_hint="BUNDLE")
            files += below
        else:
            files.append(path)
    return files


def _check(path: Path, verifier: Verifier, *, fraud: bool) -> Finding:
    try:
        data = path.read_bytes()
        report = verifier.fraud(data) if fraud else verifier.verify(data)
    except (EvidenceError, TlogError, OSError) as error:
        return Finding(path=path, report=None, error=error)
    return Finding(path=path, report=report, error=None)
