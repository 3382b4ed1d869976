"""The filing's contents as one HTML page: no script, nothing loaded from elsewhere, made to be printed on A4.

Owns: rendering `Contents` in a language of `words.json`, everything escaped. Never: decides what belongs there
(`contents`). The same contents give the same bytes, so a page that was handed in can be told by its SHA-256.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from placet.permission.filing import calendar
from placet.permission.filing.contents import Contents
from placet.permission.filing.errors import Invalid
from placet.permission.filing.rules import LANGUAGES

TEMPLATE: Final = "page.html.jinja"
_HERE: Final = Path(__file__).parent


def render(contents: Contents, language: str) -> str:
    """Return the page. Raises Invalid for a language that is not there."""
    if language not in LANGUAGES:
        raise Invalid("language", f"language is {language!r}; give one of {', '.join(LANGUAGES)}.")
    words = _words()[language]
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(c=contents, w=words, language=language, gap=_gap(words), day=lambda at: calendar.today(at).isoformat())
    )


def _gap(words: dict[str, Any]) -> Any:
    """Return how a code of `Contents.missing` is said."""

    def say(code: str) -> str:
        kind, _, ident = code.partition(".")
        named = words["gaps"].get(code) or words["gaps"][kind]
        return f"{named} {ident}" if ident and code not in words["gaps"] else str(named)

    return say


@cache
def _words() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((_HERE / "words.json").read_text("utf-8"))
    return found


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
