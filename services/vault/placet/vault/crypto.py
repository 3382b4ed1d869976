"""The envelope: root key > key-encryption key of a controller > data key of a basis > template.

Owns: sealing and opening a template (AES-256-GCM, NIST SP 800-38D), wrapping and unwrapping keys (AES-KW, RFC 3394),
the additional data that ties a ciphertext to its place, the keyed digest of a request.
Never: makes a key, a nonce or a file; keeps a key. Buffers that hold secrets are overwritten; what the library returns
as `bytes` (an unwrapped key) is copied and cannot be: the residual risk in Python. Design: vault.md section 3.
"""

import hashlib

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from placet.evidence.canonical import b64url, encode
from placet.kit.security.redacted import SecretBytes
from placet.vault.errors import StorageCorrupt
from placet.vault.template import FLOAT_BYTES, Place, SealedTemplate, Template, TemplateFacts, Vector

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_DIGEST_DOMAIN = b"placet/vault/request/v1\0"


def additional_data(place: Place) -> bytes:
    """Return the canonical JSON that a ciphertext is authenticated with: it opens at this place only.

    Permanent format: golden bytes in tests/unit/vault. Source: vault.md section 3.
    """
    return encode(
        {
            "basis": place.basis,
            "controller": place.controller,
            "dimension": place.dimension,
            "kek_version": place.kek_version,
            "model_sha256": b64url(place.model_sha256),
            "template_id": str(place.template_id),
        }
    )


def seal(vector: Vector, place: Place, data_key: SecretBytes, nonce: bytes) -> bytes:
    """Return ciphertext and tag of the vector. `nonce`: NONCE_BYTES random bytes, never used twice under a key."""
    return AESGCM(data_key.reveal()).encrypt(nonce, vector.octets, additional_data(place))


def open_sealed(sealed: SealedTemplate, data_key: SecretBytes) -> Vector:
    """Return the vector in a buffer of its own: wipe it.

    Raises StorageCorrupt when key, place or ciphertext are not those it was sealed with.
    """
    values = np.zeros(sealed.place.dimension, dtype="<f4")
    if len(sealed.blob) != sealed.place.dimension * FLOAT_BYTES + TAG_BYTES:
        raise StorageCorrupt("a template")
    try:
        AESGCM(data_key.reveal()).decrypt_into(
            sealed.nonce, sealed.blob, additional_data(sealed.place), values.data.cast("B")
        )
    except (InvalidTag, ValueError):
        raise StorageCorrupt("a template") from None
    return Vector(values)


def wrap(key: SecretBytes, under: SecretBytes) -> bytes:
    """Return `key` encrypted under another one: 8 bytes longer (RFC 3394)."""
    return aes_key_wrap(under.reveal(), key.reveal())


def unwrap(blob: bytes, under: SecretBytes, what: str) -> SecretBytes:
    """Return the key in `blob`. Raises StorageCorrupt naming `what` when it was not wrapped under this key."""
    try:
        return SecretBytes(aes_key_unwrap(under.reveal(), blob))
    except (InvalidUnwrap, ValueError):
        raise StorageCorrupt(what) from None


def erased_hash(sealed: SealedTemplate) -> bytes:
    """Return what the ledger keeps of a destroyed blob: SHA-256 over nonce, ciphertext and tag."""
    return hashlib.sha256(sealed.nonce + sealed.blob).digest()


def request_digest(
    request_key: SecretBytes, *, operation: str, request_id: str, event: int, permit_id: str, template: Template
) -> bytes:
    """Return the 32-byte digest of a request for a use: of its meaning, not of its bytes.

    Keyed (HMAC-SHA-256), because it goes to the ledger's idempotency table and outlives the template: whoever has a
    vector cannot find out there whether it was enrolled or compared. The permit counts by its `jti`, never by its text,
    which is malleable (vault.md section 2); `seen` and the deadline do not count (ledger.md section 7).
    """
    facts: TemplateFacts = template.facts
    about = encode(
        {
            "captured_at": facts.captured_at,
            "dimension": facts.dimension,
            "event": event,
            "id": request_id,
            "model_id": facts.model_id,
            "model_sha256": b64url(facts.model_sha256),
            "operation": operation,
            "permit": permit_id,
            "quality": facts.quality,
        }
    )
    mac = HMAC(request_key.reveal(), SHA256())
    mac.update(_DIGEST_DOMAIN + len(about).to_bytes(4, "big") + about)
    mac.update(template.vector.octets)
    return mac.finalize()
