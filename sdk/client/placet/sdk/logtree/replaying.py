"""Replays a log from its C2SP tree up to a checkpoint: every entry by the rules, every tile, the root.

Owns reading the bundles in order, comparing each tile with the leaf hashes of the entries, looking older events up
again, and resuming. The judge is `placet.evidence.replay`. Believes nothing but the checkpoint it is given, which its
caller verified under a pinned key: what it reads a second time is proven under that.
"""

from collections import OrderedDict
from typing import Final, NoReturn, Protocol

from placet.evidence.canonical import b64url
from placet.evidence.entries import parse_entry
from placet.evidence.entryview import event_facts
from placet.evidence.errors import ReplayError
from placet.evidence.kinds import State
from placet.evidence.replay import Replay, Saved
from placet.evidence.terms import LeafIndex
from placet.evidence.view import EventFacts
from placet.sdk.logtree.ports import LogTree
from placet.sdk.logtree.reading import node_reader, read_bundle, read_tile
from placet.tlog.checkpoint import Checkpoint
from placet.tlog.errors import TileError
from placet.tlog.hashing import HASH_SIZE, fold, leaf_hash
from placet.tlog.proof import consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from placet.tlog.tilerows import TileRows
from placet.tlog.tiles import TILE_WIDTH, EntryBundle, Tile, TileReader

KEPT_BUNDLES: Final = 256
"""So many bundles of entries stay in memory; a use that names an older event has it read again, and proven."""


class TreeMismatch(ReplayError):
    """What is read is not the tree that the checkpoint commits to: it says something of who serves it, if anything."""


class Watch(Protocol):
    """Whoever looks on while a log is replayed."""

    def moved(self, size: int) -> None:
        """Note that so many entries have been replayed."""

    def due(self) -> bool:
        """Tell whether the replay is to be saved, or to stop, as soon as it can."""

    def save(self, saved: Saved) -> bool:
        """Keep what was replayed; tell whether to go on. `saved` changes as soon as this returns."""


