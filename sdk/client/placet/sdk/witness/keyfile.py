"""The witness's secret keys: one line of text each, `PRIVATE+KEY+<name>+<key id>+base64(type || seed)`, mode 0600.

A key is made once and never overwritten: a cosignature is only worth something while one witness makes them with it.
"""

import os
import secrets
from pathlib import Path
from typing import Final

from placet.sdk.errors import ConfigError
from placet.tlog.cosignature import CosignatureSigner
from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import TlogError

_HEAD: Final = "PRIVATE+KEY+"
_SEED: Final = 32


def create_key(path: Path, name: str) -> CosignatureSigner:
    """Make a key of that name in a new file; raises ConfigError if the file exists or the name cannot be a key's."""
    seed = secrets.token_bytes(_SEED)
    try:
        signer = CosignatureSigner.from_seed(name, seed)
    except TlogError as error:
        raise ConfigError("CONFIG_INVALID", str(error), field="name") from error
    encoded = encode_base64(bytes([signer.key_type]) + seed)
    line = f"{_HEAD}{name}+{signer.vkey.key_id.hex()}+{encoded}\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError("CONFIG_INVALID", f"{path} exists; a key is never overwritten", field="key") from None
    with os.fdopen(handle, "w") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return signer


def load_key(path: Path) -> CosignatureSigner:
    """Return the key of a file; raises ConfigError if it is missing, may be read by others, or is no key."""
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError("CONFIG_INVALID", f"{path} may be read by others; set its mode to 0600", field="key")
        text = path.read_text()
    except OSError as error:
        raise ConfigError("CONFIG_INVALID", f"{path}: {error.strerror}", field="key") from None
    return _parse(text.strip(), path)


def _parse(text: str, path: Path) -> CosignatureSigner:
    name, _, rest = text.removeprefix(_HEAD).partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        blob = decode_base64(encoded, field="key")
        if text.startswith(_HEAD) and len(blob) == _SEED + 1 and blob[0] == CosignatureSigner.key_type:
            signer = CosignatureSigner.from_seed(name, blob[1:])
            if signer.vkey.key_id.hex() == key_id:
                return signer
    except TlogError:
        pass
    raise ConfigError("CONFIG_INVALID", f"{path} holds no key of a witness; make one with keygen", field="key")
