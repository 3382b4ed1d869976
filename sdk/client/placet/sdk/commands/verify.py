"""`placet verify`: evidence checked offline, under keys that the verifier pinned, and said in words.

Owns reading files, choosing what to print, and the exit status: 0 only if every piece of evidence holds. What it means
to hold is `placet.evidence.verify`. Never opens a connection, never takes a key from the evidence.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from placet.evidence.errors import EvidenceError, VerifyError
from placet.evidence.verify import Language, Report, Verifier
from placet.evidence.words import say
from placet.sdk.commands.keys import read_keys
from placet.tlog.errors import TlogError

IN_FULL: Final = 3
"""Up to so many pieces of evidence are reported in full, more in one line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One file and what came of it: a report, or why it does not hold."""

    path: Path
    report: Report | None
    error: Exception | None

    def to_json(self, language: Language) -> dict[str, Any]:
        """Return the finding as JSON values."""
        if self.report is None:
            return {"path": str(self.path), "ok": False, "error": _error_json(self.error, language)}
        report = self.report
        return {
            "path": str(self.path),
            "ok": True,
            "format": report.format,
            "origin": report.origin,
            "size": report.size,
            "index": report.index,
            "basis": report.basis,
            "verdict": report.verdict,
            "reasons": list(report.reasons),
            "proven": list(report.says(language)),
            "unproven": list(report.does_not_say(language)),
        }


def verify(
    evidence: Annotated[
        list[Path] | None,
        typer.Argument(help="Bundles or withdrawal receipts (JSON), or directories of them.", metavar="BUNDLE..."),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of the log, or a file with keys, one a line; may be repeated.", metavar="VKEY"),
    ] = None,
    fraud: Annotated[
        list[Path] | None, typer.Option(help="A fraud proof: does it convict the log?", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of the words.")] = Language.EN,
    full: Annotated[bool, typer.Option("--full", help="Report each in full, however many there are.")] = False,
) -> None:
    """Verify evidence offline: what it proves, and what it does not, in words."""
    if not key:
        raise typer.BadParameter("pin the verifier key of the log; never take it from the evidence", param_hint="--key")
    paths = _files(evidence or [])
    if not paths and not fraud:
        raise typer.BadParameter("name a bundle, a directory of bundles, or --fraud FILE", param_hint="BUNDLE")
    verifier = Verifier(read_keys(key))
    found = [_check(path, verifier, fraud=False) for path in paths]
    found += [_check(path, verifier, fraud=True) for path in fraud or []]
    if as_json:
        typer.echo(json.dumps([one.to_json(lang) for one in found], ensure_ascii=False, indent=2))
    else:
        _print(found, lang, full=full or len(found) <= IN_FULL)
    raise typer.Exit(0 if all(one.report for one in found) else 1)


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


def _check(path: Path, verifier: Verifier, *, fraud: bool) -> Checked:
    try:
        data = path.read_bytes()
        report = verifier.fraud(data) if fraud else verifier.verify(data)
    except (EvidenceError, TlogError, OSError) as error:
        return Checked(path=path, report=None, error=error)
    return Checked(path=path, report=report, error=None)


def _print(found: list[Checked], language: Language, *, full: bool) -> None:
    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
    for one in found:
        if one.report is None:
            err.print(f"FAILED {one.path}: {_error_text(one.error, language)}", style="red", markup=False)
        elif full:
            out.print(f"OK {one.path}", style="green", markup=False)
            out.print(one.report.text(language), markup=False)
        else:
            out.print(f"OK {one.path}: {_line(one.report)}", markup=False)
    failed = sum(one.report is None for one in found)
    if len(found) > 1:
        out.print(f"{len(found) - failed} of {len(found)} hold", style="red" if failed else "green", markup=False)
    if failed:
        err.print(
            "Next step: trust nothing that rests on what FAILED; check that --key is the key you were given, then show "
            "both to an auditor (--json has the details).",
            markup=False,
        )


def _line(report: Report) -> str:
    what = f"{report.verdict} at {report.index}" if report.verdict else f"{report.format} at {report.index}"
    reasons = f" ({', '.join(report.reasons)})" if report.reasons else ""
    return f"{what}{reasons}, tree of {report.size}, {report.origin}"


def _error_text(error: Exception | None, language: Language) -> str:
    if isinstance(error, VerifyError):
        return f"{say(error.statement, language)} [{error.reason}, {error.field}]"
    if isinstance(error, EvidenceError | TlogError):
        return f"{error} [{error.reason}, {error.field}]"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)


def _error_json(error: Exception | None, language: Language) -> dict[str, str]:
    if isinstance(error, EvidenceError | TlogError):
        return {
            "reason": str(error.reason),
            "field": error.field,
            "message": _error_text(error, language),
            "diagnostics": error.diagnostics(),
        }
    return {"reason": "UNREADABLE", "field": "path", "message": _error_text(error, language), "diagnostics": ""}
