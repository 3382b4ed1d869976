"""Subject references: how a customer is named to Placet without telling it who that is.

reference = key id || HMAC-SHA256(reference key, "placet/subject-ref/v1\\0" || NFC(customer id)), as in architecture.md
section 2. The key stays with the controller: losing it loses every link, leaking it allows guessing. Keys are shown
redacted and never pickled; a customer id is never kept, logged or put into an error.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NewType, NoReturn
from unicodedata import normalize

from placet.sdk.errors import ConfigError, Invalid

SubjectRef = NewType("SubjectRef", bytes)
"""A subject reference, made by `SubjectReferences.reference`."""

KEY_ID_BYTES: Final = 4
MIN_KEY_BYTES: Final = 16
MAX_CUSTOMER_BYTES: Final = 1_024
_KEY_TAG: Final = b"placet/reference-key/v1\0"
_REFERENCE_TAG: Final = b"placet/subject-ref/v1\0"


class ReferenceKey:
    """One reference key (at least 16 bytes, better 32) with its id: SHA-256(tag || key)[:4]."""

    __slots__ = ("_key", "key_id")

    def __init__(self, key: bytes) -> None:
        if len(key) < MIN_KEY_BYTES:
            raise ConfigError(
                "CONFIG_INVALID",
                f"a reference key has at least {MIN_KEY_BYTES} random bytes, got {len(key)}",
                field="reference_keys",
            )
        self._key = bytes(key)
        self.key_id = sha256(_KEY_TAG + self._key).digest()[:KEY_ID_BYTES]

    def reference(self, customer: str) -> SubjectRef:
        """Return the reference of a customer id under this key; raises Invalid for an empty or oversize id."""
        try:
            name = customer.encode() if customer.isascii() else normalize("NFC", customer).encode()
        except UnicodeEncodeError:
            name = b""
        if not 1 <= len(name) <= MAX_CUSTOMER_BYTES:
            raise Invalid(
                "FIELD_INVALID", f"a customer id has 1 to {MAX_CUSTOMER_BYTES} bytes of Unicode text", field="customer"
            )
        return SubjectRef(self.key_id + hmac.digest(self._key, _REFERENCE_TAG + name, "sha256"))

    def __repr__(self) -> str:
        return f"ReferenceKey({self.key_id.hex()}, <secret>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a reference key is never pickled")


class SubjectReferences:
    """The reference keys of a controller: `current` names new subjects, `former` ones still find the old.

    To rotate: put the new key first and keep the old one among `former` until every consent made under it has ended.
    Until then name such a customer to `authorize` with `reference(customer, key_id=...)`.
    """

    __slots__ = ("_keys", "current")

    def __init__(self, current: bytes | ReferenceKey, former: Iterable[bytes | ReferenceKey] = ()) -> None:
        self.current = _key_of(current)
        self._keys = {self.current.key_id: self.current}
        for key in map(_key_of, former):
            if key.key_id in self._keys:
                raise ConfigError(
                    "CONFIG_INVALID", f"two reference keys have the id {key.key_id.hex()}", field="reference_keys"
                )
            self._keys[key.key_id] = key

    @property
    def key_ids(self) -> tuple[bytes, ...]:
        """The ids of all keys, the current one first."""
        return tuple(self._keys)

    def reference(self, customer: str, *, key_id: bytes | None = None) -> SubjectRef:
        """Return the reference of a customer id under the current key, or the one named.

        Raises Invalid for an unknown `key_id` or a customer id that is empty or too long.
        """
        if key_id is None:
            return self.current.reference(customer)
        key = self._keys.get(key_id)
        if key is None:
            raise Invalid("FIELD_INVALID", f"no reference key has the id {key_id.hex()}", field="key_id")
        return key.reference(customer)

    def references(self, customer: str) -> tuple[SubjectRef, ...]:
        """Return the references of a customer id under every key, the current one first."""
        return tuple(key.reference(customer) for key in self._keys.values())

    def __repr__(self) -> str:
        return f"SubjectReferences({', '.join(key_id.hex() for key_id in self._keys)}, <secret>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("reference keys are never pickled")


def _key_of(key: bytes | ReferenceKey) -> ReferenceKey:
    return key if isinstance(key, ReferenceKey) else ReferenceKey(key)
