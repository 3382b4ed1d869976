"""What the log answers, as handlers pass it on: one proven entry, and the checkpoint it is proven against.

Owns: `Receipt`. Never: verifies: the caller does, with a key it pinned (the SDK before it returns).
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """An entry (canonical JSON), its leaf hash and inclusion proof (leaf sibling first), and a checkpoint of `size`."""

    index: int
    entry: bytes
    leaf: bytes
    proof: tuple[bytes, ...]
    checkpoint: str
    size: int
