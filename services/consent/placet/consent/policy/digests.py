"""What tells a repeated request from another one with the same id.

Owns: the digest over everything the caller said, and nothing else: not who relayed it, not when, not a deadline.
Never: is shown to anybody. Anchor: ledger.md section 7 (idempotency).
"""

import hashlib
from dataclasses import fields
from datetime import date
from typing import Any

from placet.consent.model.commands import Amend, Capture, OpenGuardianship, RecordServed
from placet.evidence import canonical

Repeatable = RecordServed | Capture | Amend | OpenGuardianship


def of_request(asked: Repeatable) -> bytes:
    """Return SHA-256 of the request in canonical form, its type included."""
    said = {field.name: _plain(getattr(asked, field.name)) for field in fields(asked)}
    return hashlib.sha256(canonical.encode({"request": type(asked).__name__.lower(), **said})).digest()


def of_draft(action: str, draft: dict[str, Any]) -> bytes:
    """Return SHA-256 of a step's draft in canonical form: fixed once the step is stored."""
    return hashlib.sha256(canonical.encode({"action": action, "draft": draft})).digest()


def note_id(key: bytes) -> str:
    """Return the id of the message about a step: one for each step, and not the step's key."""
    return hashlib.sha256(b"placet/consent/note/v1\0" + key).hexdigest()[:32]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return canonical.b64url(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, str) else value
