"""Logs as JSON lines on stderr, without secrets.

Owns: `configure`, the formatter, and `scrub`, which takes tokens, credentials, bytes, long random texts, vectors and
SQL parameters out of the texts of others (exceptions of libraries quote what they choked on).
Never: is the only defence: types that hold secrets or faces redact themselves (`kit.security.redacted`).
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum

_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_MAX_TEXT = 20_000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?"), "[token]"),
    (re.compile(r"://[^/@\s]+@"), "://[credentials]@"),
    (re.compile(r"\[parameters: .*?\]\s*$", re.DOTALL | re.MULTILINE), "[parameters: redacted]"),
    (re.compile(r"\bb'(?:[^'\\]|\\.)*'|\bb\"(?:[^\"\\]|\\.)*\""), "[bytes]"),
    (re.compile(r"[\[(][-+\d.,eE\s]{40,}[\])]"), "[numbers]"),
)
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{24,}")


def configure(*, service: str, level: str) -> None:
    """Send all logging of the process to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("httpx").setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(True)


def scrub(text: str) -> str:
    """Take out of a text whatever looks like a secret, a face or an identifier of a person."""
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return _LONG.sub(_unless_harmless, text)


def _unless_harmless(found: re.Match[str]) -> str:
    run = found.group()
    random_looking = sum(map(str.isdigit, run)) >= 3 and not _UUID.fullmatch(run)
    return f"[{len(run)} characters]" if random_looking else run


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, service, message, the record's `extra`, and the traceback."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "service": self._service,
            "message": _message(record),
        }
        line |= {key: _plain(value) for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["traceback"] = scrub("".join(traceback.format_exception(record.exc_info[1])))[:_MAX_TEXT]
        return json.dumps(line, ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    arguments = record.args
    if isinstance(arguments, Mapping):
        arguments = {key: _plain(value) for key, value in arguments.items()}
    elif arguments:
        arguments = tuple(_plain(value) for value in arguments)
    try:
        text = str(record.msg) % arguments if arguments else str(record.msg)
    except (TypeError, ValueError, KeyError):
        text = f"{record.msg} (arguments do not fit)"
    return _PATTERNS[0][0].sub(_PATTERNS[0][1], text)[:_MAX_TEXT]


_Plain = str | int | float | bool | dict[str, "_Plain"] | None


def _plain(value: object) -> _Plain:
    """Return what may stand in a log for a value: numbers and texts as they are, anything else scrubbed."""
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return _PATTERNS[0][0].sub(_PATTERNS[0][1], value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"[{len(value)} bytes]"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return scrub(str(value) if isinstance(value, BaseException) else repr(value))
