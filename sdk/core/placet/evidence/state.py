"""Everything that the rules may ask about a log, in memory, kept up to date entry by entry.

Owns the complete `View`: bases with their amends applied, decisions, approvals, events and the two counts. Believes
what it is given: whether an entry belongs in the log is for `placet.evidence.replay` to check. Entries may be left out,
as a bundle does; then the counts and facts are only those of the entries applied.
"""

from collections.abc import Callable
from typing import TypeAlias

from placet.evidence.approvals import APPROVED
from placet.evidence.entryview import EventView, UseView
from placet.evidence.errors import MissingFact
from placet.evidence.kinds import Amend, Decision, Entry, Event, Grant, Record, Use, Withdraw
from placet.evidence.terms import BasisOrdinal, LeafIndex, Verdict, value
from placet.evidence.usecounts import UseCounts
from placet.evidence.view import Basis, DecisionFacts, EventFacts

ReadEvent: TypeAlias = Callable[[LeafIndex], EventFacts | None]


@value
class Facts:
    """What is kept of the entries of a log; it grows with bases, decisions and used events, not with entries."""

    bases: dict[BasisOrdinal, Basis]
    decisions: dict[LeafIndex, DecisionFacts]
    approvals: dict[LeafIndex, Record]
    allowed_events: dict[BasisOrdinal, int]
    allowed_uses: UseCounts

    @classmethod
    def none(cls) -> "Facts":
        """Return the facts of an empty log."""
        return cls(bases={}, decisions={}, approvals={}, allowed_events={}, allowed_uses=UseCounts())


class LogState:
    """The facts of a log after the entries applied so far."""

    def __init__(self, origin: str, *, read_event: ReadEvent | None = None, facts: Facts | None = None) -> None:
        """Make the state of an empty log, or of the one that `facts` are of.

        `read_event` looks an *earlier* event up elsewhere (a database, say), so that millions need not be kept here.
        """
        self.origin = origin
        self.kept = Facts.none() if facts is None else facts
        self.bases = len(self.kept.bases)
        self._event: dict[LeafIndex, EventFacts] = {}
        self._keeps_events = read_event is None
        self._read_event: ReadEvent = read_event or self._event.get
        self._basis = self.kept.bases
        self._decision = self.kept.decisions
        self._approval = self.kept.approvals
        self._allowed_events = self.kept.allowed_events
        self._allowed_uses = self.kept.allowed_uses

    def apply(self, entry: Entry) -> None:
        """Take an entry that is now in the log into account."""
        if isinstance(entry, Event):
            self._apply_event(entry)
        elif isinstance(entry, Use):
            self._apply_use(entry)
        elif isinstance(entry, Grant):
            self._basis[entry.basis] = Basis.of(entry)
            self.bases = entry.basis + 1
        elif isinstance(entry, Amend):
            self._basis[entry.basis] = self._existing(entry.basis).narrowed(entry)
        elif isinstance(entry, Withdraw):
            self._basis[entry.basis] = self._existing(entry.basis).withdrawn(entry.i)
        elif isinstance(entry, Decision):
            self._decision[entry.i] = DecisionFacts.of(entry)
        elif isinstance(entry, Record) and entry.type == APPROVED:
            self._approval[entry.i] = entry

    def _apply_event(self, event: Event) -> None:
        if self._keeps_events:
            self._event[event.i] = EventFacts.of(event)
        if event.basis is not None and event.verdict == Verdict.ALLOW:
            self._allowed_events[event.basis] = self._allowed_events.get(event.basis, 0) + 1

    def _apply_use(self, use: Use) -> None:
        if use.event is not None and use.verdict == Verdict.ALLOW:
            self._allowed_uses.add(use.event)

    def apply_event(self, event: EventView) -> None:
        """Take an event that is now in the log into account, like `apply`."""
        if self._keeps_events:
            self._event[event.i] = event.facts()
        basis = event.basis
        if event.allowed and basis is not None:
            self._allowed_events[basis] = self._allowed_events.get(basis, 0) + 1

    def apply_use(self, use: UseView) -> None:
        """Take a use that is now in the log into account, like `apply`."""
        if use.allowed:
            self._allowed_uses.add(use.event)

    def _existing(self, ordinal: BasisOrdinal) -> Basis:
        basis = self._basis.get(ordinal)
        if basis is None:
            raise MissingFact(f"basis {ordinal}", "no grant of it was applied")
        return basis

    def basis(self, ordinal: BasisOrdinal) -> Basis | None:
        """Return the basis with this ordinal, ended or not; None if no grant of it was applied."""
        return self._basis.get(ordinal)

    def decision(self, index: LeafIndex) -> DecisionFacts:
        """Return the facts of the decision at `index`; raises MissingFact if none was applied."""
        found = self._decision.get(index)
        if found is None:
            raise MissingFact(f"decision {index}", "there is no earlier decision at that index")
        return found

    def event(self, index: LeafIndex) -> EventFacts | None:
        """Return the facts of the event at `index`; None if there is no earlier one."""
        return self._read_event(index)

    def approval(self, index: LeafIndex) -> Record | None:
        """Return the `permission.approved` record at `index`; None if none was applied."""
        return self._approval.get(index)

    def allowed_events(self, ordinal: BasisOrdinal) -> int:
        """Return how many allowed events were applied under the basis."""
        return self._allowed_events.get(ordinal, 0)

    def allowed_uses(self, event: LeafIndex) -> int:
        """Return how many allowed uses of the event were applied."""
        return self._allowed_uses[event]
