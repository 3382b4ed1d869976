"""Replaying a log: would the rules have put every entry where it stands?

`Replay` asks that of a whole log (`readmit` of one entry), and recomputes the chain, the tree and every status root
besides: of what the operator claims, only clocks and the facts themselves are taken on trust. The rules are
`placet.evidence.admission`. What is frequent goes a quick way (`entryview`, `rejudging`); whatever is not sure to hold
goes through `feed`, which decides.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NoReturn, Protocol

from placet.evidence.canonical import b64url
from placet.evidence.entries import parse_entry
from placet.evidence.entryview import EventView, OutcomeView, UseView, quick_event, quick_outcome, quick_use
from placet.evidence.errors import EntryError, ReplayError
from placet.evidence.grantview import quick_grant
from placet.evidence.kinds import NO_PREV, Amend, Entry, Grant, Record, State, Withdraw
from placet.evidence.rejudging import event_stands, readmit, use_stands
from placet.evidence.state import Facts, LogState, ReadEvent
from placet.evidence.status import NO_HISTORY, Status, StatusTree, fold_history
from placet.evidence.terms import LOG_CREATED, RULES, VERSION, BasisOrdinal, LeafIndex, Micros, value
from placet.tlog.hashing import leaf_hash
from placet.tlog.tree import CompactRange

__all__ = ("GrowingTree", "Replay", "Saved", "readmit")

HASHED_AT_ONCE: Final = 256
"""How many leaves are hashed into the tree together: quicker than one by one."""


class GrowingTree(Protocol):
    """A tree that leaves are appended to: a `CompactRange` from leaf 0 on, `TileRows`."""

    @property
    def hashes(self) -> Sequence[bytes]:
        """The roots of the perfect subtrees that cover it, from left to right."""

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append leaf hashes in order."""

    def root(self) -> bytes:
        """Return the root over all leaves."""


@value
class Saved:
    """All that a replay needs to go on after its last entry, which is a state. Shares its parts with the replay."""

    origin: str
    size: int
    t: Micros
    prev: str
    hashes: tuple[bytes, ...]
    """Of the compact range over [0, size)."""
    facts: Facts
    histories: dict[BasisOrdinal, bytes]
    """Of the bases that were amended or withdrawn."""


