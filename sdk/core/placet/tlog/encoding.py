"""Standard base64 (RFC 4648 section 4) in its one canonical form: with padding, nothing ignored, no stray bits.

Two texts for the same bytes would let a signed note be changed without breaking it; so everything else is refused.
"""

import base64
import binascii

from placet.tlog.errors import EncodingError


def encode_base64(data: bytes) -> str:
    """Return `data` as standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, *, field: str = "base64") -> bytes:
    """Return the bytes of a canonical base64 text; raises EncodingError naming `field`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = None
    if data is None or encode_base64(data) != text:
        raise EncodingError("BASE64", f"{field} is not canonical standard base64; encode it with padding", field=field)
    return data
