"""Permit keys: pinned in a controller's log before the first permit for it is minted, published as a JWKS.

Owns: the `key.rotated` record. Never: holds a private key (the port does). So a permit verifies years later with the
key that the log names, whoever publishes what by then. Source: vault.md section 2.
"""

from hashlib import sha256
from typing import Protocol

from placet.evidence.canonical import b64url
from placet.evidence.drafts import RecordDraft
from placet.kit.ledger.messages import submission
from placet.permission.ports import Ledger, PermitKeys, Pins


class KeyDesk(Protocol):
    """What pinning needs; `authorize.Desk` has it."""

    @property
    def ledger(self) -> Ledger: ...
    @property
    def permit_keys(self) -> PermitKeys: ...
    @property
    def pins(self) -> Pins: ...


async def pin(controller: str, desk: KeyDesk, *, deadline: int) -> None:
    """See to it that `key.rotated` of the signing key is in the controller's log; quick when it is known to be.

    The record's data: `alg`, `kid`, `public` (raw Ed25519 key, base64url), `use` = `permit`. Raises Unavailable.
    """
    kid = desk.permit_keys.kid
    if desk.pins.pinned(controller, kid):
        return
    public = b64url(desk.permit_keys.public)
    draft = RecordDraft(type="key.rotated", data={"alg": "EdDSA", "kid": kid, "public": public, "use": "permit"})
    key = b"key.rotated:" + sha256(f"{kid}\0{public}".encode()).digest()
    appended = await desk.ledger.append(controller, [submission(draft, key=key)], deadline=deadline)
    await desk.pins.pin(controller, kid, appended.receipt().index)
