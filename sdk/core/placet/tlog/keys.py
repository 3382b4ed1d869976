"""Keys for signed notes: who may sign, how a key is written, and plain Ed25519 signatures (C2SP `signed-note`).

Owns verifier keys (vkeys), key ids, and signatures of type 0x01; cosignatures (0x04) are `placet.tlog.cosignature`.
Keys are handed in: nothing is fetched, and no randomness is read. Imported through `placet.tlog.note`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar, Final, NoReturn, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from placet.tlog.encoding import decode_base64, encode_base64
from placet.tlog.errors import EncodingError, NoteError

ED25519_KEY_SIZE: Final = 32
KEY_ID_SIZE: Final = 4


class KeyType(IntEnum):
    """The signature types that Placet makes and checks, with the byte that names them in keys."""

    ED25519 = 0x01
    COSIGNATURE = 0x04


def key_id(name: str, key_type: int, public_key: bytes) -> bytes:
    """Return the 4-byte key id: SHA-256(name || 0x0A || type || public key)[:4]."""
    return sha256(name.encode() + b"\n" + bytes([key_type]) + public_key).digest()[:KEY_ID_SIZE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vkey:
    """A verifier key: whose it is, of which type, and the public key itself."""

    name: str
    key_type: KeyType
    public_key: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name)
        if len(self.public_key) != ED25519_KEY_SIZE:
            _refuse("VKEY", f"an Ed25519 public key has 32 bytes, got {len(self.public_key)}", "public_key")

    @property
    def key_id(self) -> bytes:
        """The 4-byte id under which its signatures stand in a note."""
        return key_id(self.name, self.key_type, self.public_key)


def parse_vkey(text: str) -> Vkey:
    """Return the key of `<name>+<8 hex digits of the key id>+base64(type || public key)`.

    Raises NoteError if it is malformed, of an unsupported type, or its id is not that of its name and key.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        _refuse("VKEY", "a verifier key is <name>+<key id>+<base64>; copy it whole", "vkey")
    name, hex_id, encoded = parts
    try:
        blob = decode_base64(encoded, field="vkey")
    except EncodingError as error:
        raise NoteError("VKEY", f"{error}; copy the key whole", field="vkey") from error
    if blob[:1] not in (b"\x01", b"\x04"):
        _refuse("VKEY", f"the key type {blob[:1].hex()!r} is not supported; use Ed25519 (01, or 04 to cosign)", "vkey")
    vkey = Vkey(name=name, key_type=KeyType(blob[0]), public_key=blob[1:])
    if vkey.key_id.hex() != hex_id.lower():
        _refuse("VKEY", f"the key id {hex_id!r} is not that of this name and key ({vkey.key_id.hex()})", "vkey")
    return vkey


def format_vkey(vkey: Vkey) -> str:
    """Return the key as `<name>+<8 hex digits of the key id>+base64(type || public key)`."""
    return f"{vkey.name}+{vkey.key_id.hex()}+{encode_base64(bytes([vkey.key_type]) + vkey.public_key)}"


class NoteVerifier(Protocol):
    """A key that can check its own signatures."""

    @property
    def vkey(self) -> Vkey:
        """The key, by whose name and id a note's signatures are found."""

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (without the key id) is this key's over the note text."""


class NoteSigner(Protocol):
    """A key that can sign a note text."""

    @property
    def vkey(self) -> Vkey:
        """The key that checks what this one signs."""

    def sign(self, text: bytes) -> bytes:
        """Return the signature over the note text, without the key id."""


class PublicKey(ABC):
    """A pinned Ed25519 key that checks signatures of one type."""

    __slots__ = ("_key", "vkey")
    key_type: ClassVar[KeyType]

    def __init__(self, vkey: Vkey) -> None:
        if vkey.key_type is not self.key_type:
            message = f"{type(self).__name__} checks {self.key_type.name} keys, this is a {vkey.key_type.name} key"
            _refuse("KEY_TYPE", message, "vkey")
        self.vkey = vkey
        self._key = Ed25519PublicKey.from_public_bytes(vkey.public_key)

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Return the verifier of a verifier key in its text form; raises NoteError if malformed or of another type."""
        return cls(parse_vkey(vkey))

    @abstractmethod
    def verify(self, text: bytes, signature: bytes) -> bool:
        """Tell whether `signature` (without the key id) is this key's over the note text."""


class Verifier(PublicKey):
    """Checks plain Ed25519 signatures (type 0x01)."""

    __slots__ = ()
    key_type = KeyType.ED25519

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Tell whether `signature` is this key's over `text`."""
        return verify_ed25519(self._key, signature, text)


class SecretKey:
    """A named Ed25519 private key: shown redacted, never pickled."""

    __slots__ = ("_key", "vkey")
    key_type: ClassVar[KeyType]

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        self._key = key
        public = key.public_key().public_bytes_raw()
        self.vkey = Vkey(name=name, key_type=self.key_type, public_key=public)

    @classmethod
    def from_seed(cls, name: str, seed: bytes) -> Self:
        """Return the key whose 32-byte private seed (RFC 8032) is `seed`."""
        return cls(name, Ed25519PrivateKey.from_private_bytes(seed))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.vkey.name!r}, <secret>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is never pickled")


class Signer(SecretKey):
    """Makes plain Ed25519 signatures (type 0x01)."""

    __slots__ = ()
    key_type = KeyType.ED25519

    def sign(self, text: bytes) -> bytes:
        """Return the 64-byte signature over `text`."""
        return self._key.sign(text)


def verify_ed25519(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Tell whether `signature` is the key's over `message` (RFC 8032)."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def require_key_name(name: str) -> None:
    """Raise NoteError unless `name` can name a key: not empty, no spaces, no control characters, no `+`."""
    if not _names_a_key(name):
        _refuse("KEY_NAME", f"{name!r} cannot name a key: not empty, no spaces, no '+'", "name")


@lru_cache(maxsize=4_096)
def _names_a_key(name: str) -> bool:
    # The few names of a process come again with each note.
    return bool(name) and "+" not in name and not any(_never_in_a_name(letter) for letter in name)


def _never_in_a_name(letter: str) -> bool:
    return letter.isspace() or letter < " " or "\ud800" <= letter <= "\udfff"


def _refuse(reason: str, message: str, field: str) -> NoReturn:
    raise NoteError(reason, message, field=field)
