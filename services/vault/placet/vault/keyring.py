"""The root key in a local file: the provider for development and small installations.

Owns: the file format `placet.keyring/1`, its versions and their states, `FileKeyring` (port `RootKeys`), and
`create`, `add_version`, `set_state` for its operator. The file has mode 0600 and belongs to the process's user:
anything wider is refused. Writes are atomic (temporary file, fsync, rename).
Never: logs a key, follows a symbolic link, opens a file twice. Losing the file loses every template. Design: vault.md
section 3 (providers).
"""

import base64
import binascii
import json
import os
import stat
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from placet.kit.security.redacted import Redacted, SecretBytes
from placet.vault.crypto import KEY_BYTES, unwrap, wrap
from placet.vault.errors import KeyringUnusable, VaultSealed
from placet.vault.template import WrappedKey

FORMAT = "placet.keyring/1"
FILE_MODE = 0o600
_MAX_FILE_BYTES = 1 << 20


class VersionState(StrEnum):
    """What a version of the root key may do; there is exactly one `active` one."""

    ACTIVE = "active"  # wraps and unwraps
    DECRYPT_ONLY = "decrypt_only"  # unwraps
    DISABLED = "disabled"  # neither, but may come back
    DESTROYED = "destroyed"  # its key is gone


@dataclass(frozen=True, kw_only=True, slots=True)
class Version(Redacted):
    """One version of the root key; `key` is None once destroyed."""

    shown = ("number", "state")

    number: int
    state: VersionState
    created_at: int
    key: SecretBytes | None

    def __post_init__(self) -> None:
        # Invariant: a version has a key of KEY_BYTES unless it is destroyed.
        if (self.key is None) != (self.state is VersionState.DESTROYED):
            raise KeyringUnusable(f"version {self.number} is {self.state.value}: it must have a key unless destroyed")
        if self.key is not None and len(self.key) != KEY_BYTES:
            raise KeyringUnusable(f"version {self.number} must have a key of {KEY_BYTES} bytes")


