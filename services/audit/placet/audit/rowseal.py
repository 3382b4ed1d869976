"""The seal of an idempotency row: what finds a row of that table changed, since nothing else says what it must be.

Entries, tiles and bases can be derived again from the log; an idempotency row cannot: the caller's digest stands
nowhere else. So the column `digest` holds the digest (32 bytes) and the CRC-32 of the whole row (4 bytes, big-endian).
It finds damage, not forgery: whoever can write the table can compute it. Rows of before there were seals have 32 bytes.
"""

from typing import Final
from zlib import crc32

from placet.tlog.hashing import HASH_SIZE

SEALED_SIZE: Final = HASH_SIZE + 4


def sealed(service: str, key: bytes, index: int, digest: bytes) -> bytes:
    """Return what is stored as the digest of this row."""
    row = b"".join((digest, index.to_bytes(8, "big"), key, service.encode()))
    return digest + crc32(row).to_bytes(4, "big")


def opened(service: str, key: bytes, index: int, stored: bytes) -> bytes | None:
    """Return the caller's digest of a stored row, None if the row was changed."""
    digest = stored[:HASH_SIZE]
    return digest if len(stored) == HASH_SIZE or stored == sealed(service, key, index, digest) else None
