"""Replaying a log: would the rules have put every entry where it stands?

`readmit` asks that of one entry and a view of what came before: the verifier uses it on the few entries of a bundle.
`Replay` asks it of a whole log, and recomputes the chain, the tree and every status root besides: of what the operator
claims, only clocks and the facts themselves are taken on trust. The rules are `placet.evidence.admission`. What is
frequent goes a quick way (`entryview`, `rejudging`); whatever is not sure to hold goes through `feed`, which decides.
"""

from collections.abc import Iterable
from json import dumps
from typing import Final, NoReturn

from placet.evidence.admission import AlreadyEnded, admit, admit_state
from placet.evidence.canonical import b64url
from placet.evidence.entries import parse_entry, to_json
from placet.evidence.entryview import EventView, OutcomeView, UseView, quick_event, quick_outcome, quick_use
from placet.evidence.errors import AdmissionRefused, EntryError, MissingFact, ReplayError
from placet.evidence.kinds import NO_PREV, Amend, Entry, Event, Grant, Record, State, Withdraw
from placet.evidence.redraft import redraft
from placet.evidence.rejudging import event_stands, use_stands
from placet.evidence.state import LogState, ReadEvent
from placet.evidence.status import NO_HISTORY, Status, StatusTree, fold_history
from placet.evidence.terms import LOG_CREATED, RULES, VERSION, BasisOrdinal, LeafIndex, Micros
from placet.evidence.view import Position, View
from placet.tlog.hashing import leaf_hash
from placet.tlog.tree import CompactRange

HASHED_AT_ONCE: Final = 256
"""How many leaves are hashed into the tree together: quicker than one by one."""


def readmit(entry: Entry, view: View) -> None:
    """Run the rules again on an entry at its own position, with everything before it in the view.

    Of a state this checks what it covers, not its root. Raises ReplayError, with the entry that the rules give instead,
    unless they give this very one.
    """
    try:
        again = _admit_again(entry, view)
    except (AdmissionRefused, MissingFact) as error:
        message = f"the rules refuse this {entry.kind}: {error.message}"
        raise ReplayError(error.reason, error.field, message, index=entry.i) from error
    if isinstance(again, AlreadyEnded):
        message = f"the basis had been withdrawn at entry {again.index} before"
        raise ReplayError("BASIS_ENDED", "withdraw.basis", message, index=entry.i)
    if again != entry:
        _refuse_difference(entry, again)
    if isinstance(entry, Event) and entry.permit is not None and entry.permit.not_after < entry.t:
        raise ReplayError("PERMIT", "event.permit.not_after", "the permit ends before its event", index=entry.i)


def _admit_again(entry: Entry, view: View) -> Entry | AlreadyEnded:
    at = Position(i=entry.i, t=entry.t, prev=entry.prev)
    if isinstance(entry, State):
        return admit_state(at, prev_state=entry.prev_state, bases=entry.bases, status_root=entry.status_root)
    if isinstance(entry, Event):
        return admit(redraft(entry), at, view, decision=entry.decision)
    return admit(redraft(entry), at, view)


def _refuse_difference(entry: Entry, again: Entry) -> NoReturn:
    written, expected = to_json(entry), to_json(again)
    names = [name for name in written if written[name] != expected[name]]
    words = ", ".join(
        f"{name} is {dumps(written[name])} where the rules give {dumps(expected[name])}" for name in names
    )
    raise ReplayError(
        "NOT_BY_THE_RULES", f"{entry.kind}.{names[0]}", f"{words}; the log is wrong", index=entry.i, expected=again
    )


class Replay:
    """A log read from its first entry on; refuses the first entry that is wrong."""

    def __init__(self, origin: str, *, read_event: ReadEvent | None = None) -> None:
        """Begin with the empty log of this name; `read_event` as for `LogState`."""
        self.facts = LogState(origin, read_event=read_event)
        self.statuses = StatusTree()
        self._history: dict[BasisOrdinal, bytes] = {}
        self._root: str | None = None
        self._tree = CompactRange()
        self._leaves: list[bytes] = []
        self._size = 0
        self._prev = NO_PREV
        self._t = Micros(0)
        self._state: LeafIndex | None = None

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
        self._tree.extend(self._leaves)
        self._leaves.clear()
        return self._tree.root()

    def status(self, ordinal: BasisOrdinal) -> Status | None:
        """Return the status of a basis after the entries read; None if none of them granted it."""
        basis = self.facts.basis(ordinal)
        if basis is None:
            return None
        history = self._history.get(ordinal, NO_HISTORY)
        return Status(ordinal=ordinal, granted=basis.granted, ended=basis.ended, history=history)

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
        else:
            view = quick_outcome(data)
            if view is None or not self._is_next(view):
                return False
        self._append(leaf_hash(data), view.t)
        return True

    def _is_next(self, view: EventView | UseView | OutcomeView) -> bool:
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
            self._tree.extend(self._leaves)
            self._leaves.clear()
        self._size += 1
        self._prev = b64url(leaf)
        self._t = t

    def _change(self, ordinal: BasisOrdinal) -> None:
        status = self.status(ordinal)
        if status is not None:
            self.statuses.put(status)
        self._root = None

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
