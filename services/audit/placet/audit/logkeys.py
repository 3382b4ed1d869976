"""The signing keys of the logs as files: one Ed25519 key each, mode 0600, under the service's data directory.

A key is made once and never overwritten: `log-<controller>.key`, and `log-<controller>.<n>.key` from the second on.
Signing is deterministic (RFC 8032), so a checkpoint signed again after a crash is the same checkpoint. The key never
leaves this file's objects. `placet.audit.ports.LogKeys`; C2SP signed-note, type 0x01.
"""

import os
from collections.abc import Callable
from pathlib import Path

from placet.audit.errors import Corrupt
from placet.kit.durable import make_directory, sync_directory
from placet.kit.failpoints import Write
from placet.tlog.note import Signer, Vkey

SEED_SIZE = 32


class KeyFiles:
    """`LogKeys` in a directory."""

    def __init__(self, directory: Path, random: Callable[[int], bytes]) -> None:
        self._directory = directory
        self._random = random

    def create(self, controller: str, origin: str, number: int = 1) -> Signer:
        """Return the signer of a controller's log, making its key if there is none yet."""
        path = self._path(controller, number)
        if not path.exists():
            make_directory(self._directory, 0o700)
            with Write.LOG_KEY:
                self._write(path, self._random(SEED_SIZE))
        return self.load(controller, origin, number)

    def load(self, controller: str, origin: str, number: int = 1) -> Signer:
        """Return the signer; raises Corrupt if the key file is missing, too open or not a key."""
        path = self._path(controller, number)
        try:
            if path.stat().st_mode & 0o077:
                raise Corrupt(f"{path} may be read by others; set its mode to 0600")
            seed = path.read_bytes()
        except FileNotFoundError:
            raise Corrupt(f"the signing key {path} is missing; restore it from the backup") from None
        if len(seed) != SEED_SIZE:
            raise Corrupt(f"{path} is not an Ed25519 seed of {SEED_SIZE} bytes")
        return Signer.from_seed(origin, seed)

    def public(self, controller: str, origin: str) -> dict[int, Vkey]:
        """Return the verifier keys of the key files that are there, by number."""
        numbers = {1, *(int(path.suffixes[-2][1:]) for path in self._directory.glob(f"log-{controller}.*.key"))}
        return {
            number: self.load(controller, origin, number).vkey
            for number in sorted(numbers)
            if self._path(controller, number).exists()
        }

    def _path(self, controller: str, number: int) -> Path:
        # Invariant: a controller's name has no dot (`logs.CONTROLLER`), so no two keys share a name.
        name = f"log-{controller}" if number == 1 else f"log-{controller}.{number}"
        return self._directory / f"{name}.key"

    @staticmethod
    def _write(path: Path, seed: bytes) -> None:
        part = path.with_suffix(".part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(seed)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
        sync_directory(path.parent)
