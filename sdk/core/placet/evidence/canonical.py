"""The one text of a JSON value: what the log stores and hashes, what digests and commitments are made over.

Keys `[a-z0-9_]+` sorted, no insignificant space, UTF-8, only the escapes that JSON demands, strings in NFC without lone
surrogates, integers in 0..2^53-1, no floats; byte strings are base64url without padding. Never repairs: what has
another text is refused. Permanent (ledger.md section 4, `docs/adr/0002-entry-format.md`).
"""

import base64
import json
import re
from binascii import b2a_base64
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from unicodedata import is_normalized

from placet.evidence.errors import CanonicalError
from placet.evidence.terms import MAX_INT

MAX_DEPTH: Final = 32
"""How deep arrays and objects may nest; the log's own entries need five levels."""
SALT_BYTES: Final = 32
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_KEY = re.compile(r"[a-z0-9_]+")
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def encode(obj: object) -> bytes:
    """Return the canonical form of a value made of None, bool, int, str, list or tuple, and dict.

    Raises CanonicalError, naming the path, for anything that has none.
    """
    require(obj)
    return _encode(obj).encode()


def decode(data: bytes) -> Any:
    """Return the value of a canonical text; arrays become lists.

    Raises CanonicalError unless encoding the value again gives the same bytes.
    """
    try:
        obj = _decode(data.decode())
    except (ValueError, RecursionError) as error:
        raise CanonicalError("json", f"no JSON in UTF-8: {error}") from error
    if encode(obj) != data:
        raise CanonicalError(
            "json", "the JSON is not in canonical form: sort the keys, drop spaces and needless escapes"
        )
    return obj


def require(obj: object, path: str = "", depth: int = 0) -> None:
    """Raise CanonicalError, naming the path, unless the value has a canonical form."""
    if obj is None or isinstance(obj, bool):
        return
    if isinstance(obj, str):
        require_text(obj, path)
    elif isinstance(obj, int):
        if not 0 <= obj <= MAX_INT:
            raise CanonicalError(path or "value", "an integer is 0 to 2^53-1")
    elif depth == MAX_DEPTH:
        raise CanonicalError(path, f"arrays and objects nest at most {MAX_DEPTH} deep")
    elif isinstance(obj, list | tuple):
        for place, item in enumerate(obj):
            require(item, f"{path}[{place}]", depth + 1)
    elif isinstance(obj, dict):
        _require_object(obj, path, depth + 1)
    else:
        raise CanonicalError(path or "value", f"a {type(obj).__name__} has no canonical form")


def require_text(text: str, path: str) -> None:
    """Raise CanonicalError unless a string is in NFC and can be written in UTF-8."""
    if text.isascii():
        return
    if not is_normalized("NFC", text):
        raise CanonicalError(path or "value", "the string is not in Unicode NFC; normalise it first")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise CanonicalError(path or "value", "the string has a lone surrogate; remove it") from error


def b64url(data: bytes) -> str:
    """Return base64url without padding."""
    return b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    """Return the bytes of a base64url text; raises CanonicalError unless it is unpadded and has no stray bits."""
    try:
        data = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        data = None
    if data is None or b64url(data) != text:
        raise CanonicalError("base64url", "a byte string is base64url without padding")
    return data


def commitment(salt: bytes, record: Mapping[str, object]) -> bytes:
    """Return SHA-256(salt || canonical record): binds a record held off-log until salt and record are destroyed.

    `salt` is 32 fresh random bytes, used once. Raises CanonicalError if it is not 32 bytes long.
    """
    if len(salt) != SALT_BYTES:
        raise CanonicalError("salt", f"a salt has {SALT_BYTES} bytes, got {len(salt)}")
    return sha256(salt + encode(dict(record))).digest()


def _require_object(obj: Mapping[object, object], path: str, depth: int) -> None:
    for key, item in obj.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise CanonicalError(f"{path}.{key!r}".lstrip("."), "a key has only a-z, 0-9 and _")
        require(item, f"{path}.{key}" if path else key, depth)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    obj = dict(pairs)
    if len(obj) != len(pairs):
        raise ValueError("an object has the same key twice")
    return obj


def _no_float(text: str) -> object:
    raise ValueError(f"{text} is not an integer")


# Made once: to make a decoder costs as much as to read an entry with it.
_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float).decode
