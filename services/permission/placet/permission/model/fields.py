"""Checks of single fields; each raises the typed error that names the field, the reason and the next step.

Owns: coded ids, UUIDs, bounded integers, texts and hashes as this service accepts them.
Never: knows protobuf. `field` is the dotted path of the request (`event.device`, `events[3].device`, `purpose.id`).
"""

import re
from collections.abc import Callable, Sequence
from unicodedata import is_normalized

from placet.permission.errors import Invalid, missing, too_large
from placet.permission.model.vocabulary import MAX_INT

MAX_CODE = 64
match_code: Callable[[str], object] = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}").fullmatch
match_uuid: Callable[[str], object] = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_match_instrument = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}").fullmatch
_match_result = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch


def check_code(field: str, value: str, *, optional: bool = False) -> str:
    """Return a coded id unchanged: [A-Za-z0-9][A-Za-z0-9._:-]{0,63}, or "" if optional."""
    if match_code(value) or (optional and not value):
        return value
    if not value:
        raise missing(field, "a coded id such as `branch-12`")
    if len(value) > MAX_CODE:
        raise too_large(field, f"{MAX_CODE} characters")
    raise Invalid(field, f"{field} is not a coded id: letters, digits and `._:-`, the first a letter or digit.")


def check_instrument(field: str, value: str) -> str:
    """Return the code of an instrument and article unchanged: like a coded id, with `/`, at most 128 characters."""
    if _match_instrument(value):
        return value
    if not value:
        raise missing(field, "instrument and article as a code such as `pipl:13-1-3`")
    raise Invalid(field, f"{field} is no code of an instrument: letters, digits and `._:/-`, at most 128.")


def check_uuid(field: str, value: str) -> str:
    """Return a UUID in lower case; upper case is accepted, braces and URNs are not."""
    lower = value.lower()
    if match_uuid(lower):
        return lower
    if not value:
        raise missing(field, "a UUID; a UUIDv7 keeps the log's index small")
    raise Invalid(field, f"{field} is not a UUID like 0190b5b2-7c3d-7abc-8def-0123456789ab.")


def check_int(field: str, value: int, most: int = MAX_INT) -> int:
    """Return an integer unchanged if 0 <= value <= most."""
    if 0 <= value <= most:
        return value
    raise Invalid(field, f"{field} is {value}; give 0 to {most}.")


def check_text(field: str, value: str, most: int) -> str:
    """Return a text for people unchanged: at most `most` characters, NFC, no control characters but line ends."""
    if len(value) > most:
        raise too_large(field, f"{most} characters")
    if not is_normalized("NFC", value):
        raise Invalid(field, f"{field} is not in Unicode normal form C. Normalise it (NFC) and send it again.")
    if any(ord(letter) < 0x20 and letter not in "\n\t" for letter in value):
        raise Invalid(field, f"{field} holds control characters. Take them out.")
    return value


def check_bytes(field: str, value: bytes, length: int, *, optional: bool = False) -> bytes:
    """Return bytes of exactly `length` unchanged, or none if optional."""
    if len(value) == length or (optional and not value):
        return value
    if not value:
        raise missing(field, f"{length} bytes")
    raise Invalid(field, f"{field} has {len(value)} bytes; give exactly {length}.")


def check_words(field: str, values: Sequence[str], *, needed: bool) -> None:
    """Raise if a word stands twice in a list, or if there is none although one is needed."""
    if needed and not values:
        raise missing(field, "at least one")
    if len(set(values)) != len(values):
        raise Invalid(field, f"{field} names something twice. Name each once.")


def check_result(field: str, value: str) -> str:
    """Return a result or reason code unchanged: [a-z][a-z0-9_]{0,63}, such as `match` or `purpose_ended`."""
    if _match_result(value):
        return value
    if not value:
        raise missing(field, "a code such as `match`")
    raise Invalid(field, f"{field} is not a code: lower-case letters, digits, `_`, at most {MAX_CODE}, no free text.")