class TreeReplay:
    """One replay of one tree."""

    def __init__(self, tree: LogTree, checkpoint: Checkpoint, *, saved: Saved | None = None) -> None:
        """Begin at entry 0, or after what was saved once it is proven to be of this tree.

        Raises ReplayError, TlogError or a PlacetError if it is not, or if the tree cannot be read.
        """
        self._tree = tree
        self._checkpoint = checkpoint
        self._nodes = node_reader(tree, checkpoint.size)
        self._current: tuple[int, list[bytes]] = (-1, [])
        self._older: OrderedDict[int, list[bytes]] = OrderedDict()
        self._rows = TileRows(self._compare) if saved is None else self._resumed(saved)
        self.replay = Replay(checkpoint.origin, read_event=self._event, saved=saved, tree=self._rows)
        if saved is not None:
            self._require_statuses(saved)

    def go_on(self, checkpoint: Checkpoint) -> None:
        """Have `run` go on to a later checkpoint of the same log, after one that was reached without an error."""
        self._checkpoint = checkpoint
        self._nodes = node_reader(self._tree, checkpoint.size)

    def run(self, watch: Watch) -> bool:
        """Replay up to the checkpoint; False: stopped before, because `watch` said so.

        Raises ReplayError at the first entry that is wrong, TreeMismatch if the tree is another, a PlacetError if it
        cannot be read. After an error begin another replay.
        """
        size = self._checkpoint.size
        while self.replay.size < size:
            index, begin = divmod(self.replay.size, TILE_WIDTH)
            entries = self._bundle(EntryBundle(index=index, width=min(TILE_WIDTH, size - index * TILE_WIDTH)))
            if self._current[1]:
                self._keep(*self._current)
            self._current = (index, entries)
            self._require_known(entries[:begin])
            try:
                if not self._feed(entries[begin:], watch):
                    return False
            except ReplayError as error:
                self._blame(error, index, entries)
            watch.moved(self.replay.size)
        self._finish()
        return True

    def signed_entry(self, index: int) -> bytes:
        """Return the entry that `run` refused at `index`, proven to be the log's own, with all that was taken before.

        Then it is the log that is wrong, whoever served its entries. Raises TlogError, or what `run` raises, if not.
        """
        taken, signed = self.replay.size, self._checkpoint
        proof = consistency_proof(taken, signed.size, self._nodes) if taken else ()
        verify_consistency(taken, self.replay.root(), signed.size, signed.root, proof)
        entry = self._current[1][index % TILE_WIDTH]
        self._prove(leaf_hash(entry), index, signed.size, signed.root, self._nodes)
        return entry

    def _feed(self, entries: list[bytes], watch: Watch) -> bool:
        if not watch.due():
            self.replay.feed_all(entries)
            return True
        for place, entry in enumerate(entries, 1):
            self.replay.feed_all((entry,))
            if self.replay.complete:
                if not watch.save(self.replay.saved()):
                    return False
                self.replay.feed_all(entries[place:])
                break
        return True

    def _finish(self) -> None:
        """Compare what is left at the right edge: the tiles that are not full, and the root."""
        root, size = self.replay.root(), self._checkpoint.size
        for tile, data in self._rows.partial():
            self._compare(tile, data)
        if root != self._checkpoint.root:
            _refuse("ROOT", "root", "the entries give another root than the checkpoint's", size)
        if not self.replay.complete:
            message = "the checkpoint's last entry is not a state"
            raise ReplayError("INCOMPLETE", "checkpoint", message, index=size - 1)

    def _bundle(self, bundle: EntryBundle) -> list[bytes]:
        try:
            return read_bundle(self._tree, bundle)
        except TileError as error:
            message = f"{bundle.path} is no bundle of entries: {error}"
            raise TreeMismatch(error.reason, bundle.path, message, index=bundle.index * TILE_WIDTH) from error

    def _keep(self, index: int, entries: list[bytes]) -> None:
        self._older[index] = entries
        if len(self._older) > KEPT_BUNDLES:
            self._older.popitem(last=False)

    def _compare(self, tile: Tile, data: bytes) -> None:
        """Compare a tile of the tree with the hashes of the entries."""
        try:
            stored = read_tile(self._tree, tile)
        except TileError as error:
            raise TreeMismatch(error.reason, tile.path, str(error), index=_first(tile, 0)) from error
        if stored != data:
            place = next(at for at in range(tile.width) if _hash_at(stored, at) != _hash_at(data, at))
            _refuse("TILE", tile.path, f"hash {place} is not that of the entries below it", _first(tile, place))

    def _blame(self, error: ReplayError, index: int, entries: list[bytes]) -> NoReturn:
        """Raise the error of the entry that was changed: the chain breaks at the one after it, the tile tells."""
        width = min(TILE_WIDTH, self._checkpoint.size - index * TILE_WIDTH)
        if error.reason == "CHAIN" and error.index > index * TILE_WIDTH:
            before = error.index - 1 - index * TILE_WIDTH
            tile = Tile(level=0, index=index, width=width)
            if _hash_at(read_tile(self._tree, tile), before) != leaf_hash(entries[before]):
                message = f"it is not the entry whose hash stands in {tile.path}: it was changed"
                raise TreeMismatch("LEAF_HASH", "entry", message, index=error.index - 1) from error
        raise error

    def _event(self, index: LeafIndex) -> EventFacts | None:
        """Return the facts of an earlier event; None if that is no event."""
        if not 0 <= index < self.replay.size:
            return None
        place = index // TILE_WIDTH
        entries = self._current[1] if place == self._current[0] else self._older.get(place)
        if entries is None:
            entries = self._again(place)
            self._keep(place, entries)
        return event_facts(entries[index % TILE_WIDTH])

    def _again(self, place: int) -> list[bytes]:
        """Return a full bundle that is read again, once all of it is proven under the checkpoint.

        One inclusion proof does: the other hashes of its tile are the lowest part of that proof.
        """
        entries = self._bundle(EntryBundle(index=place))
        leaves = [leaf_hash(entry) for entry in entries]
        tile = Tile(level=0, index=place)
        self._compare(tile, b"".join(leaves))
        known = {tile: b"".join(leaves)}
        nodes = TileReader(self._checkpoint.size, lambda one: known.get(one) or read_tile(self._tree, one))
        self._prove(leaves[0], place * TILE_WIDTH, self._checkpoint.size, self._checkpoint.root, nodes)
        return entries

    def _prove(self, leaf: bytes, index: int, size: int, root: bytes, nodes: TileReader) -> None:
        verify_inclusion(leaf, index, size, inclusion_proof(index, size, nodes), root)

    def _resumed(self, saved: Saved) -> TileRows:
        """Return the rows of what was replayed before, proven to be the beginning of this tree."""
        new = self._checkpoint
        if saved.origin != new.origin:
            _refuse("ORIGIN", "state", f"the state is of another log: {saved.origin}", 0)
        if saved.size > new.size:
            _refuse("ROLLBACK", "checkpoint", f"{saved.size} entries were replayed, now there are {new.size}", new.size)
        rows = TileRows.resume(saved.size, self._nodes, self._compare)
        root = fold(saved.hashes)
        if rows.root() != root:
            _refuse("ROOT", "state", f"the tree's first {saved.size} entries are not those replayed before", saved.size)
        proof = consistency_proof(saved.size, new.size, self._nodes)
        verify_consistency(saved.size, root, new.size, new.root, proof)
        return rows

    def _require_statuses(self, saved: Saved) -> None:
        """Compare the state of the bases with the last state entry that was replayed."""
        place, at = divmod(saved.size - 1, TILE_WIDTH)
        width = min(TILE_WIDTH, self._checkpoint.size - place * TILE_WIDTH)
        last = self._bundle(EntryBundle(index=place, width=width))[at]
        self._prove(leaf_hash(last), saved.size - 1, saved.size, fold(saved.hashes), self._nodes)
        state = parse_entry(last)
        statuses = self.replay.statuses
        expected = (statuses.size, b64url(statuses.root()), saved.t, saved.prev)
        if not isinstance(state, State) or expected != (
            state.bases,
            state.status_root,
            state.t,
            b64url(leaf_hash(last)),
        ):
            _refuse("STATUS_ROOT", "state", "the saved state is not that of the last entry replayed", saved.size - 1)

    def _require_known(self, entries: list[bytes]) -> None:
        """Compare the entries of a bundle that were replayed before with their hashes."""
        if [leaf_hash(entry) for entry in entries] != (self._rows.row(0) if entries else []):
            _refuse("ROOT", "entry", "entries that were replayed before have changed", self.replay.size)


def _refuse(reason: str, field: str, message: str, index: int) -> NoReturn:
    raise TreeMismatch(reason, field, message, index=index)


def _first(tile: Tile, place: int) -> int:
    """Return the first leaf below a hash of a tile."""
    return (tile.index * TILE_WIDTH + place) << (8 * tile.level)


def _hash_at(row: bytes, place: int) -> bytes:
    return row[place * HASH_SIZE : (place + 1) * HASH_SIZE]
