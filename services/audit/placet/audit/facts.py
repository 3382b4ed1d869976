"""The sequencer's view of its log: what the admission rules ask, read from the journal when first asked and kept.

Implements `placet.evidence.view.View`. Bulk loads for a group, single loads for the rest; everything that a group
appends is applied here at once, so later entries of the group see it. Never undoes: after a failed commit it is
thrown away. Bounded: what has not been asked for lately is dropped between groups and read again when needed.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from placet.audit.errors import Corrupt
from placet.audit.model import StoredBasis
from placet.audit.ports import Journal
from placet.evidence.entries import Amend, Decision, Event, Grant, Record, Use, Withdraw, parse_entry
from placet.evidence.errors import MissingFact
from placet.evidence.kinds import Entry
from placet.evidence.status import Status
from placet.evidence.terms import BasisOrdinal, LeafIndex, Verdict
from placet.evidence.view import Basis, DecisionFacts, EventFacts

KEPT: Final = 100_000
APPROVED: Final = "permission.approved"

K = TypeVar("K")
V = TypeVar("V")


class Facts:
    """The facts of one log before the position that is being decided."""

    def __init__(self, journal: Journal, origin: str, bases: int) -> None:
        self.origin = origin
        self.bases = bases
        self._journal = journal
        self._basis: dict[int, Basis] = {}
        self._stored: dict[int, StoredBasis] = {}
        self._decision: dict[int, DecisionFacts] = {}
        self._event: dict[int, EventFacts] = {}
        self._uses: dict[int, int] = {}
        self._digest: dict[bytes, int] = {}
        self.changed: dict[int, StoredBasis] = {}
        self._first = 0
        self._pending: Sequence[bytes] = ()

    def begin(self, first: int, pending: Sequence[bytes]) -> None:
        """Begin a group whose entries, from index `first` on, are collected in `pending` (they are read from there).

        Nothing has changed yet, and what was not used lately may go.
        """
        self._first, self._pending = first, pending
        self.changed = {}
        _trim(self._basis)
        _trim(self._stored)
        _trim(self._decision)
        _trim(self._event)
        _trim(self._uses)
        _trim(self._digest)

    # What the rules ask.

    def basis(self, ordinal: BasisOrdinal) -> Basis | None:
        """Return the basis with this ordinal, ended or not; None if there is none yet."""
        found = self._basis.get(ordinal)
        if found is None and 0 <= ordinal < self.bases:
            self.load_bases([ordinal])
            found = self._basis.get(ordinal)
        return found

    def decision(self, index: LeafIndex) -> DecisionFacts:
        """Return the facts of the decision at `index`; raises MissingFact if that is no earlier decision."""
        found = self._decision.get(index)
        if found is None:
            entry = self._entry(index)
            if not isinstance(entry, Decision):
                raise MissingFact(f"decision {index}", "there is no earlier decision at that index")
            found = self._decision[index] = DecisionFacts.of(entry)
        return found

    def event(self, index: LeafIndex) -> EventFacts | None:
        """Return the facts of the event at `index`; None if that is no earlier event."""
        found = self._event.get(index)
        if found is None:
            entry = self._entry(index)
            if not isinstance(entry, Event):
                return None
            found = self._event[index] = EventFacts.of(entry)
        return found

    def approval(self, index: LeafIndex) -> Record | None:
        """Return the `permission.approved` record at `index`; None if that is no earlier one."""
        entry = self._entry(index)
        return entry if isinstance(entry, Record) and entry.type == APPROVED else None

    def allowed_events(self, ordinal: BasisOrdinal) -> int:
        """Return how many allowed events stand under the basis; only asked, and only counted, where it is limited."""
        return self._stored[ordinal].events

    def allowed_uses(self, event: LeafIndex) -> int:
        """Return how many allowed uses the event has."""
        if event not in self._uses:
            self._uses[event] = self._journal.allowed_uses([event]).get(event, 0)
        return self._uses[event]

    # What the sequencer asks.

    def decision_index(self, digest: bytes) -> int | None:
        """Return where the decision of this content stands, None if it is new."""
        index = self._digest.get(digest)
        if index is None:
            index = self._journal.decisions([digest]).get(digest)
            if index is not None:
                self._digest[digest] = index
        return index

    def load_bases(self, ordinals: Iterable[int]) -> None:
        """Read the bases that are not in memory, and the guardianships they need."""
        missing = [ordinal for ordinal in set(ordinals) if ordinal not in self._basis and 0 <= ordinal < self.bases]
        if not missing:
            return
        stored = self._journal.bases(missing)
        changes = self._journal.changes(missing)
        indexes = [basis.granted for basis in stored.values()]
        indexes.extend(index for some in changes.values() for index in some)
        entries = self._journal.entries(indexes)
        for ordinal, row in stored.items():
            self._stored[ordinal] = row
            self._basis[ordinal] = _basis(row, [entries[index] for index in (row.granted, *changes.get(ordinal, ()))])
        self.load_bases(needed for ordinal in stored for needed in self._basis[ordinal].needs)

    # What the group has appended.

    def apply(self, entry: Entry, leaf: bytes) -> Status | None:
        """Take an appended entry into account; return the status of the basis that it changed, if it did."""
        if isinstance(entry, Event):
            if entry.verdict == Verdict.ALLOW:
                self.count_allowed(entry.basis)
            return None
        if isinstance(entry, Use):
            if entry.event is not None and entry.verdict == Verdict.ALLOW:
                self._uses[entry.event] = self.allowed_uses(entry.event) + 1
            return None
        if isinstance(entry, Decision):
            self._decision[entry.i] = DecisionFacts.of(entry)
            return None
        if isinstance(entry, Grant | Amend | Withdraw):
            return self._apply_change(entry, leaf)
        return None

    def remember_decision(self, digest: bytes, index: int) -> None:
        """Remember where the decision of this content stands."""
        self._digest[digest] = index

    def count_allowed(self, ordinal: BasisOrdinal | None) -> None:
        """Take in that an allowed event stands under a basis: counted only where it is limited."""
        basis = None if ordinal is None else self._basis.get(ordinal)
        if basis is not None and basis.max_events is not None:
            stored = self._stored[basis.ordinal]
            self._store(stored, events=stored.events + 1)

    def _apply_change(self, entry: Grant | Amend | Withdraw, leaf: bytes) -> Status:
        ordinal = entry.basis
        if isinstance(entry, Grant):
            status = Status.at_grant(ordinal, entry.i)
            self._basis[ordinal] = Basis.of(entry)
            self.bases += 1
            stored = StoredBasis(ordinal=ordinal, granted=entry.i, ended=None, history=status.history, events=0)
        else:
            stored = self._stored[ordinal]
            status = _status(stored)
            if isinstance(entry, Amend):
                status = status.amended(leaf)
                self._basis[ordinal] = self._basis[ordinal].narrowed(entry)
            else:
                status = status.withdrawn(leaf, entry.i)
                self._basis[ordinal] = self._basis[ordinal].withdrawn(entry.i)
        self._store(stored, ended=status.ended, history=status.history)
        return status

    def _store(
        self, stored: StoredBasis, *, ended: int | None = None, history: bytes | None = None, events: int | None = None
    ) -> None:
        changed = StoredBasis(
            ordinal=stored.ordinal,
            granted=stored.granted,
            ended=stored.ended if ended is None else ended,
            history=stored.history if history is None else history,
            events=stored.events if events is None else events,
        )
        self._stored[stored.ordinal] = self.changed[stored.ordinal] = changed

    def _entry(self, index: int) -> Entry | None:
        place = index - self._first
        if 0 <= place < len(self._pending):
            return parse_entry(self._pending[place])
        # Also what lies beyond: of a log that has another holder by now, whose head then stops this group.
        body = self._journal.entries([index]).get(index)
        return None if body is None else parse_entry(body)


def _basis(row: StoredBasis, entries: list[bytes]) -> Basis:
    grant, *changes = map(parse_entry, entries)
    if not isinstance(grant, Grant) or grant.basis != row.ordinal:
        raise Corrupt(f"entry {row.granted} is not the grant of basis {row.ordinal}")
    basis = Basis.of(grant)
    for change in changes:
        if isinstance(change, Amend):
            basis = basis.narrowed(change)
        elif isinstance(change, Withdraw):
            basis = basis.withdrawn(change.i)
    return basis


def _status(stored: StoredBasis) -> Status:
    return Status(
        ordinal=BasisOrdinal(stored.ordinal),
        granted=LeafIndex(stored.granted),
        ended=None if stored.ended is None else LeafIndex(stored.ended),
        history=stored.history,
    )


def _trim(kept: dict[K, V]) -> None:
    """Drop the older half of what is kept, by insertion, once there is too much of it."""
    if len(kept) > KEPT:
        for key in list(kept)[: len(kept) // 2]:
            del kept[key]
