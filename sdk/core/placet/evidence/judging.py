"""A bundle's entries, proven and judged: the right ones, all of them, and as the rules would have written them.

Owns what is verified once a bundle's checkpoint is open: every entry is proven and belongs to the event, the history of
its bases is the one that the status tree commits to, and all of them are replayed in log order through the very rules
that the sequencer ran. The counts that a bundle cannot show (rule 7, uses) are taken as the entry has them.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from placet.evidence.approvals import approval_of
from placet.evidence.bundle import Bundle, ProvenBasis, ProvenEntry
from placet.evidence.canonical import b64url
from placet.evidence.errors import ReplayError
from placet.evidence.kinds import Amend, Decision, Entry, Event, Grant, Record, State, Use, Withdraw
from placet.evidence.proving import prove, prove_state, prove_status, refuse
from placet.evidence.reasons import Reason
from placet.evidence.replay import readmit
from placet.evidence.state import LogState
from placet.evidence.status import Status
from placet.evidence.terms import BasisOrdinal, LeafIndex, Verdict, value
from placet.evidence.trust import Opened
from placet.evidence.words import Saying
from placet.tlog.hashing import leaf_hash

K = TypeVar("K", bound=Entry)


@value
class JudgedBasis:
    """A basis with its whole history below the checkpoint's size."""

    grant: Grant
    amends: tuple[Amend, ...]
    withdraw: Withdraw | None
    approvals: tuple[Record, ...]


@value
class Judged:
    """The entries of a bundle: proven, complete, and by the rules."""

    event: Event
    decision: Decision
    bases: tuple[JudgedBasis, ...]
    uses: tuple[Use, ...]
    state: State


class Judge:
    """Judges one bundle under one opened checkpoint; use it once."""

    def __init__(self, opened: Opened, *, approver_keys: Collection[bytes] | None) -> None:
        self._opened = opened
        self._approver_keys = approver_keys
        self._entries: dict[LeafIndex, tuple[Entry, bytes]] = {}

    def judge(self, bundle: Bundle) -> Judged:
        """Return the bundle's entries; raises VerifyError at the first that is wrong."""
        state = prove_state(self._opened, bundle.state)
        self._entries[state.i] = (state, bundle.state.entry)
        event = self._prove(bundle.event, Event, "event")
        decision = self._prove(bundle.decision, Decision, "decision")
        if decision.i != event.decision:
            refuse("decision.index", Saying.WRONG_DECISION, wanted=event.decision, index=decision.i)
        bases = [self._basis(basis, state, f"bases[{place}]") for place, basis in enumerate(bundle.bases)]
        self._require_bases_of(event, bases)
        uses = self._uses(bundle.uses, event)
        self._replay()
        self._require_pinned(bases)
        return Judged(event=event, decision=decision, bases=tuple(bases), uses=uses, state=state)

    def _prove(self, proven: ProvenEntry, kind: type[K], field: str) -> K:
        entry = prove(self._opened, proven, kind, field)
        self._entries[entry.i] = (entry, proven.entry)
        return entry

    def _require_bases_of(self, event: Event, bases: Sequence[JudgedBasis]) -> None:
        wanted: tuple[BasisOrdinal, ...] = ()
        if event.basis is not None:
            wanted = (event.basis, *(bases[0].grant.needs if bases else ()))
        given = tuple(basis.grant.basis for basis in bases)
        if wanted != given:
            refuse("bases", Saying.WRONG_BASES, wanted=wanted, given=given)

    def _basis(self, basis: ProvenBasis, state: State, field: str) -> JudgedBasis:
        grant = self._prove(basis.grant, Grant, f"{field}.grant")
        amends = tuple(
            self._prove(amend, Amend, f"{field}.amends[{place}]") for place, amend in enumerate(basis.amends)
        )
        withdraw = self._prove(basis.withdraw, Withdraw, f"{field}.withdraw") if basis.withdraw else None
        self._require_changes_of(grant, [*amends, withdraw] if withdraw else amends, field)
        self._require_status(basis, grant, withdraw, field)
        prove_status(state, basis.status, f"{field}.status")
        return JudgedBasis(
            grant=grant, amends=amends, withdraw=withdraw, approvals=self._approvals(basis, grant, field)
        )

    def _require_changes_of(self, grant: Grant, changes: Iterable[Amend | Withdraw], field: str) -> None:
        last = grant.i
        for change in changes:
            if change.basis != grant.basis or change.i <= last:
                place = f"{field}.{'amends' if isinstance(change, Amend) else 'withdraw'}"
                refuse(place, Saying.WRONG_CHANGE, index=change.i, ordinal=grant.basis)
            last = change.i

    def _require_status(self, basis: ProvenBasis, grant: Grant, withdraw: Withdraw | None, field: str) -> None:
        """Compare the status in the bundle with the one that its own entries give."""
        status = Status.at_grant(grant.basis, grant.i)
        for amend in basis.amends:
            status = status.amended(leaf_hash(amend.entry))
        if basis.withdraw is not None and withdraw is not None:
            status = status.withdrawn(leaf_hash(basis.withdraw.entry), withdraw.i)
        for name in ("ordinal", "granted", "ended", "history"):
            claimed, given = getattr(basis.status, name), getattr(status, name)
            if claimed != given:
                if isinstance(claimed, bytes):
                    claimed, given = claimed.hex(), given.hex()
                facts = {"ordinal": grant.basis, "field": name, "claimed": claimed, "given": given}
                refuse(f"{field}.status.{name}", Saying.WRONG_STATUS, **facts)

    def _approvals(self, basis: ProvenBasis, grant: Grant, field: str) -> tuple[Record, ...]:
        given = tuple(approval.index for approval in basis.approvals)
        if given != grant.approvals:
            facts = {"index": grant.i, "wanted": grant.approvals, "given": given}
            refuse(f"{field}.approvals", Saying.WRONG_APPROVALS, **facts)
        return tuple(
            self._prove(approval, Record, f"{field}.approvals[{place}]")
            for place, approval in enumerate(basis.approvals)
        )

    def _uses(self, uses: Iterable[ProvenEntry], event: Event) -> tuple[Use, ...]:
        found: list[Use] = []
        last = event.i
        for place, proven in enumerate(uses):
            use = self._prove(proven, Use, f"uses[{place}]")
            if use.event != event.i or use.i <= last:
                refuse(f"uses[{place}]", Saying.WRONG_USE, index=use.i, event=event.i)
            last = use.i
            found.append(use)
        return tuple(found)

    def _replay(self) -> None:
        """Run the rules again on all entries in log order, and check that time and hash chain run through them."""
        facts = BundleFacts(self._opened.checkpoint.origin)
        before: tuple[Entry, bytes] | None = None
        for index in sorted(self._entries):
            entry, data = self._entries[index]
            if before is not None:
                _require_order(before, entry)
            facts.claims(entry)
            try:
                readmit(entry, facts)
            except ReplayError as error:
                _refuse_verdict(entry, error)
            facts.apply(entry)
            before = (entry, data)

    def _require_pinned(self, bases: Iterable[JudgedBasis]) -> None:
        if self._approver_keys is None:
            return
        for record in (record for basis in bases for record in basis.approvals):
            if approval_of(record.data).key not in self._approver_keys:
                refuse("approvals", Saying.WRONG_APPROVER_KEY, index=record.i)


