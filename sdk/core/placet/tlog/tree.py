"""Trees that grow: the compact range (only the right edge), the level tree (every node, in memory) and covers.

Owns how leaves become perfect subtrees; proofs are `placet.tlog.proof`, storage is `placet.tlog.tiles`. A *node* is
named by (level, index): the root of the perfect subtree of 2**level leaves that starts at leaf index * 2**level.
Follows RFC 6962 section 2.1; the trees are mutable and not safe for use by several threads at once.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, Protocol, Self

from placet.tlog.errors import RangeError
from placet.tlog.hashing import HASH_SIZE, PairHash, fold, pair_hash

MAX_SIZE: Final = 2**63 - 1


class NodeReader(Protocol):
    """Where the nodes of a tree can be read: a level tree, tiles, a table."""

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2**level leaves number `index`; all its leaves must exist."""


def cover(p: int, q: int) -> list[tuple[int, int]]:
    """Return the fewest perfect subtrees that make up the leaves [p, q), from left to right, as (level, index).

    From p on, each is the largest subtree of 2**level leaves that starts there and ends at or before q.
    Raises RangeError unless 0 <= p <= q <= 2**63 - 1.
    """
    if not 0 <= p <= q <= MAX_SIZE:
        raise RangeError("RANGE", f"[{p}, {q}) is no range of leaves; give 0 <= p <= q < 2**63", field="p, q")
    nodes = []
    while p < q:
        level = (q - p).bit_length() - 1
        if p:
            level = min(level, (p & -p).bit_length() - 1)
        nodes.append((level, p >> level))
        p += 1 << level
    return nodes


def subtree_root(begin: int, end: int, reader: NodeReader) -> bytes:
    """Return the RFC 6962 root over the leaves [begin, end), where `begin` starts a subtree that large (0 always does).

    With begin = 0 this is the root of the whole tree of `end` leaves.
    """
    return fold([reader.node(level, index) for level, index in cover(begin, end)])


