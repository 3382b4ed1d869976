"""Ids and times as the API wants them: UUIDs in lower case, coded ids, microseconds since 1970 UTC.

Owns `uuid7` (RFC 9562 section 5.7) and the conversions from what people have (datetimes, UUID objects). Never reads the
clock or randomness itself: both are handed in by the client.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from placet.evidence.terms import MAX_INT, Micros
from placet.sdk.errors import Invalid

CODED_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
UUID_TEXT: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def uuid7(milliseconds: int, random: bytes) -> str:
    """Return a UUIDv7 in lower case from unix milliseconds and 10 random bytes.

    Such ids ascend with time, which keeps the log's index of idempotency keys small.
    """
    tail = random.hex()
    variant = "89ab"[random[2] >> 6]
    stamp = f"{milliseconds & 0xFFFFFFFFFFFF:012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{tail[1:4]}-{variant}{tail[5:8]}-{tail[8:]}"


def uuid_text(field: str, value: str | UUID) -> str:
    """Return a UUID as lower-case text; raises Invalid naming `field`."""
    text = str(value).lower()
    if not UUID_TEXT.fullmatch(text):
        raise Invalid("FIELD_INVALID", f"{field} is no UUID like 0190b5b2-7c3d-7abc-8def-0123456789ab", field=field)
    return text


def coded_id(field: str, value: str) -> str:
    """Return the id of a purpose, site or device unchanged; raises Invalid naming `field`."""
    if not CODED_ID.fullmatch(value):
        raise Invalid(
            "FIELD_INVALID",
            f"{field} is no coded id: letters, digits and . _ : - only, the first a letter or digit, at most 64",
            field=field,
        )
    return value


def micros(field: str, value: datetime | int | None) -> Micros:
    """Return a time in microseconds since 1970 UTC, 0 for None; raises Invalid for a datetime without a zone."""
    if value is None:
        return Micros(0)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Invalid("FIELD_INVALID", f"{field} has no time zone; give an aware datetime", field=field)
        value = (value - _EPOCH) // _MICROSECOND
    if not 0 <= value <= MAX_INT:
        raise Invalid("FIELD_INVALID", f"{field} is no time in microseconds since 1970", field=field)
    return Micros(value)


def moment(value: int) -> datetime:
    """Return the UTC datetime of microseconds since 1970."""
    return _EPOCH + value * _MICROSECOND