class Replay:
    """A log read from its first entry on; refuses the first entry that is wrong."""

    def __init__(
        self,
        origin: str,
        *,
        read_event: ReadEvent | None = None,
        saved: Saved | None = None,
        tree: GrowingTree | None = None,
    ) -> None:
        """Begin with the empty log of this name, or after what was saved; `read_event` as for `LogState`.

        `tree` is where leaves are appended, if somebody wants to know of them: empty, or as it was when saved. Believes
        what was saved: compare `root` and `statuses` with the log. Raises RangeError if it does not fit together.
        """
        self.facts = LogState(origin, read_event=read_event, facts=None if saved is None else saved.facts)
        self.statuses = StatusTree()
        self._history: dict[BasisOrdinal, bytes] = {}
        self._root: str | None = None
        self._tree: GrowingTree = _range(saved) if tree is None else tree
        self._leaves: list[bytes] = []
        self._size = 0
        self._prev = NO_PREV
        self._t = Micros(0)
        self._state: LeafIndex | None = None
        if saved is not None:
            self._resume(saved)

    def _resume(self, saved: Saved) -> None:
        self._history = saved.histories
        self.statuses = StatusTree.from_leaves(
            self._status_of(BasisOrdinal(at)).leaf() for at in range(self.facts.bases)
        )
        self._size, self._prev, self._t = saved.size, saved.prev, saved.t
        self._state = LeafIndex(saved.size - 1)

    def saved(self) -> Saved:
        """Return what a later replay goes on from: write it down before feeding more.

        Raises ReplayError unless `complete`.
        """
        if not self.complete:
            self._refuse("INCOMPLETE", "state", "only where a state ends can a replay be resumed")
        self._hash()
        return Saved(
            origin=self.facts.origin,
            size=self._size,
            t=self._t,
            prev=self._prev,
            hashes=tuple(self._tree.hashes),
            facts=self.facts.kept,
            histories=self._history,
        )

    @property
    def size(self) -> int:
        """The number of entries read."""
        return self._size

    @property
    def complete(self) -> bool:
        """Whether the last entry read was a state, so that a checkpoint of this size may be signed."""
        return self._state is not None and self._state == self.size - 1

    def root(self) -> bytes:
        """Return the root of the tree of all entries read: compare it with the checkpoint's of the same size."""
        self._hash()
        return self._tree.root()

    def status(self, ordinal: BasisOrdinal) -> Status | None:
        """Return the status of a basis after the entries read; None if none of them granted it."""
        return self._status_of(ordinal) if ordinal in self.facts.kept.bases else None

    def feed_all(self, entries: Iterable[bytes]) -> None:
        """Take the bytes of the next entries; raises ReplayError at the first that is wrong, those before it taken."""
        for data in entries:
            if not self._quickly(data):
                self.feed(data)

    def feed(self, data: bytes) -> Entry:
        """Take the bytes of the next entry; return it, or raise ReplayError and take nothing."""
        try:
            entry = parse_entry(data)
        except EntryError as error:
            raise ReplayError(error.reason, error.field, error.message, index=self.size) from error
        self._require_place(entry)
        self._require_beginning(entry)
        readmit(entry, self.facts)
        if isinstance(entry, State):
            self._require_state(entry)
        self._take(entry, leaf_hash(data))
        return entry

    def _quickly(self, data: bytes) -> bool:
        """Take an ordinary entry that holds; False: nothing was taken, and `feed` has to decide."""
        begin = data[2:6]
        view: EventView | UseView | OutcomeView | None
        if begin == b"basi":
            view = quick_event(data)
            if view is None or not self._is_next(view) or not event_stands(view, self.facts):
                return False
            self.facts.apply_event(view)
        elif begin == b"even":
            view = quick_use(data)
            if view is None or not self._is_next(view) or not use_stands(view, self.facts):
                return False
            self.facts.apply_use(view)
        elif begin == b"base":
            return self._quick_state(data)
        elif begin == b"appr":
            return self._quick_grant(data)
        else:
            view = quick_outcome(data)
            if view is None or not self._is_next(view):
                return False
        self._append(leaf_hash(data), view.t)
        return True

    def _is_next(self, view: EventView | UseView | OutcomeView | Grant) -> bool:
        """Tell whether `_require_place` and `_require_beginning` are sure to accept an entry of such a kind."""
        if view.i != self._size or view.i < 2 or view.prev != self._prev:
            return False
        return view.t == self._t or (view.t > self._t and self.complete)

    def _quick_state(self, data: bytes) -> bool:
        """Take the state that the entries so far give; there is only one, so it is written and compared."""
        i, before = self._size, self._state
        if before is None:
            return False
        expected = (
            f'{{"bases":{self.statuses.size},"covers":[{before + 1},{i}],"i":{i},"kind":"state","prev":"{self._prev}",'
            f'"prev_state":{before},"rules":"{RULES}","status_root":"{self._status_root()}","t":{self._t},'
            f'"v":{VERSION}}}'
        )
        if data != expected.encode():
            return False
        self._state = LeafIndex(i)
        self._append(leaf_hash(data), self._t)
        return True

    def _quick_grant(self, data: bytes) -> bool:
        """Take an ordinary grant; raises ReplayError as `feed` does."""
        grant = quick_grant(data)
        if grant is None or not self._is_next(grant):
            return False
        readmit(grant, self.facts)
        self._take(grant, leaf_hash(data))
        return True

    def _take(self, entry: Entry, leaf: bytes) -> None:
        self.facts.apply(entry)
        if isinstance(entry, Grant):
            self._change(entry.basis)
        elif isinstance(entry, Amend | Withdraw):
            self._history[entry.basis] = fold_history(self._history.get(entry.basis, NO_HISTORY), leaf)
            self._change(entry.basis)
        elif isinstance(entry, State):
            self._state = entry.i
        self._append(leaf, entry.t)

    def _append(self, leaf: bytes, t: Micros) -> None:
        self._leaves.append(leaf)
        if len(self._leaves) == HASHED_AT_ONCE:
            self._hash()
        self._size += 1
        self._prev = b64url(leaf)
        self._t = t

    def _hash(self) -> None:
        self._tree.extend(self._leaves)
        self._leaves.clear()

    def _change(self, ordinal: BasisOrdinal) -> None:
        self.statuses.put(self._status_of(ordinal))
        self._root = None

    def _status_of(self, ordinal: BasisOrdinal) -> Status:
        basis = self.facts.kept.bases[ordinal]
        history = self._history.get(ordinal, NO_HISTORY)
        return Status(ordinal=ordinal, granted=basis.granted, ended=basis.ended, history=history)

    def _status_root(self) -> str:
        if self._root is None:
            self._root = b64url(self.statuses.root())
        return self._root

    def _require_place(self, entry: Entry) -> None:
        if entry.i != self.size:
            self._refuse("INDEX", "i", f"it says {entry.i}")
        if entry.prev != self._prev:
            self._refuse("CHAIN", "prev", "it is not the leaf hash of the entry before: one of the two was changed")
        begins_batch = self.size == 0 or self.complete
        if entry.t < self._t or (entry.t != self._t and not begins_batch):
            self._refuse("TIME", "t", f"{entry.t} after {self._t}: time never goes back, nor on within a batch")

    def _require_beginning(self, entry: Entry) -> None:
        created = isinstance(entry, Record) and entry.type == LOG_CREATED
        if created is not (self.size == 0):
            self._refuse("BEGINNING", "type", f"entry 0, and no other, is the record {LOG_CREATED}")
        if isinstance(entry, Record) and created and entry.data.get("origin") != self.facts.origin:
            self._refuse("ORIGIN", "data.origin", f"this is another log than {self.facts.origin}")
        if self.size == 1 and not isinstance(entry, State):
            self._refuse("BEGINNING", "kind", "entry 1 is a state")

    def _require_state(self, state: State) -> None:
        if state.prev_state != self._state:
            self._refuse("STATE", "prev_state", f"the state before is entry {self._state}")
        if state.bases != self.statuses.size:
            self._refuse("STATE", "bases", f"there are {self.statuses.size} bases")
        if state.status_root != self._status_root():
            self._refuse(
                "STATUS_ROOT", "status_root", "the entries so far give another root: a basis's status is false"
            )

    def _refuse(self, reason: str, field: str, message: str) -> NoReturn:
        raise ReplayError(reason, field, message, index=self.size)


def _range(saved: Saved | None) -> CompactRange:
    return CompactRange() if saved is None else CompactRange.resume(saved.hashes, saved.size)