class BundleFacts(LogState):
    """The facts that a bundle proves; the counts that it cannot prove are those that the entry at hand claims."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self._exhausted = False
        self._earlier_uses = 0

    def claims(self, entry: Entry) -> None:
        """Take over from the entry that is judged next what only a replay of the whole log could tell."""
        if isinstance(entry, Grant):
            self.bases = entry.basis
        elif isinstance(entry, Event):
            self._exhausted = Reason.EVENTS_EXHAUSTED in entry.reasons
        elif isinstance(entry, Use):
            self._earlier_uses = entry.n - 1

    def allowed_events(self, ordinal: BasisOrdinal) -> int:
        """Return a count that is at the limit if the event says so, and below it otherwise."""
        basis = self.basis(ordinal)
        return (basis and basis.max_events) or 0 if self._exhausted else 0

    def allowed_uses(self, event: LeafIndex) -> int:
        """Return the count that the use claims, but not less than the allowed uses in the bundle."""
        return max(self._earlier_uses, super().allowed_uses(event))


def _require_order(before: tuple[Entry, bytes], entry: Entry) -> None:
    earlier, data = before
    if entry.t < earlier.t:
        refuse("t", Saying.WRONG_TIME, before=earlier.i, index=entry.i)
    if entry.i == earlier.i + 1 and entry.prev != b64url(leaf_hash(data)):
        refuse("prev", Saying.WRONG_CHAIN, before=earlier.i, index=entry.i)


def _refuse_verdict(entry: Entry, error: ReplayError) -> None:
    """Say in words how an entry differs from what the rules give."""
    again = error.expected
    if isinstance(entry, Event | Use) and isinstance(again, Event | Use):
        if entry.verdict == Verdict.ALLOW and again.reasons:
            refuse(error.field, Saying.WRONG_ALLOW, index=entry.i, reasons=again.reasons)
        if entry.reasons != again.reasons:
            refuse(error.field, Saying.WRONG_REASONS, index=entry.i, written=entry.reasons, reasons=again.reasons)
    refuse(error.field, Saying.WRONG_BY_RULES, index=entry.i, why=error)
