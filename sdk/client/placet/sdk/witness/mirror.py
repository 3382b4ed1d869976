"""A copy of a log's entries on disk, as C2SP entry bundles; nobody reads of it what no checkpoint has committed.

Owns fetching, hashing against the checkpoint's root, and reading back in bounded memory: full bundles are files, the
last partial one is kept in memory. What does not hash to the root is thrown away: it says something of the server that
answered, nothing of the log.
"""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

from placet.evidence.entries import parse_entry
from placet.evidence.kinds import Event
from placet.evidence.terms import LeafIndex
from placet.evidence.view import EventFacts
from placet.sdk.errors import ProofError
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.errors import TileError
from placet.tlog.hashing import leaf_hash
from placet.tlog.tiles import TILE_WIDTH, EntryBundle, bundles_for, decode_entries
from placet.tlog.tree import CompactRange

KEPT: Final = 64


class Tiles(Protocol):
    """Where a log's entries are read."""

    def entries(self, bundle: EntryBundle) -> bytes:
        """Return the bytes of an entry bundle; raises PlacetError when it is not to be had."""


class Mirror:
    """The entries of one log, up to the last checkpoint that was followed. For one thread."""

    # Invariant: the entries below `size` are those that a checkpoint of that size commits to.

    def __init__(self, folder: Path, tiles: Tiles) -> None:
        self._folder = folder
        self._tiles = tiles
        self._tree = CompactRange()
        self._tail: list[bytes] = []
        self._kept: OrderedDict[int, list[bytes]] = OrderedDict()

    @property
    def size(self) -> int:
        """How many entries are here."""
        return self._tree.end

    def follow(self, checkpoint: Checkpoint) -> None:
        """Have every entry that the checkpoint commits to; raises PlacetError, and ProofError if others came."""
        tree, tail = self._tree.copy(), self._tail
        for bundle in bundles_for(self.size, checkpoint.size):
            known = tree.end - bundle.index * TILE_WIDTH
            entries = self._bundle(bundle, checkpoint)
            if entries[:known] != tail[:known]:
                raise self._thrown_away(checkpoint, "some had been answered otherwise before")
            tree.extend(leaf_hash(entry) for entry in entries[known:])
            tail = entries
        if tree.root() != checkpoint.root:
            raise self._thrown_away(checkpoint, "they do not hash to its root")
        self._tree = tree
        self._tail = tail if checkpoint.size % TILE_WIDTH else []

    def _bundle(self, bundle: EntryBundle, checkpoint: Checkpoint) -> list[bytes]:
        full, path = bundle.width == TILE_WIDTH, self._folder / bundle.path
        stored = full and path.exists()
        data = path.read_bytes() if stored else self._tiles.entries(bundle)
        try:
            entries = decode_entries(data, bundle.width)
        except TileError as error:
            raise self._thrown_away(checkpoint, str(error)) from None
        if full and not stored:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            part.write_bytes(data)
            part.replace(path)
        return entries

    def _thrown_away(self, checkpoint: Checkpoint, why: str) -> ProofError:
        """Drop what is not verified, so that it is fetched again; return the error that says so."""
        for bundle in bundles_for(self.size // TILE_WIDTH * TILE_WIDTH, checkpoint.size):
            (self._folder / bundle.path).unlink(missing_ok=True)
            self._kept.pop(bundle.index, None)
        message = f"the entries that were answered are not those of the checkpoint of {checkpoint.size}: {why}"
        return ProofError("PROOF_INVALID", message, answered="")

    def entries(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield the entries [begin, end), which must be here."""
        while begin < end:
            bundle = self._read(begin // TILE_WIDTH)
            first = begin // TILE_WIDTH * TILE_WIDTH
            yield from bundle[begin - first : end - first]
            begin = first + TILE_WIDTH

    def event(self, index: LeafIndex) -> EventFacts | None:
        """Return the facts of the event at `index`; None if there is none here."""
        if not 0 <= index < self.size:
            return None
        entry = parse_entry(self._read(index // TILE_WIDTH)[index % TILE_WIDTH])
        return EventFacts.of(entry) if isinstance(entry, Event) else None

    def _read(self, number: int) -> list[bytes]:
        if number == self.size // TILE_WIDTH:
            return self._tail
        found = self._kept.get(number)
        if found is None:
            path = self._folder / EntryBundle(index=number).path
            found = self._kept[number] = decode_entries(path.read_bytes())
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return found