class FileKeyring:
    """The port `RootKeys` over a keyring file; sealed until `unseal` has read it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._versions: dict[int, Version] = {}

    @property
    def sealed(self) -> bool:
        """Whether there is no root key in memory."""
        return not self._versions

    def unseal(self) -> None:
        """Read the file. Raises KeyringUnusable, saying what to do, when it cannot be used; then it stays sealed."""
        self._versions = {version.number: version for version in read(self._path)}

    def seal(self) -> None:
        """Overwrite the keys in memory."""
        for version in self._versions.values():
            if version.key is not None:
                version.key.wipe()
        self._versions = {}

    async def wrap(self, key: SecretBytes) -> WrappedKey:
        """Return the key wrapped under the active version. Raises VaultSealed."""
        active = self._active()
        return WrappedKey(version=active.number, blob=wrap(key, _key_of(active)))

    async def unwrap(self, wrapped: WrappedKey) -> SecretBytes:
        """Return the key. Raises VaultSealed when sealed or that version may not unwrap, StorageCorrupt."""
        version = self._versions.get(wrapped.version)
        if version is None or version.state not in (VersionState.ACTIVE, VersionState.DECRYPT_ONLY):
            raise VaultSealed
        return unwrap(wrapped.blob, _key_of(version), "a controller's key")

    def _active(self) -> Version:
        for version in self._versions.values():
            if version.state is VersionState.ACTIVE:
                return version
        raise VaultSealed


def create(path: Path, *, key: SecretBytes, now: int) -> None:
    """Write a new keyring whose version 1 is `key`, 32 random bytes. Raises KeyringUnusable when the file exists."""
    if path.is_symlink() or path.exists():
        raise KeyringUnusable(f"{path} exists: a keyring is never written over")
    _write(path, [Version(number=1, state=VersionState.ACTIVE, created_at=now, key=key)], replace_existing=False)


def add_version(path: Path, *, key: SecretBytes, now: int) -> int:
    """Make `key` the active version and the one before decrypt-only; return its number. Needs a restart to be used."""
    versions = [
        replace(version, state=VersionState.DECRYPT_ONLY) if version.state is VersionState.ACTIVE else version
        for version in read(path)
    ]
    number = versions[-1].number + 1
    versions.append(Version(number=number, state=VersionState.ACTIVE, created_at=now, key=key))
    _write(path, versions, replace_existing=True)
    return number


def set_state(path: Path, number: int, state: VersionState) -> None:
    """Change what a version may do. Destroying is for ever; the active version is changed by `add_version` only.

    Raises KeyringUnusable when there is no such version, or the change is not one of these.
    """
    versions = {version.number: version for version in read(path)}
    old = versions.get(number)
    if old is None:
        raise KeyringUnusable(f"{path} has no version {number}")
    if VersionState.ACTIVE in (old.state, state) or old.state is VersionState.DESTROYED:
        raise KeyringUnusable(f"version {number} cannot go from {old.state.value} to {state.value}")
    versions[number] = replace(old, state=state, key=None if state is VersionState.DESTROYED else old.key)
    _write(path, list(versions.values()), replace_existing=True)


def read(path: Path) -> list[Version]:
    """Return the versions, ascending. Raises KeyringUnusable: missing, wider than 0600, not ours, or malformed."""
    try:
        loaded = json.loads(_read_private(path))
        if not isinstance(loaded, dict) or loaded.keys() != {"format", "versions"} or loaded["format"] != FORMAT:
            raise KeyringUnusable(f"{path} is no keyring of format {FORMAT}")
        versions = [_version(entry) for entry in loaded["versions"]]
    except (ValueError, TypeError, KeyError, binascii.Error):
        # `from None`: the file's text, which holds keys, must not reach a traceback.
        raise KeyringUnusable(f"{path} is malformed: restore it from its backup") from None
    _check(path, versions)
    return versions


def _check(path: Path, versions: list[Version]) -> None:
    numbers = [version.number for version in versions]
    if numbers != sorted(set(numbers)) or not numbers or numbers[0] < 1:
        raise KeyringUnusable(f"{path}: version numbers must ascend from 1 on")
    # Invariant: exactly one version is active.
    if sum(version.state is VersionState.ACTIVE for version in versions) != 1:
        raise KeyringUnusable(f"{path} must have exactly one active version")


def _version(entry: object) -> Version:
    if not isinstance(entry, dict) or entry.keys() != {"version", "state", "created_at", "key"}:
        raise ValueError("keys of a version")
    number, created_at, key = entry["version"], entry["created_at"], entry["key"]
    if type(number) is not int or type(created_at) is not int or not isinstance(key, str | None):
        raise ValueError("types of a version")
    secret = None if key is None else SecretBytes(base64.b64decode(key, validate=True))
    return Version(number=number, state=VersionState(str(entry["state"])), created_at=created_at, key=secret)


def _key_of(version: Version) -> SecretBytes:
    if version.key is None:
        raise VaultSealed
    return version.key


def _read_private(path: Path) -> bytes:
    try:
        file = open(path, "rb", opener=_open_no_link)  # noqa: SIM115 (closed below)
    except OSError as error:
        raise KeyringUnusable(f"{path} cannot be opened: {error.strerror}") from None
    with file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise KeyringUnusable(f"{path} is not a regular file")
        # Invariant: nobody but the owner, who runs the vault, may read or write the keyring.
        if stat.S_IMODE(status.st_mode) & ~FILE_MODE:
            raise KeyringUnusable(f"{path} has mode {stat.S_IMODE(status.st_mode):04o}: run chmod 0600 on it")
        if status.st_uid != os.geteuid():
            raise KeyringUnusable(f"{path} belongs to another user than the one who runs the vault")
        return file.read(_MAX_FILE_BYTES)


def _open_no_link(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC)


def _write(path: Path, versions: list[Version], *, replace_existing: bool) -> None:
    text = json.dumps({"format": FORMAT, "versions": [_entry(version) for version in versions]}, indent=1)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), FILE_MODE)
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    _place(temporary, path, replace_existing=replace_existing)
    _sync_folder(path.parent)


def _place(temporary: Path, path: Path, *, replace_existing: bool) -> None:
    if replace_existing:
        temporary.replace(path)
        return
    try:
        os.link(temporary, path)  # fails when the file exists: two creators never overwrite one another
    except FileExistsError:
        raise KeyringUnusable(f"{path} exists: a keyring is never written over") from None
    finally:
        temporary.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(version: Version) -> dict[str, object]:
    key = None if version.key is None else base64.b64encode(version.key.reveal()).decode()
    return {"version": version.number, "state": version.state.value, "created_at": version.created_at, "key": key}
