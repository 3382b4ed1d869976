"""What came of each file that was verified, put into words or JSON as soon as it is known.

Owns how findings are shown; keeps only what will be printed, so any number of files can be verified. Never decides
whether something holds: that is `placet.evidence.verify`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from placet.evidence.errors import EvidenceError, VerifyError
from placet.evidence.verify import Language, Report
from placet.evidence.words import say
from placet.tlog.errors import TlogError

_NEXT_STEP = (
    "Next step: trust nothing that rests on what FAILED; check that --key or --policy is what you were given, then "
    "show both to an auditor (--json has the details)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
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

    def to_text(self, language: Language, *, full: bool) -> str:
        """Return the finding as one line, or in full."""
        if self.report is None:
            return f"FAILED {self.path}: {_error_text(self.error, language)}"
        if full:
            return f"OK {self.path}\n{self.report.text(language)}"
        return f"OK {self.path}: {_line(self.report)}"


class Findings:
    """The findings so far, as they will be printed."""

    def __init__(self, language: Language, *, as_json: bool, full: bool) -> None:
        self._language = language
        self._as_json = as_json
        self._full = full
        self._shown: list[tuple[bool, Any]] = []

    @property
    def all_hold(self) -> bool:
        """Whether nothing failed."""
        return all(held for held, _ in self._shown)

    def add(self, found: Finding) -> None:
        """Take one more."""
        if self._as_json:
            shown: Any = found.to_json(self._language)
        else:
            shown = found.to_text(self._language, full=self._full)
        self._shown.append((found.report is not None, shown))

    def show(self) -> None:
        """Print them: what holds to standard output, what failed to standard error, JSON all to standard output."""
        if self._as_json:
            typer.echo(json.dumps([shown for _, shown in self._shown], ensure_ascii=False, indent=2))
            return
        out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
        for held, shown in self._shown:
            if held:
                typer.echo(shown)
            else:
                err.print(shown, style="red", markup=False)
        count = sum(held for held, _ in self._shown)
        if len(self._shown) > 1:
            style = "green" if self.all_hold else "red"
            out.print(f"{count} of {len(self._shown)} hold", style=style, markup=False)
        if not self.all_hold:
            err.print(_NEXT_STEP, markup=False)


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
