"""Building one group: submissions in, entries out, in memory and in order. The judge's bench, without I/O of its own.

Owns the order within a group: new decisions first (by first use), then the entries as they arrived, then the `state`
entry; the chain (`prev`, `i`, one `t`); what a repeated idempotency key gets; and which rows follow from the entries.
The rules themselves are `placet.evidence.admission`. See ledger.md sections 4, 5 and 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from placet.audit.errors import IdempotencyConflict, Refused
from placet.audit.facts import Facts
from placet.audit.jobs import Job, Sequenced
from placet.audit.model import Commit, Head, Log, LogKey, StoredKey
from placet.audit.policy import require_permitted
from placet.audit.tail import FullTile, Tail
from placet.evidence.admission import AlreadyEnded, admit, admit_decision, admit_event, admit_record, admit_state
from placet.evidence.canonical import b64url
from placet.evidence.drafts import DecisionDraft, EventDraft, GrantDraft, RecordDraft, check_draft
from placet.evidence.entries import MAX_ENTRY_BYTES
from placet.evidence.errors import AdmissionRefused, DraftError
from placet.evidence.kinds import Amend, Entry, Use, Withdraw
from placet.evidence.plain import admit_plain, is_plain
from placet.evidence.rotation import is_rotation, rotation_draft
from placet.evidence.status import StatusTree
from placet.evidence.terms import LeafIndex, Micros, Verdict
from placet.evidence.view import Position
from placet.kit.errors import Invalid, PlacetError
from placet.kit.ledger.messages import Draft
from placet.tlog.hashing import leaf_hash

_encode: Final = msgspec.json.Encoder(order="sorted").encode


@dataclass(slots=True)
class Group:
    """A group in the making; `finish` turns it into the commit that writes it."""

    log: Log
    head: Head
    t: int
    tail: Tail
    status: StatusTree
    facts: Facts
    known: dict[tuple[str, bytes], StoredKey]
    entries: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    tiles: list[FullTile] = field(default_factory=list)
    changes: list[tuple[int, int]] = field(default_factory=list)
    uses: list[tuple[int, int, bool]] = field(default_factory=list)
    keys: list[tuple[str, bytes, int, bytes]] = field(default_factory=list)
    decisions: list[tuple[bytes, int]] = field(default_factory=list)
    # cover(0, head.size), once the group is finished: the left half of the proof of its entries.
    edge: tuple[bytes, ...] = ()
    _prev: str = ""
    # What each service may append to this log, as far as this group was asked.
    _permitted: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._prev = b64url(self.head.prev)
        self.facts.begin(self.head.size, self.entries)

    @property
    def size(self) -> int:
        """The size of the log with what this group has so far."""
        return self.head.size + len(self.entries)

    def found(self) -> None:
        """Append entry 0, which says whose log this is (ledger.md section 4)."""
        draft = RecordDraft(type="log.created", data={"origin": self.log.origin, "vkey": self.log.vkey})
        self._append(admit_record(draft, self._position()))

    def rotate(self, key: LogKey) -> LogKey:
        """Append that the log has a new key, and return the key as it is in force from here on.

        A closed controller's log has it too: it still takes withdrawals, and signs.
        """
        until = self.t + key.overlap
        draft = rotation_draft(replaces=self.log.keys[-1].vkey, vkey=key.vkey, until=Micros(until))
        return replace(key, since=self._append(admit_record(draft, self._position())), until=until)

    def decide(self, digest: bytes, draft: DecisionDraft) -> int:
        """Append a decision whose content is not in the log yet, and return its index; raises Invalid."""
        try:
            check_draft(draft)
        except DraftError as error:
            raise Invalid(error.field, f"{error.message}; nothing was appended") from None
        index = self._append(admit_decision(draft, self._position()))
        self.facts.remember_decision(digest, index)
        self.decisions.append((digest, index))
        return index

    def vet(self, job: Job) -> None:
        """Give a job its error if it cannot be appended whatever the log says; a known key needs no vetting."""
        draft, submission = job.draft, job.submission
        if draft is None or (self.known and (job.service, submission.key) in self.known):
            return
        try:
            self._require_permitted(job.service, what(draft))
            if type(draft) is EventDraft and is_plain(draft):
                job.plain = True
            else:
                check_draft(draft)
        except PlacetError as error:
            job.outcome = error
        except DraftError as error:
            job.outcome = Invalid(error.field, f"{error.message}; nothing was appended")
        else:
            if submission.decision is None and isinstance(draft, EventDraft):
                text = "an event is submitted with its decision; nothing was appended"
                job.outcome = Invalid("submission.decision", text)

    def _require_permitted(self, service: str, kind: str) -> None:
        if (service, kind) not in self._permitted:
            require_permitted(self.log, service, kind)
            self._permitted.add((service, kind))

    def submit(self, job: Job, decision: int | None) -> None:
        """Append a vetted job, or find what its key stands for; a refusal leaves no trace."""
        submission, which = job.submission, (job.service, job.submission.key)
        known = self.known.get(which)
        if known is not None:
            same = known.digest == submission.digest
            job.outcome = Sequenced(known.index, repeated=True) if same else IdempotencyConflict(known.index)
            return
        assert job.draft is not None
        try:
            index, repeated = self._admit(job, job.draft, decision)
        except AdmissionRefused as error:
            job.outcome = Refused(error.reason, error.field, error.message)
        except PlacetError as error:
            job.outcome = error
        else:
            self.keys.append((*which, index, submission.digest))
            self.known[which] = StoredKey(index, submission.digest)
            job.outcome = Sequenced(index, repeated)

    def finish(self) -> Commit:
        """Close the group with its state entry and return the commit; the group must not be empty."""
        position = self._position()
        root = self.status.root()
        state = admit_state(
            position,
            prev_state=None if self.head.state is None else LeafIndex(self.head.state),
            bases=self.facts.bases,
            status_root=b64url(root),
        )
        self._append(state)
        self.edge = tuple(self.tail.edge())
        self.tiles.extend(self.tail.extend(self.leaves))
        after = Head(
            size=self.size,
            prev=self.leaves[-1],
            t=self.t,
            state=self.size - 1,
            bases=self.facts.bases,
            status_root=root,
        )
        return Commit(
            before=self.head,
            after=after,
            entries=self.entries,
            tiles=self.tiles,
            bases=self.facts.changed,
            changes=self.changes,
            uses=self.uses,
            keys=self.keys,
            decisions=self.decisions,
        )

    def _admit(self, job: Job, draft: Draft, decision: int | None) -> tuple[int, bool]:
        if type(draft) is EventDraft:
            assert decision is not None
            if job.plain:
                return self._append_plain(draft, LeafIndex(decision)), False
            return self._append(admit_event(draft, self._position(), self.facts, LeafIndex(decision))), False
        entry = admit(draft, self._position(), self.facts)
        if isinstance(entry, AlreadyEnded):
            return entry.index, True
        return self._append(entry), False

    def _position(self) -> Position:
        return Position(i=LeafIndex(self.size), t=Micros(self.t), prev=self._prev)

    def _append_plain(self, draft: EventDraft, decision: LeafIndex) -> int:
        index = LeafIndex(self.head.size + len(self.entries))
        body, allowed = admit_plain(draft, index, Micros(self.t), self._prev, self.facts, decision)
        self._add(body)
        if allowed:
            self.facts.count_allowed(draft.basis)
        return index

    def _append(self, entry: Entry) -> int:
        body = _encode(entry)
        if len(body) > MAX_ENTRY_BYTES:
            text = (
                f"its entry would have {len(body)} bytes, at most {MAX_ENTRY_BYTES} are allowed; nothing was appended"
            )
            raise Invalid("submission", text, reason="ENTRY_TOO_LARGE")
        index = entry.i
        leaf = self._add(body)
        status = self.facts.apply(entry, leaf)
        if status is not None:
            self.status.put(status)
        if isinstance(entry, Use):
            if entry.event is not None:
                self.uses.append((entry.event, index, entry.verdict == Verdict.ALLOW))
        elif isinstance(entry, Amend | Withdraw):
            self.changes.append((entry.basis, index))
        return index

    def _add(self, body: bytes) -> bytes:
        """Add the bytes of the next entry, and return its leaf hash."""
        leaf = leaf_hash(body)
        self.entries.append(body)
        self.leaves.append(leaf)
        self._prev = b64url(leaf)
        return leaf


def what(draft: Draft) -> str:
    """Return what a draft is, as `placet.audit.policy` names it."""
    if type(draft) is EventDraft:
        return "event"
    if isinstance(draft, GrantDraft):
        return f"grant:{draft.form}"
    if isinstance(draft, RecordDraft):
        if is_rotation(draft):
            return "record:log"  # nobody but the log itself names its key: verifiers will trust the one named
        return f"record:{draft.type.partition('.')[0]}"
    return type(draft).__name__.removesuffix("Draft").lower()


def ordinals_of(drafts: Sequence[Draft]) -> set[int]:
    """Return the bases that these drafts speak of: read them at once rather than one by one."""
    found: set[int] = set()
    for draft in drafts:
        if isinstance(draft, GrantDraft):
            found.update(draft.needs)
        else:
            basis = getattr(draft, "basis", None)
            if basis is not None:
                found.add(basis)
    return found
