"""The private keys of permits: one file below the data directory, made at the first start.

Owns: the file (JSON, mode 0600, replaced whole) and signing. The newest key signs; older ones stay for the record,
their public halves are what verifiers need. Never: lets a private key out, or opens a file that others may read.
A permit is signed with every allow, and libsodium does it in 0.6 of the time of OpenSSL; Ed25519 is deterministic
(RFC 8032), so the signature is the same.
Format: {"keys": [{"kid", "private"}]}, oldest first; `kid` is the key's thumbprint (RFC 7638).
"""

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

from placet.evidence.canonical import b64url, unb64url
from placet.evidence.errors import CanonicalError
from placet.kit.durable import sync_directory
from placet.kit.errors import Corrupt, Precondition
from placet.permit.claims import PermitClaims, claims_json
from placet.permit.keys import key_id
from placet.permit.mint import ALGORITHM, TOKEN_TYPE

FILE = "permit-keys.json"


_encode = msgspec.json.Encoder(order="sorted").encode


class Keyring:
    """The key that signs now."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        # The form in which libsodium takes it: seed and public half, 64 bytes.
        self._secret = crypto_sign_seed_keypair(key.private_bytes_raw())[1]
        self.kid = key_id(key.public_key())
        self.public = key.public_key().public_bytes_raw()
        self._header = _segment({"alg": ALGORITHM, "kid": self.kid, "typ": TOKEN_TYPE})

    def mint(self, claims: PermitClaims) -> str:
        """Return a permit signed with this key: the token of `placet.permit.mint.mint`, byte for byte.

        That one checks every claim again, which costs more than signing; here they come from checked values. A test
        holds the two equal.
        """
        signed = self._header + b"." + _segment(claims_json(claims))
        signature = crypto_sign(signed, self._secret)[:crypto_sign_BYTES]
        return (signed + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode("ascii")

    def __repr__(self) -> str:
        return f"Keyring(kid={self.kid})"

    def __reduce__(self) -> str:
        raise TypeError("a keyring is not picklable: it holds private keys")


def _segment(obj: dict[str, Any]) -> bytes:
    return urlsafe_b64encode(_encode(obj)).rstrip(b"=")


def load(folder: Path, fresh: Callable[[int], bytes]) -> Keyring:
    """Open the key file in `folder`, or make it with a new key. `fresh(n)` gives n random bytes.

    Raises Precondition when others may read the file, Corrupt when it is not one.
    """
    path = folder / FILE
    if not path.exists():
        _create(path, fresh(32))
    if path.stat().st_mode & 0o077:
        raise Precondition("STATE_INVALID", f"{path} can be read by others: chmod 600 {path}, and rotate the keys")
    try:
        listed = json.loads(path.read_text())["keys"]
        return Keyring(Ed25519PrivateKey.from_private_bytes(unb64url(listed[-1]["private"])))
    except (ValueError, KeyError, IndexError, TypeError, CanonicalError):
        raise Corrupt("STORAGE_CORRUPT", f"{path} is no file of permit keys: restore it from a backup") from None


def _create(path: Path, seed: bytes) -> None:
    """Write the file so that it is whole whenever it is there; of two processes at once, one wins."""
    kid = Keyring(Ed25519PrivateKey.from_private_bytes(seed)).kid
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"keys": [{"kid": kid, "private": b64url(seed)}]}, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(unfinished, path)
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()
    sync_directory(path.parent)
