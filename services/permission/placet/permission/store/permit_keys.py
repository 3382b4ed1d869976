"""`ports.PermitKeys`: this process's keyring, and the public keys of all replicas in the database.

Owns: the JWKS. A key is published in it before it signs anything. Never: private keys (the keyring has them).
"""

import json
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlmodel import select

from placet.kit.db.database import Database
from placet.kit.db.errors import DuplicateKey
from placet.permission.keyring import Keyring
from placet.permission.tables import PermitKeyRow
from placet.permit.claims import PermitClaims
from placet.permit.keys import jwks_of


class PublishedKeys:
    """The keys that sign permits."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self._database = database
        self._keyring = keyring

    @property
    def kid(self) -> str:
        """Return the id of the key that signs now."""
        return self._keyring.kid

    @property
    def public(self) -> bytes:
        """Return its raw public key."""
        return self._keyring.public

    def mint(self, claims: PermitClaims) -> str:
        """Return a permit."""
        return self._keyring.mint(claims)

    async def publish(self) -> None:
        """Keep the public half of this process's key; once, before anything is signed."""
        row = PermitKeyRow(kid=self.kid, public_key=self.public)
        with suppress(DuplicateKey):  # a replica over the same key file starts at this moment
            await self._database.write(lambda session: session.merge(row))

    async def jwks(self) -> str:
        """Return the key set, as the port promises."""
        rows = await self._database.read(lambda session: list(session.exec(select(PermitKeyRow))))
        keys = {row.kid: Ed25519PublicKey.from_public_bytes(row.public_key) for row in rows}
        return json.dumps(jwks_of(keys), sort_keys=True)
