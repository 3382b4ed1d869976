"""The checks that every request goes through before anything else looks at it.

Owns: the shapes of ids, codes, hashes, times and texts, as one function each: they return the value or raise `Invalid`
with the field's name, the reason and the next step.
Never: knows a use case, or reads anything but its arguments. Shapes: ledger.md section 4, permission.proto (coded ids).
"""

import re
import unicodedata
from collections.abc import Collection
from datetime import date
from enum import StrEnum
from typing import TypeVar

from placet.consent.errors import Invalid, missing, too_large
from placet.consent.model.vocabulary import MAX_INT, Instant, SubjectRef

E = TypeVar("E", bound=StrEnum)

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_REASON = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CONTROLLER = re.compile(r"[a-z][a-z0-9-]{0,62}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OLDEST_BIRTH = 1900
# As many as an entry takes (placet.evidence.checks).
MAX_SITES = 256
MAX_GUARDIANSHIPS = 8
# A reference is key id || HMAC-SHA256, so never shorter than the hash; a customer number in its place would be.
SUBJECT_BYTES = (32, 64)


def controller(value: str) -> str:
    """Return a controller's id: lower-case letters, digits and dashes, 1 to 63, starting with a letter."""
    if not value:
        raise missing("controller", "the controller's id")
    if not _CONTROLLER.fullmatch(value):
        raise Invalid(
            "controller", "controller is no controller id: lower-case letters, digits and dashes, at most 63."
        )
    return value


def uuid(field: str, value: str) -> str:
    """Return a UUID in lower-case text."""
    if not value:
        raise missing(field, "a UUID")
    if not _UUID.fullmatch(value):
        raise Invalid(field, f"{field} is no UUID; write it as 8-4-4-4-12 hexadecimal digits.")
    return value


def code(field: str, value: str) -> str:
    """Return a coded id of the registers."""
    if not value:
        raise missing(field, "a coded id")
    if not _CODE.fullmatch(value):
        raise Invalid(field, f"{field} is no coded id: letters, digits and ._:- only, at most 64, never a name.")
    return value


def reason_code(field: str, value: str) -> str:
    """Return a reason: a code, never free text."""
    if not _REASON.fullmatch(value):
        raise Invalid(field, f"{field} is no code: lower-case letters, digits and _ only, at most 64; never free text.")
    return value


def subject(field: str, value: bytes) -> SubjectRef:
    """Return a subject reference of 32 to 64 bytes."""
    if not value:
        raise missing(field, "the subject reference that the SDK computes (key id || HMAC-SHA256)")
    low, high = SUBJECT_BYTES
    if not low <= len(value) <= high:
        raise Invalid(
            field, f"{field} has {len(value)} bytes; a subject reference has {low} to {high}. Never send a name."
        )
    return SubjectRef(value)


def sha256(field: str, value: bytes) -> bytes:
    """Return a SHA-256 of 32 bytes."""
    if not value:
        raise missing(field, "a SHA-256 (32 bytes)")
    if len(value) != 32:
        raise Invalid(field, f"{field} has {len(value)} bytes; a SHA-256 has 32.")
    return value


def optional_sha256(field: str, value: bytes | None) -> bytes | None:
    """Return a SHA-256, or None for none."""
    return None if value is None else sha256(field, value)


def instant(field: str, value: int) -> Instant:
    """Return a time in microseconds since 1970 UTC, above 0."""
    if not 0 < value <= MAX_INT:
        raise Invalid(field, f"{field} is no time: give microseconds since 1970 UTC.")
    return Instant(value)


def optional_instant(field: str, value: int | None) -> Instant | None:
    """Return a time, or None for none."""
    return None if value is None else instant(field, value)


def count(field: str, value: int | None) -> int | None:
    """Return a count above 0, or None for no limit."""
    if value is not None and not 0 < value <= MAX_INT:
        raise Invalid(field, f"{field} is out of range: 1 to 2^53-1, or 0 for no limit.")
    return value


def language(field: str, value: str) -> str:
    """Return a BCP 47 tag."""
    if not value:
        raise missing(field, "a language, e.g. zh-CN")
    if not _LANGUAGE.fullmatch(value):
        raise Invalid(field, f"{field} is no language tag (BCP 47), e.g. zh-CN.")
    return value


def zone(field: str, value: str) -> str:
    """Return the name of a time zone, by its shape; whether there is one of that name is seen when it is used."""
    if len(value) > 64 or not _ZONE.fullmatch(value):
        raise Invalid(field, f"{field} is no IANA time zone, e.g. Asia/Shanghai.")
    return value


def birth_date(field: str, value: str) -> date:
    """Return a birth date written YYYY-MM-DD, from 1900 on."""
    if not value:
        raise missing(field, "a date, YYYY-MM-DD")
    if not _DATE.fullmatch(value):
        raise Invalid(field, f"{field} is no date; write it YYYY-MM-DD.")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Invalid(field, f"{field} is no day of the calendar; write it YYYY-MM-DD.") from None
    if day.year < _OLDEST_BIRTH:
        raise Invalid(field, f"{field} lies before {_OLDEST_BIRTH}; check the year.")
    return day


def text(field: str, value: str, *, limit: int) -> str:
    """Return a text in NFC, of at most `limit` characters, without control characters but newline and tab."""
    if len(value) > limit:
        raise too_large(field, f"{limit} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in value):
        raise Invalid(field, f"{field} holds control characters; send plain text.")
    return unicodedata.normalize("NFC", value)


def chosen(field: str, value: E | None) -> E:
    """Return an enum value that must be set."""
    if value is None:
        raise missing(field, "one of its values")
    return value


def operations(field: str, values: Collection[E], *, needed: bool) -> tuple[E, ...]:
    """Return operations ascending; `needed`: at least one. Raises on a duplicate."""
    if needed and not values:
        raise missing(field, "at least one operation")
    if len(set(values)) != len(values):
        raise Invalid(field, f"{field} names the same operation twice.")
    return tuple(sorted(values))


def sites(field: str, values: Collection[str], *, needed: bool) -> tuple[str, ...]:
    """Return site ids ascending, or the one `*`; `needed`: at least one. Raises on a duplicate."""
    if needed and not values:
        raise missing(field, "site ids, or one * for all sites")
    if len(values) > MAX_SITES:
        raise too_large(field, f"{MAX_SITES} sites")
    if "*" in values:
        if len(values) > 1:
            raise Invalid(field, f"{field} mixes * with site ids; give either.")
        return ("*",)
    if len(set(values)) != len(values):
        raise Invalid(field, f"{field} names the same site twice.")
    return tuple(sorted(code(f"{field}[{at}]", value) for at, value in enumerate(values)))
