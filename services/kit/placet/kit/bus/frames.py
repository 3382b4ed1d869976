"""The few frames of the NATS client protocol that a service sends and reads itself, and what may stand in a subject.

Owns subjects and headers as bytes; nothing here knows a socket. Subjects, header names and values are checked where
they come from outside, so that none can carry a line break into the protocol.
Source: NATS client protocol, PUB and HPUB; ADR 4 of NATS for headers.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from placet.kit.bus.failure import Failure
from placet.kit.errors import Invalid, PlacetError

ERROR_HEADER: Final = "Placet-Error"
_HEAD: Final = b"NATS/1.0"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SUBJECT: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,512}")
_ENCODER: Final = msgspec.json.Encoder()
_FAILURE: Final = msgspec.json.Decoder(Failure)


def token(value: str, field: str) -> str:
    """Return the value if it may stand as one token in a subject; raises Invalid naming the field."""
    if not _TOKEN.fullmatch(value):
        raise Invalid(field, "must be 1 to 64 letters, digits, _ or -")
    return value


def subject_bytes(subject: str) -> bytes:
    """Return a subject as it is sent; raises Invalid if it could not be one."""
    if not _SUBJECT.fullmatch(subject):
        raise Invalid("subject", "is not a NATS subject: no spaces, no control characters, at most 512")
    return subject.encode()


def pub(subject: bytes, reply: bytes, payload: bytes) -> bytes:
    """Return a PUB frame; `reply` may be empty."""
    return b"PUB %b %b %d\r\n%b\r\n" % (subject, reply, len(payload), payload)


def hpub(subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> bytes:
    """Return an HPUB frame; `headers` as `header_block` makes them."""
    total = len(headers) + len(payload)
    return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (subject, reply, len(headers), total, headers, payload)


def header_block(headers: Mapping[str, str]) -> bytes:
    """Return headers as they are sent; raises Invalid for one that would break out of its line."""
    lines = [_HEAD.decode()]
    for name, value in headers.items():
        if not name.isascii() or not name.replace("-", "").isalnum() or "\r" in value or "\n" in value:
            raise Invalid("headers", f"{name!r} is no header name or has a line break in its value")
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status(headers: bytes) -> str:
    """Return the status of a message from the server itself (`503`: no responders), or an empty string."""
    line = headers[len(_HEAD) :].partition(b"\r\n")[0].strip()
    return line[:3].decode("ascii", "replace")


def header(headers: bytes, name: str) -> str | None:
    """Return the value of a header, None if it is not there."""
    wanted = name.lower().encode()
    for line in headers.split(b"\r\n")[1:]:
        key, colon, value = line.partition(b":")
        if colon and key.strip().lower() == wanted:
            return value.strip().decode("utf-8", "replace")
    return None


def error_block(error: PlacetError) -> bytes:
    """Return the headers of an answer that is an error."""
    return header_block({ERROR_HEADER: _ENCODER.encode(Failure.of(error)).decode()})


def error_in(headers: bytes) -> PlacetError | None:
    """Return the error that an answer's headers carry, if they do."""
    text = header(headers, ERROR_HEADER)
    if text is None:
        return None
    try:
        return _FAILURE.decode(text).error()
    except msgspec.MsgspecError:
        return Invalid(ERROR_HEADER, "an answer's error header is malformed", reason="REQUEST_MALFORMED")
