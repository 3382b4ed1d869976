"""The key that signs people's receipts, and the signing.

Owns: the key file (PEM, mode 0600, made at the first start) and the JWS: EdDSA, typ `placet-receipt+jwt`, `kid` = the
RFC 7638 thumbprint. The public key lies beside it as a JWK, to be published by the operator.
Never: leaves the process, or stands in a log or an error. Anchors: consent.md section 4, RFC 8037.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.consent.errors import Corrupt, StateInvalid
from placet.evidence.canonical import b64url, encode
from placet.kit.durable import sync_directory

TYP = "placet-receipt+jwt"
KEY_FILE = "receipt-key.pem"
PUBLIC_FILE = "receipt-key.jwk"


class ReceiptSigner:
    """`ports.Signer` with one Ed25519 key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self._public = {"crv": "Ed25519", "kty": "OKP", "x": b64url(raw)}
        self._headers = {"typ": TYP, "kid": b64url(hashlib.sha256(encode(self._public)).digest())}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a compact JWS over the claims; Ed25519 is deterministic, so the same claims give the same text."""
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers=self._headers)

    @property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 8037)."""
        return {**self._public, "alg": "EdDSA", "use": "sig", "kid": self._headers["kid"]}


def load(folder: Path, fresh: Callable[[int], bytes]) -> ReceiptSigner:
    """Return the signer with the key in `folder`, made from 32 bytes of `fresh` if there is none.

    Raises StateInvalid when others may read the key file, Corrupt when it holds no Ed25519 key.
    """
    path = folder / KEY_FILE
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _create(path, Ed25519PrivateKey.from_private_bytes(fresh(32)))
    signer = ReceiptSigner(_read(path))
    (folder / PUBLIC_FILE).write_text(json.dumps(signer.jwk) + "\n")
    return signer


def _create(path: Path, key: Ed25519PrivateKey) -> None:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_directory(path.parent)


def _read(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise StateInvalid(f"{path.name} may be read by others; set its mode to 0600.", field="data_dir")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        raise Corrupt("STORAGE_CORRUPT", f"{path.name} holds no private key; restore it from a backup.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Corrupt("STORAGE_CORRUPT", f"{path.name} holds no Ed25519 key; restore it from a backup.")
    return key
