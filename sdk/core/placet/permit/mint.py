"""Minting permits: signing claims with the permission service's Ed25519 key.

Only ever called for an event that stands in the log with the verdict allow; that is the caller's duty. The same claims,
key and kid give the same token (Ed25519 is deterministic), so a repeated request gets its permit again.
"""

import json
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt import PyJWS

from placet.permit.claims import PermitClaims, claims_json, claims_of
from placet.permit.errors import PermitError, PermitReason

ALGORITHM: Final = "EdDSA"
MAX_TOKEN: Final = 8_192
"""Characters that a permit may have; a usual one has about 1,400."""
TOKEN_TYPE: Final = "placet-permit+jwt"  # noqa: S105
_jws = PyJWS(algorithms=[ALGORITHM])


def mint(claims: PermitClaims, key: Ed25519PrivateKey, kid: str) -> str:
    """Return the permit (JWS compact serialisation) of these claims, signed by the key that `kid` names.

    Raises PermitError for claims that `verify` would refuse whoever presents them.
    """
    obj = claims_json(claims)
    claims_of(obj)
    payload = json.dumps(obj, sort_keys=True, separators=(",", ":")).encode()
    token = _jws.encode(payload, key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TOKEN_TYPE})
    if len(token) > MAX_TOKEN:
        raise PermitError(PermitReason.MALFORMED, "permit", f"it has more than {MAX_TOKEN} characters; shorten a list")
    return token
