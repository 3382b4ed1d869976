"""Reading JSON that somebody signed: no duplicate keys, no NaN, objects only.

Two readers that disagree on which of two equal keys counts are a way around a signature (RFC 8725 section 2.4).
"""

import json
from typing import NoReturn


def loads_object(data: bytes) -> dict[str, object]:
    """Parse a JSON object. Raises ValueError for anything else, for a key that occurs twice, NaN or Infinity."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
