"""The patterns of `like`: literal pieces and wildcards, matched without backtracking.

Owns: Cedar's JSON form of a pattern and what it matches: a wildcard stands for any characters, none included, and the
whole string must match. Source: Cedar's language reference, "like".
"""

from collections.abc import Callable
from typing import Any

_ANY = "Wildcard"


def matcher(pattern: Any) -> Callable[[str], bool] | None:
    """Return what tells whether a string matches; None for something that is no pattern."""
    if not isinstance(pattern, list) or not all(item == _ANY or _is_literal(item) for item in pattern):
        return None
    # The literal pieces between the wildcards; one more than there are wildcards.
    pieces = [""]
    for item in pattern:
        if item == _ANY:
            pieces.append("")
        else:
            pieces[-1] += item["Literal"]
    if len(pieces) == 1:
        return lambda text: text == pieces[0]
    first, *middle, last = pieces
    return lambda text: _matches(text, first, middle, last)


def _is_literal(item: Any) -> bool:
    return isinstance(item, dict) and item.keys() == {"Literal"} and isinstance(item["Literal"], str)


def _matches(text: str, first: str, middle: list[str], last: str) -> bool:
    """Tell whether `text` begins and ends with these pieces and has the others between them, in order."""
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
