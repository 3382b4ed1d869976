"""A controller's log in memory: the smallest honest sequencer, and one that can be told to lie.

Runs the production rules and trees; implements `placet.evidence.building.EvidenceReader` for its latest checkpoint.
`submit` is one batch. `forge` appends an entry that the rules never saw, as a dishonest operator would.
"""

from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.evidence.admission import AlreadyEnded, admit, admit_decision, admit_record, admit_state
from placet.evidence.approvals import APPROVED, approval_message
from placet.evidence.canonical import b64url
from placet.evidence.digests import decision_digest, grant_digest
from placet.evidence.drafts import DecisionDraft, Draft, EventDraft, GrantDraft, RecordDraft, check_draft
from placet.evidence.entries import NO_PREV, Amend, Entry, Grant, Use, Withdraw, encode_entry
from placet.evidence.state import LogState
from placet.evidence.status import Status, StatusTree
from placet.evidence.terms import LOG_CREATED, SECOND, BasisOrdinal, LeafIndex, Micros
from placet.evidence.view import Position
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Signer, Verifier, format_vkey
from placet.tlog.proof import consistency_proof, inclusion_proof
from placet.tlog.tree import LevelTree

ORIGIN = "log.example/bank"
T0 = 1_800_000_000 * SECOND
Make = Callable[[Position], Entry]


class MemoryLog:
    """One log; time stands still unless `t` is given."""

    def __init__(self, origin: str = ORIGIN, *, seed: bytes = bytes(32), t: int = T0) -> None:
        self.origin = origin
        self.signer = Signer.from_seed(origin, seed)
        self.t = Micros(t)
        self.entries: list[bytes] = []
        self.facts = LogState(origin)
        self.statuses = StatusTree()
        self.status: dict[int, Status] = {}
        self.changed: dict[int, list[LeafIndex]] = {}
        self.used: dict[int, list[LeafIndex]] = {}
        self.tree = LevelTree()
        self._decisions: dict[bytes, LeafIndex] = {}
        self._prev = NO_PREV
        self._state: LeafIndex | None = None
        created = RecordDraft(type=LOG_CREATED, data={"origin": origin, "vkey": format_vkey(self.signer.vkey)})
        self.forge(lambda at: admit_record(created, at))

    @property
    def verifiers(self) -> list[Verifier]:
        return [Verifier(self.signer.vkey)]

    @property
    def size(self) -> int:
        return len(self.entries)

    @property
    def checkpoint(self) -> str:
        return sign_checkpoint(Checkpoint(origin=self.origin, size=self.size, root=self.tree.root()), self.signer)

    def submit(
        self, *drafts: Draft, t: int | None = None, decision: DecisionDraft | None = None
    ) -> list[Entry | AlreadyEnded]:
        """Append one batch with its state; events rest on `decision`."""
        self.t = Micros(max(self.t, self.t if t is None else t))
        results = [self._admit(draft, decision) for draft in drafts]
        self.end_batch()
        return results

    def forge(self, *made: Make, t: int | None = None, end: bool = True) -> list[Entry]:
        """Append entries that no rule was asked about."""
        self.t = Micros(max(self.t, self.t if t is None else t))
        entries = [self._append(make(self.at())) for make in made]
        if end:
            self.end_batch()
        return entries

    def replace_last(self, entry: Entry) -> None:
        """Write another entry where the last one, a state, stands."""
        self.entries[-1] = encode_entry(entry)
        self.tree.truncate(self.size - 1)
        self.tree.append(leaf_hash(self.entries[-1]))

    def end_batch(self, *, status_root: str | None = None, bases: int | None = None) -> Entry:
        """Append the state; another root or count than the true one is a lie."""
        root = b64url(self.statuses.root()) if status_root is None else status_root
        count = self.statuses.size if bases is None else bases
        state = self._append(admit_state(self.at(), prev_state=self._state, bases=count, status_root=root))
        self._state = state.i
        return state

    def at(self) -> Position:
        """The position of the next entry."""
        return Position(i=LeafIndex(self.size), t=self.t, prev=self._prev)

    def decide(self, draft: DecisionDraft) -> LeafIndex:
        """The index of this decision, appended if it is new."""
        digest = decision_digest(draft)
        if digest not in self._decisions:
            check_draft(draft)
            self._decisions[digest] = self._append(admit_decision(draft, self.at())).i
        return self._decisions[digest]

    def _admit(self, draft: Draft, decision: DecisionDraft | None) -> Entry | AlreadyEnded:
        check_draft(draft)
        index = None
        if isinstance(draft, EventDraft):
            assert decision is not None
            index = self.decide(decision)
        result = admit(draft, self.at(), self.facts, decision=index)
        return result if isinstance(result, AlreadyEnded) else self._append(result)

    def _append(self, entry: Entry) -> Entry:
        data = encode_entry(entry)
        leaf = leaf_hash(data)
        self.entries.append(data)
        self.tree.append(leaf)
        self._prev = b64url(leaf)
        self.facts.apply(entry)
        self._follow(entry, leaf)
        return entry

    def _follow(self, entry: Entry, leaf: bytes) -> None:
        if isinstance(entry, Grant):
            self._set(Status.at_grant(entry.basis, entry.i))
        elif isinstance(entry, Amend):
            self._set(self.status[entry.basis].amended(leaf))
            self.changed.setdefault(entry.basis, []).append(entry.i)
        elif isinstance(entry, Withdraw):
            self._set(self.status[entry.basis].withdrawn(leaf, entry.i))
            self.changed.setdefault(entry.basis, []).append(entry.i)
        elif isinstance(entry, Use) and entry.event is not None:
            self.used.setdefault(entry.event, []).append(entry.i)

    def _set(self, status: Status) -> None:
        self.status[status.ordinal] = status
        self.statuses.put(status)

    # The reader of the latest checkpoint.

    def entry(self, index: LeafIndex) -> bytes:
        return self.entries[index]

    def inclusion(self, index: LeafIndex) -> Sequence[bytes]:
        return inclusion_proof(index, self.size, self.tree)

    def granted(self, ordinal: BasisOrdinal) -> LeafIndex:
        return self.status[ordinal].granted

    def changes(self, ordinal: BasisOrdinal) -> Sequence[LeafIndex]:
        return self.changed.get(ordinal, [])

    def status_proof(self, ordinal: BasisOrdinal) -> Sequence[bytes]:
        return self.statuses.proof(ordinal)

    def uses(self, event: LeafIndex) -> Sequence[LeafIndex]:
        return self.used.get(event, [])

    def consistency(self, old: int) -> Sequence[bytes]:
        return consistency_proof(old, self.size, self.tree)


class Approver:
    """A person who signs drafts of legal permissions."""

    def __init__(self, name: str, role: str, seed: int) -> None:
        self.name = name
        self.role = role
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def approve(self, draft: GrantDraft, *, origin: str = ORIGIN, expires: int = T0 + 3_600 * SECOND) -> RecordDraft:
        """The record of this person's approval of the draft."""
        digest = grant_digest(draft)
        signature = self.key.sign(approval_message(origin, self.role, digest, expires))
        data = {
            "approver": self.name,
            "draft": b64url(digest),
            "expires": expires,
            "key": b64url(self.public),
            "role": self.role,
            "signature": b64url(signature),
        }
        return RecordDraft(type=APPROVED, data=data)


LEGAL = Approver("actor-7f3a", "legal", 1)
DPO = Approver("actor-91c0", "data_protection_officer", 2)
