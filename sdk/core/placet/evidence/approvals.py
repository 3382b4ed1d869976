"""An approval of a legal permission: who signed which draft, until when it counts, and the signed bytes.

Owns the shape of the `data` of a `permission.approved` record and the message under its Ed25519 signature (ledger.md
section 5). Whose key it is remains the operator's claim: nothing here looks a key up. The rules that count approvals
are `placet.evidence.admission`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from placet.evidence.canonical import unb64url
from placet.evidence.checks import Check, byte_string, code, integer, matching, members, sha256_text
from placet.evidence.terms import Micros, value

APPROVED: Final = "permission.approved"
APPROVAL_TAG: Final = b"placet/approval/v1\0"
# Random ids are base64url as often as not, so they may begin with - and _.
_actor = matching(re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:-]{0,127}"), "an actor's id")
_MEMBERS: Final[Mapping[str, Check[Any]]] = {
    "approver": _actor,
    "draft": sha256_text,
    "expires": integer,
    "key": byte_string(32),
    "role": code,
    "signature": byte_string(64),
}


@value
class Approval:
    """One approver's signature over the digest of a draft."""

    approver: str
    draft: bytes
    expires: Micros
    """From here on (exclusive) it no longer counts."""
    key: bytes
    role: str
    signature: bytes

    def signed_under(self, origin: str) -> bool:
        """Tell whether the signature is the key's over this approval in the log named `origin`."""
        return _signed(self.key, self.signature, approval_message(origin, self.role, self.draft, self.expires))


def approval_of(data: object, field: str = "data") -> Approval:
    """Return the approval of a record's `data`; raises FieldError naming the member that is malformed."""
    found = members(field, data, _MEMBERS)
    for name in ("draft", "key", "signature"):
        found[name] = unb64url(found[name])
    return Approval(**found)


# Every event under a legal permission has its grant judged again, with the same signatures.
@lru_cache(maxsize=4_096)
def _signed(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def approval_message(origin: str, role: str, draft: bytes, expires: int) -> bytes:
    """Return what an approver signs: tag || origin || 0x00 || role || 0x00 || draft digest || u64 expires."""
    return APPROVAL_TAG + origin.encode() + b"\0" + role.encode() + b"\0" + draft + expires.to_bytes(8, "big")
