"""Ed25519 cosignatures (type 0x04): a witness states when it saw this checkpoint as the largest consistent one.

Owns the signed message and the blob (C2SP `tlog-cosignature`). Consistency must be checked *before* signing: that is
the witness's duty, like the clock, which is handed in. A key that cosigns must not sign anything else.
"""

from typing import Final, NoReturn

from placet.tlog.errors import NoteError
from placet.tlog.keys import KeyType, PublicKey, SecretKey, Verifier, parse_vkey, verify_ed25519
from placet.tlog.note import Signature, split_note

MAX_TIMESTAMP: Final = 2**63 - 1
_TIMESTAMP_SIZE = 8
_BLOB_SIZE = _TIMESTAMP_SIZE + 64


class CosignatureSigner(SecretKey):
    """Makes cosignatures."""

    __slots__ = ()
    key_type = KeyType.COSIGNATURE

    def cosign(self, note: str, *, timestamp: int) -> Signature:
        """Return the cosignature of a note's text at `timestamp` (seconds since 1970 UTC).

        Append its `line()` with `note.add_signatures`. Raises NoteError for a malformed note or impossible timestamp.
        """
        if not 0 <= timestamp <= MAX_TIMESTAMP:
            _refuse("TIMESTAMP", f"{timestamp} is no time in seconds since 1970 below 2**63", "timestamp")
        text, _ = split_note(note)
        signature = self._key.sign(_message(timestamp, text.encode()))
        blob = timestamp.to_bytes(_TIMESTAMP_SIZE, "big") + signature
        return Signature(name=self.vkey.name, key_id=self.vkey.key_id, signature=blob)


class CosignatureVerifier(PublicKey):
    """Checks cosignatures; use it among the verifiers of `note.open_note`."""

    __slots__ = ()
    key_type = KeyType.COSIGNATURE

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (timestamp and Ed25519 signature) is this cosigner's of `text`."""
        if len(signature) != _BLOB_SIZE:
            return False
        timestamp = int.from_bytes(signature[:_TIMESTAMP_SIZE], "big")
        if timestamp > MAX_TIMESTAMP:
            return False
        return verify_ed25519(self._key, signature[_TIMESTAMP_SIZE:], _message(timestamp, text))


def parse_verifier(text: str) -> Verifier | CosignatureVerifier:
    """Return the verifier of a key of either type, as its text form says; raises NoteError if it is malformed."""
    vkey = parse_vkey(text)
    return Verifier(vkey) if vkey.key_type is KeyType.ED25519 else CosignatureVerifier(vkey)


def timestamp_of(signature: Signature) -> int:
    """Return when a *verified* cosignature was made, in seconds since 1970 UTC; raises NoteError if it is none."""
    if len(signature.signature) != _BLOB_SIZE:
        _refuse("COSIGNATURE", f"the signature by {signature.name} carries no timestamp", "signature")
    return int.from_bytes(signature.signature[:_TIMESTAMP_SIZE], "big")


def _message(timestamp: int, text: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n" % timestamp + text


def _refuse(reason: str, message: str, field: str) -> NoReturn:
    raise NoteError(reason, message, field=field)
