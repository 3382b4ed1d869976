"""One log at one checkpoint, for everything that is proven to readers: entries, bundles, consistency, tiles.

A `Snapshot` answers for exactly the head it was made at (it is the `EvidenceReader` of `placet.evidence.building`).
The holder of a log takes one from its sequencer's memory; any other replica reads stored tiles (`stored.py`). Reads are
by primary key; nothing here writes. Used on the thread of the sequencer, between groups.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from placet.audit.errors import Corrupt, NotInLog
from placet.audit.model import Cosigned, Head, Log
from placet.audit.past import PastStatus, leaves_before
from placet.audit.store import SqlJournal
from placet.evidence.building import build_bundle, build_status
from placet.evidence.bundle import ProvenStatus, format_evidence
from placet.evidence.canonical import b64url
from placet.evidence.entries import parse_entry
from placet.evidence.errors import EvidenceError
from placet.evidence.kinds import State
from placet.evidence.terms import BasisOrdinal, LeafIndex
from placet.kit.db.engine import Engines
from placet.kit.errors import Invalid
from placet.tlog.errors import TileError
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import consistency_proof, inclusion_proof
from placet.tlog.tiles import EntryBundle, Tile, encode_entries, encode_tile, parse_tile_path
from placet.tlog.tree import NodeReader, subtree_root

EXPORT_PAGE: Final = 500
# So many amends and withdraws may follow an earlier checkpoint for evidence still to be made under it.
CHANGED: Final = 2_048


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed checkpoint."""

    note: str
    size: int


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry and its inclusion proof."""

    index: int
    entry: bytes
    leaf: bytes
    proof: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Consistency:
    """A proof that the tree of `old_size` entries begins that of `new_size`, whose root is `new_root`."""

    old_size: int
    new_size: int
    new_root: bytes
    hashes: Sequence[bytes]


class StatusReader(Protocol):
    """The status tree of one checkpoint."""

    def node(self, level: int, index: int) -> bytes:
        """Return the root of the perfect subtree of 2**level leaves number `index`."""

    def proof(self, ordinal: BasisOrdinal) -> list[bytes]:
        """Return the inclusion proof of a basis, leaf sibling first."""


class Snapshot:
    """A log as its checkpoint of `head` commits it."""

    def __init__(
        self, log: Log, head: Head, note: str, nodes: NodeReader, status: StatusReader, engines: Engines
    ) -> None:
        self.log = log
        self.signed = Signed(note, head.size)
        self._head = head
        self._nodes = nodes
        self._status = status
        self._engines = engines
        self._journal = SqlJournal(engines, log, epoch=-1)

    @property
    def checkpoint(self) -> str:
        """The signed note."""
        return self.signed.note

    @property
    def size(self) -> int:
        """The tree size of the checkpoint."""
        return self._head.size

    def published(self, cosigned: Cosigned | None, *, seen: int = 0) -> Signed:
        """Return the checkpoint that readers get: the cosigned one, unless there is none or its reader saw more."""
        if cosigned is None or not seen <= cosigned.size <= self.size:
            return self.signed
        return Signed(cosigned.note, cosigned.size)

    def root_at(self, size: int) -> bytes:
        """Return the root of the tree of the first `size` entries, at most this checkpoint's."""
        return subtree_root(0, size, self._nodes)

    def under(self, cosigned: Cosigned | None) -> "Snapshot":
        """Return the log as an earlier checkpoint of it committed it, proven under that note.

        Itself for None, and when more was changed since than can be put back in a moment. Raises Corrupt.
        """
        if cosigned is None or cosigned.size == self.size:
            note = self.checkpoint if cosigned is None else cosigned.note
            return Snapshot(self.log, self._head, note, self._nodes, self._status, self._engines)
        state = parse_entry(self.entry(LeafIndex(cosigned.size - 1)))
        assert isinstance(state, State)  # the log signs nothing else
        changed = self._journal.changed_since(cosigned.size, CHANGED + 1)
        if len(changed) > CHANGED:
            return self
        ordinals = sorted({ordinal for ordinal in changed if ordinal < state.bases})
        status = PastStatus(self._status, state.bases, leaves_before(self._journal, cosigned.size, ordinals))
        if b64url(status.root()) != state.status_root:
            raise Corrupt(f"the bases do not give the status root of entry {cosigned.size - 1}")
        head = Head(size=cosigned.size, state=cosigned.size - 1, bases=state.bases, status_root=status.root())
        return Snapshot(self.log, head, cosigned.note, self._nodes, status, self._engines)

    def entry(self, index: LeafIndex) -> bytes:
        """Return the bytes of an entry; raises NotInLog."""
        body = self._journal.entries([index]).get(index) if 0 <= index < self.size else None
        if body is None:
            raise NotInLog("index", index, self.size)
        return body

    def inclusion(self, index: LeafIndex) -> Sequence[bytes]:
        """Return the inclusion proof of an entry."""
        return inclusion_proof(index, self.size, self._nodes)

    def granted(self, ordinal: BasisOrdinal) -> LeafIndex:
        """Return the index of a basis's grant."""
        return LeafIndex(self._journal.bases([ordinal])[ordinal].granted)

    def changes(self, ordinal: BasisOrdinal) -> Sequence[LeafIndex]:
        """Return the indexes of a basis's amends and withdraw, ascending."""
        return [LeafIndex(index) for index in self._journal.changes([ordinal]).get(ordinal, ()) if index < self.size]

    def status_proof(self, ordinal: BasisOrdinal) -> Sequence[bytes]:
        """Return the inclusion proof of a basis in the status tree."""
        return self._status.proof(ordinal)

    def uses(self, event: LeafIndex) -> Sequence[LeafIndex]:
        """Return the indexes of the uses of an event, ascending."""
        return [LeafIndex(index) for index in self._journal.uses(event) if index < self.size]

    def prove(self, index: int) -> Proven:
        """Return an entry with its proof; raises NotInLog."""
        entry = self.entry(LeafIndex(index))
        return Proven(index, entry, leaf_hash(entry), self.inclusion(LeafIndex(index)))

    def bundle(self, event: int) -> bytes:
        """Return the placet.bundle/1 of an event as JSON; raises NotInLog, or Invalid if the entry is no event."""
        try:
            return format_evidence(build_bundle(self, LeafIndex(event))).encode()
        except EvidenceError as error:
            raise Invalid("event", error.message) from None

    def status(self, ordinal: int) -> ProvenStatus | None:
        """Return the status of a basis, proven against the last state entry; None if there is no such basis."""
        return build_status(self, BasisOrdinal(ordinal)) if ordinal < self._head.bases else None

    def consistency(self, old: int, new: int) -> Consistency:
        """Return the proof from one size to another, at most this checkpoint's; raises Invalid naming the field."""
        if new > self.size:
            raise Invalid("new_size", f"the log has {self.size} entries, fewer than {new}")
        if old > new:
            raise Invalid("old_size", f"{old} is beyond the tree of {new} entries")
        hashes = consistency_proof(old, new, self._nodes)
        return Consistency(old, new, subtree_root(0, new, self._nodes), hashes)

    def entries(self, begin: int, end: int) -> Iterator[tuple[int, list[bytes]]]:
        """Yield (first index, entries) of [begin, end) in order, a page at a time."""
        for first in range(begin, end, EXPORT_PAGE):
            yield first, self.page(first, min(end, first + EXPORT_PAGE))

    def entries_at(self, indexes: Sequence[int]) -> Mapping[int, bytes]:
        """Return the entries at these indexes."""
        return self._journal.entries(indexes)

    def page(self, begin: int, end: int) -> list[bytes]:
        """Return the entries [begin, end)."""
        return self._journal.page(begin, end)

    def tile(self, path: str, cosigned: Cosigned | None = None) -> tuple[bytes, bool]:
        """Return the content of a C2SP path and whether it never changes; raises Invalid or NotInLog."""
        if path == "checkpoint":
            return self.published(cosigned).note.encode(), False
        try:
            asked = parse_tile_path(path)
        except TileError as error:
            raise Invalid("path", str(error)) from None
        if isinstance(asked, EntryBundle):
            return self._entry_bundle(asked), True
        return self._tile(asked), True

    def _tile(self, asked: Tile) -> bytes:
        width = self.size >> (8 * asked.level)
        if asked.index * 256 + asked.width > width:
            raise NotInLog("path", asked.index * 256 + asked.width - 1, width)
        return encode_tile(asked, self._nodes)

    def _entry_bundle(self, asked: EntryBundle) -> bytes:
        begin = asked.index * 256
        if begin + asked.width > self.size:
            raise NotInLog("path", begin + asked.width - 1, self.size)
        return encode_entries(self.page(begin, begin + asked.width))
