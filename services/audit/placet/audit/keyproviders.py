"""Which provider keeps the signing keys of the logs: files, or a hardware module over PKCS#11."""

from collections.abc import Callable
from pathlib import Path

from placet.audit.hsmkeys import TokenKeys
from placet.audit.logkeys import KeyFiles
from placet.audit.ports import LogKeys
from placet.audit.settings import KeySettings


def open_keys(settings: KeySettings, directory: Path, random: Callable[[int], bytes]) -> LogKeys:
    """Return the provider that the settings name; `directory` is where key files are."""
    if settings.key_provider == "file":
        return KeyFiles(directory, random)
    assert settings.pkcs11_module is not None
    return TokenKeys(settings.pkcs11_module, settings.pkcs11_token, settings.pin())
