"""What the log answers, as handlers pass it on: one proven entry, and the checkpoint it is proven against.

Owns: `Receipt`, cut out of an append's answer. Never: verifies: the caller does, with a key it pinned (the SDK before
it returns).
"""

from dataclasses import dataclass

from placet.kit.ledger.receipts import Appended


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """An entry (canonical JSON), its leaf hash and inclusion proof (leaf sibling first), and a checkpoint of `size`."""

    index: int
    entry: bytes
    leaf: bytes
    proof: tuple[bytes, ...]
    checkpoint: str
    size: int


def receipt_of(appended: Appended, position: int = 0) -> Receipt:
    """Return the receipt of one submission; raises the typed error if it was refused."""
    one = appended.receipt(position)
    return Receipt(
        index=one.index,
        entry=one.entry,
        leaf=one.leaf,
        proof=tuple(appended.inclusion(one.index)),
        checkpoint=appended.checkpoint,
        size=appended.size,
    )
