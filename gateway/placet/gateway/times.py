"""Times as a caller writes them: RFC 3339, or microseconds since 1970 UTC.

Total: every text gives a time or Invalid naming the parameter. RFC 3339 section 5.6 without leap seconds, which neither
the ledger's clock nor Python has; digits beyond microseconds are cut off. A `+` that was not percent-encoded arrives as
a space and is understood.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from placet.kit.errors import Invalid

MAX_TIME: Final = 2**53 - 1
PATTERN: Final = (
    r"^([0-9]{1,16}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+\- ][0-9]{2}:[0-9]{2}))$"
)
_WRITTEN: Final = re.compile(PATTERN, re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)


def micros(field: str, text: str) -> int:
    """Return the microseconds since 1970 UTC; raises Invalid naming `field`."""
    if not _WRITTEN.fullmatch(text):
        raise Invalid(field, "a time is RFC 3339 (2025-11-23T08:00:00Z) or microseconds since 1970 UTC")
    value = int(text) if text.isdigit() else _rfc3339(field, text)
    if not 0 <= value <= MAX_TIME:
        raise Invalid(field, "a time is 0 to 2**53 - 1 microseconds after 1970 UTC")
    return value


def _rfc3339(field: str, text: str) -> int:
    upper = text.upper().replace(" ", "+")
    moment, fraction, offset = re.fullmatch(r"(.{19})(?:\.([0-9]+))?(.+)", upper).groups()  # type: ignore[union-attr]
    try:
        whole = datetime.fromisoformat(moment + ("+00:00" if offset == "Z" else offset))
        return (whole - _EPOCH) // _MICRO + int((fraction or "0")[:6].ljust(6, "0"))
    except (ValueError, OverflowError):
        raise Invalid(field, "there is no such date, time of day or offset") from None