class CompactRange:
    """The perfect subtrees that cover the leaves [begin, end): all that is needed to append and to know the root.

    Holds at most about 2 * log2(end - begin) hashes. Takes hashes as they come: check the length of foreign ones first.
    With begin = 256 * N and 256 leaves appended, its only hash is the root of tile N, ready for the level above.
    """

    __slots__ = ("begin", "end", "hashes")

    # Invariant: `hashes` are the nodes cover(begin, end), from left to right.

    def __init__(self, begin: int = 0) -> None:
        self.begin = begin
        self.end = begin
        self.hashes: list[bytes] = []

    @classmethod
    def resume(cls, hashes: Iterable[bytes], end: int, *, begin: int = 0) -> Self:
        """Return the range over [begin, end) whose nodes cover(begin, end) are known.

        Raises RangeError if the number of hashes is not that of the cover.
        """
        resumed = cls(begin)
        resumed.hashes.extend(hashes)
        expected = len(cover(begin, end))
        if len(resumed.hashes) != expected:
            message = f"[{begin}, {end}) is covered by {expected} nodes, got {len(resumed.hashes)}"
            raise RangeError("HASH_COUNT", message, field="hashes")
        resumed.end = end
        return resumed

    def append(self, leaf: bytes) -> None:
        """Append one leaf hash (32 bytes)."""
        hashes = self.hashes
        end = self.end
        self.end = end + 1
        pairs = end & _mergeable(self.begin, end + 1) if self.begin else end
        while pairs & 1:
            leaf = sha256(b"\x01" + hashes.pop() + leaf).digest()
            pairs >>= 1
        hashes.append(leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes in order; faster than `append` one by one."""
        if self.begin:
            for leaf in leaves:
                self.append(leaf)
            return
        end = self.end
        pop, push = self.hashes.pop, self.hashes.append
        for leaf in leaves:
            pairs = end
            while pairs & 1:
                leaf = sha256(b"\x01" + pop() + leaf).digest()
                pairs >>= 1
            push(leaf)
            end += 1
        self.end = end

    def append_subtree(self, level: int, root: bytes) -> None:
        """Append the root of a perfect subtree of 2**level leaves.

        Raises RangeError if such a subtree cannot start at `end`.
        """
        if level < 0 or self.end % (1 << level):
            raise RangeError("LEVEL", f"no subtree of level {level} starts at leaf {self.end}", field="level")
        end = self.end + (1 << level)
        pairs = (self.end & _mergeable(self.begin, end)) >> level
        while pairs & 1:
            root = pair_hash(self.hashes.pop() + root)
            pairs >>= 1
        self.hashes.append(root)
        self.end = end

    def root(self) -> bytes:
        """Return the root of the tree of `end` leaves; raises RangeError if the range does not begin at 0."""
        if self.begin:
            raise RangeError("BEGIN", f"a range that begins at {self.begin} has no root; begin at 0", field="begin")
        return fold(self.hashes)

    def copy(self) -> Self:
        """Return an independent copy: append to it and drop it, and this one is as before."""
        twin = type(self)(self.begin)
        twin.end = self.end
        twin.hashes = self.hashes.copy()
        return twin


def _mergeable(begin: int, end: int) -> int:
    """Return the mask of the levels at which a subtree that ends at `end` may swallow its left sibling.

    The merged subtree has 2**(level + 1) leaves and must not reach back before `begin`.
    """
    return (1 << ((end - begin).bit_length() - 1)) - 1


class LevelTree:
    """A whole tree in memory, one bytearray a level, whose leaves may be changed (the status tree is one).

    Costs 64 bytes a leaf and what bytearray reserves ahead (an eighth at most). A change costs at most log2(size)
    hashes, a root at most log2(size) more. `pair` is replaceable so that tests can count.
    """

    __slots__ = ("_levels", "_pair")

    # Invariant: level k holds the size >> k roots of perfect subtrees of 2**k leaves, and nothing of the ragged edge.

    def __init__(self, *, pair: PairHash = pair_hash) -> None:
        self._pair = pair
        self._levels = [bytearray()]

    @classmethod
    def from_leaves(cls, leaves: bytes, *, pair: PairHash = pair_hash) -> Self:
        """Return the tree over leaf hashes laid end to end (32 bytes each): the quick way to rebuild one."""
        if len(leaves) % HASH_SIZE:
            raise RangeError("HASH_LENGTH", f"{len(leaves)} bytes are no row of 32-byte hashes", field="leaves")
        tree = cls(pair=pair)
        row = bytearray(leaves)
        tree._levels = [row]
        while len(row) >= 2 * HASH_SIZE:
            pairs = range(0, len(row) - HASH_SIZE, 2 * HASH_SIZE)
            row = bytearray().join([pair(bytes(row[at : at + 2 * HASH_SIZE])) for at in pairs])
            tree._levels.append(row)
        return tree

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH_SIZE

    def append(self, leaf: bytes) -> None:
        """Append one leaf hash; raises RangeError if it is not 32 bytes."""
        _require_hash(leaf)
        index = self.size
        self._levels[0] += leaf
        level = 0
        while index & 1:
            parent = self._parent(level, index >> 1)
            level, index = level + 1, index >> 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += parent

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes in order, a level at a time; faster than `append` one by one.

        Raises RangeError, with nothing appended, if one is not 32 bytes.
        """
        for leaf in leaves:
            _require_hash(leaf)
        levels, pair, level = self._levels, self._pair, 0
        levels[0] += b"".join(leaves)
        while (count := len(levels[level]) // (2 * HASH_SIZE)) > 0:
            below, level = levels[level], level + 1
            if level == len(levels):
                levels.append(bytearray())
            done = len(levels[level]) // HASH_SIZE
            if done == count:
                return
            starts = range(done * 2 * HASH_SIZE, count * 2 * HASH_SIZE, 2 * HASH_SIZE)
            levels[level] += b"".join([pair(bytes(below[at : at + 2 * HASH_SIZE])) for at in starts])

    def edge(self) -> list[bytes]:
        """Return the roots of the perfect subtrees that make up the tree, cover(0, size), from left to right."""
        size = self.size
        return [bytes(row[-HASH_SIZE:]) for k, row in reversed(list(enumerate(self._levels))) if size >> k & 1]

    def row(self, level: int, begin: int, end: int) -> bytes:
        """Return the nodes [begin, end) of a level laid end to end; raises RangeError if they are not all there."""
        if begin < end:
            self._require_node(level, begin)
            self._require_node(level, end - 1)
        return bytes(self._levels[level][begin * HASH_SIZE : end * HASH_SIZE])

    def update(self, index: int, leaf: bytes) -> None:
        """Replace the leaf hash at `index`; raises RangeError if there is none or the hash is not 32 bytes."""
        _require_hash(leaf)
        self._require_node(0, index)
        self._levels[0][index * HASH_SIZE : (index + 1) * HASH_SIZE] = leaf
        for level in range(1, len(self._levels)):
            index >>= 1
            row = self._levels[level]
            if index * HASH_SIZE >= len(row):
                break
            row[index * HASH_SIZE : (index + 1) * HASH_SIZE] = self._parent(level - 1, index)

    def truncate(self, size: int) -> None:
        """Forget all leaves from `size` on: undoes appends that were never committed."""
        if not 0 <= size <= self.size:
            raise RangeError("SIZE", f"a tree of {self.size} leaves cannot be cut to {size}", field="size")
        for level, row in enumerate(self._levels):
            del row[(size >> level) * HASH_SIZE :]

    def node(self, level: int, index: int) -> bytes:
        """Return the root of perfect subtree number `index` of 2**level leaves; raises RangeError if there is none."""
        self._require_node(level, index)
        return bytes(self._levels[level][index * HASH_SIZE : (index + 1) * HASH_SIZE])

    def root(self) -> bytes:
        """Return the RFC 6962 root over all leaves."""
        return fold(self.edge(), self._pair)

    def _parent(self, level: int, index: int) -> bytes:
        return self._pair(bytes(self._levels[level][index * 2 * HASH_SIZE : (index + 1) * 2 * HASH_SIZE]))

    def _require_node(self, level: int, index: int) -> None:
        if not (0 <= level < len(self._levels) and 0 <= index < len(self._levels[level]) // HASH_SIZE):
            raise RangeError(
                "NODE", f"a tree of {self.size} leaves has no node {index} at level {level}", field="level, index"
            )


def _require_hash(leaf: bytes) -> None:
    if len(leaf) != HASH_SIZE:
        raise RangeError("HASH_LENGTH", f"a leaf hash has 32 bytes, got {len(leaf)}", field="leaf")
