"""The hashes of the log: SHA-256 with one prefix byte for leaves and another for nodes (RFC 6962 section 2.1).

All hashes are raw 32-byte `bytes`. The prefixes keep a leaf from ever being taken for a node. Permanent: a change here
would change every root ever signed. Never checks the length of a hash: that is the duty of whoever lets it in.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

PairHash: TypeAlias = Callable[[bytes], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right) of two 32-byte hashes."""
    return sha256(b"\x01" + left + right).digest()


def pair_hash(pair: bytes) -> bytes:
    """Return the node hash of two hashes that already lie side by side (64 bytes)."""
    return sha256(b"\x01" + pair).digest()


def fold(hashes: Sequence[bytes], pair: PairHash = pair_hash) -> bytes:
    """Return the root over perfect subtrees of descending size, given from left to right.

    This is how RFC 6962 builds a tree whose size is no power of two: the smaller subtrees hang on the right.
    No hash at all gives the root of the empty tree.
    """
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = pair(left + root)
    return root
