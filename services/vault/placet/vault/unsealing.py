"""How the vault comes by its root key at its start, and what it does until then.

Owns: trying to open the keyring until it opens, saying why not, making one where that is asked for and safe.
Never: makes a keyring where keys were stored under another one: that would look like a start and lose every template.
Design: vault.md section 3 (sealed at start).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from placet.kit.security.redacted import SecretBytes
from placet.vault.crypto import KEY_BYTES
from placet.vault.errors import KeyringUnusable
from placet.vault.keyring import FileKeyring, create

RETRY_S = 2.0
_log = logging.getLogger(__name__)


class Unsealing:
    """Opens one keyring; `said` is why it did not open at the last try."""

    def __init__(self, keyring: FileKeyring) -> None:
        self._keyring = keyring
        self.said = ""

    async def once(self) -> bool:
        """Try to open the keyring; log why not, once a reason. Returns whether it is open."""
        try:
            await asyncio.to_thread(self._keyring.unseal)
        except KeyringUnusable as error:
            if str(error) != self.said:
                self.said = str(error)
                _log.warning("the vault is sealed: %s", self.said)
            return False
        _log.info("the vault is unsealed")
        return True

    async def until_open(self, opened: Callable[[], Awaitable[None]], *, retry_s: float = RETRY_S) -> None:
        """Try again and again until it opens; then call `opened`."""
        while not await self.once():  # noqa: ASYNC110 (nothing tells when a file becomes usable)
            await asyncio.sleep(retry_s)
        await opened()


def create_missing(path: Path, *, keys_stored: bool, random: Callable[[int], bytes], now: Callable[[], int]) -> None:
    """Make a new keyring unless the file is there or keys are stored that only the missing one opens."""
    if path.exists() or path.is_symlink():
        return
    if keys_stored:
        _log.error("the keyring %s is missing and keys are stored under it: restore it from its backup", path)
        return
    with SecretBytes(random(KEY_BYTES)) as key:
        create(path, key=key, now=now())
    _log.warning("made a new keyring: keep a backup of it apart from the database", extra={"path": str(path)})
