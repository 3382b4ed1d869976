"""What one field may hold: small checks that name the field, shared by entries (as read) and drafts (as asked for).

Each check takes the field's path and a value and returns it typed, or raises FieldError. The checks of drafts are the
stricter ones: they also bound lengths and ask for coded ids, so that nothing personal or oversize gets into a log; a
verifier reads whatever ledger.md section 4 allows. Never looks at two fields at once.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias, TypeVar

from placet.evidence.canonical import unb64url
from placet.evidence.errors import CanonicalError, FieldError
from placet.evidence.terms import ANY, MAX_INT

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)
Check: TypeAlias = Callable[[str, object], T]

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""Ids of purposes, sites and devices: coded or random, their names live in the registers."""
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
"""Codes: reasons, packs, articles, instruments, results, services."""
RECORD_TYPE: Final = re.compile(r"[a-z][a-z0-9_]{0,31}(?:\.[a-z][a-z0-9_]{0,31}){1,3}")
"""Types of records: dotted noun.verb."""
UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HASH_BYTES = 32
_ANY_LIST = list(ANY)


def boolean(field: str, value: object) -> bool:
    """Return true or false."""
    if value is True or value is False:
        return value
    raise FieldError(field, "must be true or false")


def integer(field: str, value: object) -> int:
    """Return an integer from 0 to 2^53-1: a position, a count, or a time in microseconds."""
    if type(value) is int and 0 <= value <= MAX_INT:
        return value
    raise FieldError(field, "must be an integer from 0 to 2^53-1")


def within(low: int, high: int) -> Check[int]:
    """Return the check for an integer from `low` to `high`."""

    def check(field: str, value: object) -> int:
        if type(value) is int and low <= value <= high:
            return value
        raise FieldError(field, f"must be an integer from {low} to {high}")

    return check


def text(field: str, value: object) -> str:
    """Return any string."""
    if isinstance(value, str):
        return value
    raise FieldError(field, "must be a string")


def matching(pattern: re.Pattern[str], what: str) -> Check[str]:
    """Return the check for a string that matches a pattern as a whole; the pattern bounds its length."""
    match = pattern.fullmatch

    def check(field: str, value: object) -> str:
        if isinstance(value, str) and match(value):
            return value
        raise FieldError(field, f"must be {what}, like {pattern.pattern}")

    return check


identifier = matching(ID, "a coded id of at most 64 characters")
code = matching(CODE, "a code of at most 128 characters")
uuid = matching(UUID, "a UUID in lower-case text")


def byte_string(size: int) -> Check[str]:
    """Return the check for base64url text of exactly `size` bytes."""

    def check(field: str, value: object) -> str:
        try:
            if isinstance(value, str) and len(unb64url(value)) == size:
                return value
        except CanonicalError:
            pass
        raise FieldError(field, f"must be {size} bytes as base64url without padding")

    return check


sha256_text = byte_string(_HASH_BYTES)
"""SHA-256 as base64url text."""


def one_of(kind: type[E]) -> Check[E]:
    """Return the check for a code of a closed set."""
    members = {member.value: member for member in kind}

    def check(field: str, value: object) -> E:
        member = members.get(value) if isinstance(value, str) else None
        if member is None:
            raise FieldError(field, f"must be one of {', '.join(members)}")
        return member

    return check


def optional(check: Check[T]) -> Check[T | None]:
    """Return the check that also lets null pass."""

    def maybe(field: str, value: object) -> T | None:
        return None if value is None else check(field, value)

    return maybe


def each(check: Check[T], most: int | None = None) -> Check[tuple[T, ...]]:
    """Return the check for a list whose items all pass, in any order."""

    def items(field: str, value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple):
            raise FieldError(field, "must be a list")
        if most is not None and len(value) > most:
            raise FieldError(field, f"must have at most {most} items")
        return tuple(check(f"{field}[{place}]", item) for place, item in enumerate(value))

    return items


def ascending(check: Check[Any], most: int | None = None) -> Check[tuple[Any, ...]]:
    """Return the check for a list that ascends without duplicates."""
    items = each(check, most)

    def rising(field: str, value: object) -> tuple[Any, ...]:
        found = items(field, value)
        for place in range(1, len(found)):
            if not found[place - 1] < found[place]:
                raise FieldError(f"{field}[{place}]", "the list must ascend without duplicates")
        return found

    return rising


def scope(check: Check[Any], most: int | None = None) -> Check[tuple[Any, ...]]:
    """Return the check for ids that ascend, or `["*"]` alone, which covers all of them."""
    ids = ascending(check, most)

    def covered(field: str, value: object) -> tuple[Any, ...]:
        if value in (ANY, _ANY_LIST):
            return ANY
        if isinstance(value, list | tuple) and "*" in value:
            raise FieldError(field, '"*" covers everything and stands alone')
        return ids(field, value)

    return covered


def json_object(field: str, value: object) -> dict[str, Any]:
    """Return an object whose members the caller looks at."""
    if isinstance(value, dict):
        return value
    raise FieldError(field, "must be an object")


def members(field: str, value: object, checks: Mapping[str, Check[Any]]) -> dict[str, Any]:
    """Return an object that has exactly these members, each checked; the path of a member is `field.name`."""
    found = json_object(field, value)
    prefix = f"{field}." if field else ""
    for name in found:
        if name not in checks:
            raise FieldError(f"{prefix}{ascii(name)[1:-1]}", "is not known here; remove it")
    checked = {}
    for name, check in checks.items():
        if name not in found:
            raise FieldError(f"{prefix}{name}", "is missing; what is absent is written null")
        checked[name] = check(f"{prefix}{name}", found[name])
    return checked
