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


async def unseal(
    keyring: FileKeyring, *, retry_s: float = RETRY_S, opened: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Open the keyring, trying again until it opens; call `opened` then, once."""
    said = ""
    while keyring.sealed:
        try:
            await asyncio.to_thread(keyring.unseal)
        except KeyringUnusable as error:
            if str(error) != said:
                said = str(error)
                _log.warning("the vault is sealed: %s", said)
            await asyncio.sleep(retry_s)
    _log.info("the vault is unsealed")
    if opened is not None:
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
