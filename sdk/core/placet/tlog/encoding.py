"""Standard base64 (RFC 4648 section 4) in its one canonical form: with padding, nothing ignored, no stray bits.

Two texts for the same bytes would let a signed note be changed without breaking it; so everything else is refused.
"""

from binascii import Error, a2b_base64, b2a_base64

from placet.tlog.errors import EncodingError


def encode_base64(data: bytes) -> str:
    """Return `data` as standard base64 with padding."""
    return b2a_base64(data, newline=False).decode("ascii")


def decode_base64(text: str, *, field: str = "base64") -> bytes:
    """Return the bytes of a canonical base64 text; raises EncodingError naming `field`."""
    try:
        written = text.encode("ascii")
        data = a2b_base64(written)
        if b2a_base64(data, newline=False) == written:  # what was ignored or left over shows here
            return data
    except (Error, UnicodeEncodeError):
        pass
    raise EncodingError("BASE64", f"{field} is not canonical standard base64; encode it with padding", field=field)
