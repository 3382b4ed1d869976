"""The status tree: one leaf a basis, the interval of log positions in which it stood (ledger.md section 5).

Owns the status leaf hash, the folding of a basis's history, and the tree over all of them. A leaf changes with each
amend and with the withdraw of its basis, never with an event; a change costs about 2 * log2(bases) hashes with its new
root. Permanent: `docs/adr/0002-entry-format.md`. Not safe for use by several threads at once.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Self

from placet.evidence.errors import FieldError
from placet.evidence.terms import BasisOrdinal, LeafIndex, value
from placet.tlog.hashing import PairHash, pair_hash
from placet.tlog.proof import inclusion_proof
from placet.tlog.tree import LevelTree

STATUS_TAG: Final = b"\x00placet/status/v1"
ACTIVE: Final = 2**64 - 1
"""What stands for the index of the withdraw while there is none."""
NO_HISTORY: Final = bytes(32)


def status_leaf(ordinal: int, granted: int, ended: int | None, history: bytes) -> bytes:
    """Return the leaf hash of a basis; it *is* the leaf hash, not hashed again.

    SHA-256(0x00 || "placet/status/v1" || u64 ordinal || u64 granted || u64 ended || history), big-endian.
    """
    end = ACTIVE if ended is None else ended
    numbers = ordinal.to_bytes(8, "big") + granted.to_bytes(8, "big") + end.to_bytes(8, "big")
    return sha256(STATUS_TAG + numbers + history).digest()


def fold_history(history: bytes, leaf: bytes) -> bytes:
    """Return SHA-256(history || leaf hash of an amend or withdraw)."""
    return sha256(history + leaf).digest()


@value
class Status:
    """The status of one basis."""

    ordinal: BasisOrdinal
    granted: LeafIndex
    ended: LeafIndex | None
    history: bytes

    @classmethod
    def at_grant(cls, ordinal: BasisOrdinal, granted: LeafIndex) -> "Status":
        """Return the status of a basis that was just granted."""
        return cls(ordinal=ordinal, granted=granted, ended=None, history=NO_HISTORY)

    def amended(self, leaf: bytes) -> "Status":
        """Return the status after an amend with this leaf hash."""
        return Status(
            ordinal=self.ordinal, granted=self.granted, ended=self.ended, history=fold_history(self.history, leaf)
        )

    def withdrawn(self, leaf: bytes, index: LeafIndex) -> "Status":
        """Return the status after the withdraw with this leaf hash at `index`."""
        return Status(ordinal=self.ordinal, granted=self.granted, ended=index, history=fold_history(self.history, leaf))

    def leaf(self) -> bytes:
        """Return the status leaf hash."""
        return status_leaf(self.ordinal, self.granted, self.ended, self.history)


class StatusTree:
    """The tree over the status leaf hashes of all bases, by ordinal; all nodes in memory, about 64 bytes a basis."""

    __slots__ = ("_tree",)

    def __init__(self, *, pair: PairHash = pair_hash) -> None:
        self._tree = LevelTree(pair=pair)

    @classmethod
    def from_leaves(cls, leaves: bytes | Iterable[bytes], *, pair: PairHash = pair_hash) -> Self:
        """Return the tree of these status leaf hashes, in the order of their ordinals: the quick way to rebuild one."""
        joined = leaves if isinstance(leaves, bytes) else b"".join(leaves)
        made = cls()
        made._tree = LevelTree.from_leaves(joined, pair=pair)
        return made

    @property
    def size(self) -> int:
        """The number of bases."""
        return self._tree.size

    def put(self, status: Status) -> None:
        """Set the leaf of a basis, or append that of the next one; raises FieldError for an ordinal beyond that."""
        if status.ordinal == self.size:
            self._tree.append(status.leaf())
        elif status.ordinal < self.size:
            self._tree.update(status.ordinal, status.leaf())
        else:
            raise FieldError("status.ordinal", f"the next basis is {self.size}, not {status.ordinal}")

    def truncate(self, size: int) -> None:
        """Forget the bases from `size` on: undoes grants that were never committed."""
        self._tree.truncate(size)

    def root(self) -> bytes:
        """Return the status root: that of RFC 6962 over all leaf hashes, SHA-256 of nothing when there is no basis."""
        return self._tree.root()

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2**level leaves number `index` (`NodeReader`)."""
        return self._tree.node(level, index)

    def proof(self, ordinal: BasisOrdinal) -> list[bytes]:
        """Return the inclusion proof of a basis in the tree as it is, leaf sibling first."""
        return inclusion_proof(ordinal, self.size, self._tree)
