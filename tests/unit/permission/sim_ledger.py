"""A ledger in memory that keeps the production port's promises: the real rules, entries, proofs and receipts.

It implements `placet.kit.ledger.port.Ledger` with `placet.evidence.admission` over `placet.evidence.state`, one log for
each controller, idempotency by (key, digest), and range proofs over a real tree. `down` makes it unreachable,
`lose_answers` appends and then loses the answer: what a network does.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from placet.evidence.admission import AlreadyEnded, admit, admit_decision, admit_state
from placet.evidence.canonical import b64url
from placet.evidence.digests import decision_digest
from placet.evidence.drafts import DecisionDraft, EventDraft, RecordDraft, check_draft
from placet.evidence.entries import encode_entry
from placet.evidence.errors import AdmissionRefused
from placet.evidence.kinds import Decision, Entry
from placet.evidence.state import LogState
from placet.evidence.terms import LeafIndex, Micros
from placet.evidence.view import Position
from placet.kit.errors import Conflict, NotFound, PlacetError, Precondition, Unavailable
from placet.kit.ledger.messages import AppendReply, Consistency, Failure, Range, Result, Submission
from placet.kit.ledger.receipts import Appended, SharedReply, maximal_runs
from placet.tlog.hashing import leaf_hash
from placet.tlog.proof import consistency_proof, range_proof
from placet.tlog.tree import LevelTree

EMPTY = b64url(sha256(b"").digest())


class SimLog:
    """One controller's log."""

    def __init__(self, origin: str, t: int) -> None:
        self.origin = origin
        self.entries: list[bytes] = []
        self.kinds: list[Entry] = []
        self.tree = LevelTree()
        self.state = LogState(origin)
        self.keys: dict[bytes, tuple[int, bytes]] = {}
        self.decisions: dict[bytes, int] = {}
        self.last_state: int | None = None
        self.place(lambda at: admit(RecordDraft(type="log.opened", data={}), at, self.state), t)
        self.close_batch(t)

    def place(self, make: Callable[[Position], object], t: int) -> int | AlreadyEnded:
        prev = leaf_hash(self.entries[-1]) if self.entries else bytes(32)
        made = make(Position(i=LeafIndex(len(self.entries)), t=Micros(t), prev=b64url(prev)))
        if isinstance(made, AlreadyEnded):
            return made
        data = encode_entry(made)  # type: ignore[arg-type]
        self.entries.append(data)
        self.kinds.append(made)  # type: ignore[arg-type]
        self.tree.append(leaf_hash(data))
        self.state.apply(made)  # type: ignore[arg-type]
        return len(self.entries) - 1

    def close_batch(self, t: int) -> None:
        previous = None if self.last_state is None else LeafIndex(self.last_state)
        made = self.place(lambda at: admit_state(at, prev_state=previous, bases=self.state.bases, status_root=EMPTY), t)
        assert isinstance(made, int)
        self.last_state = made

    def decision(self, draft: DecisionDraft, t: int) -> int:
        check_draft(draft)
        content = decision_digest(draft)
        if content not in self.decisions:
            made = self.place(lambda at: admit_decision(draft, at), t)
            assert isinstance(made, int)
            self.decisions[content] = made
        return self.decisions[content]


class SimLedger:
    """All logs. `clock` gives unix microseconds; a log exists once `create` was called."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.clock = clock
        self.logs: dict[str, SimLog] = {}
        self.down = False
        self.lose_answers = 0
        self.appends = 0

    def create(self, controller: str) -> SimLog:
        return self.logs.setdefault(controller, SimLog(f"log.example/{controller}", self.clock()))

    async def append(
        self,
        controller: str,
        submissions: Sequence[Submission],
        decisions: Sequence[DecisionDraft] = (),
        *,
        seen: int = 0,
        deadline: int,
    ) -> Appended:
        if self.down or deadline <= self.clock():
            raise Unavailable("LEDGER_UNAVAILABLE", "the ledger does not answer")
        if controller not in self.logs:
            raise NotFound(f"no log of {controller}", reason="CONTROLLER_UNKNOWN", field="controller")
        log, t = self.logs[controller], self.clock()
        self.appends += 1
        before = len(log.entries)
        results = [self._one(log, one, decisions, t) for one in submissions]
        if len(log.entries) > before:
            log.close_batch(t)
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unavailable("DEADLINE_PASSED", "the answer was lost")
        return Appended(SharedReply(self._reply(log, results, seen)), results, seen)

    def _one(self, log: SimLog, one: Submission, decisions: Sequence[DecisionDraft], t: int) -> Result:
        known = log.keys.get(one.key)
        if known is not None:
            index, digest = known
            if digest != one.digest:
                return Result(error=Failure.of(Conflict("IDEMPOTENCY_CONFLICT", "the key was used for other content")))
            return Result(index, leaf_hash(log.entries[index]), log.entries[index], None, True)
        draft = one.draft()
        try:
            check_draft(draft)
            decision = None
            if isinstance(draft, EventDraft):
                assert one.decision is not None
                decision = LeafIndex(log.decision(decisions[one.decision], t))
            made = log.place(lambda at: admit(draft, at, log.state, decision=decision), t)
        except AdmissionRefused as refused:
            error = Precondition("ADMISSION_REFUSED", str(refused), metadata={"refusal": refused.reason})
            return Result(error=Failure.of(error))
        if isinstance(made, AlreadyEnded):
            return Result(made.index, leaf_hash(log.entries[made.index]), log.entries[made.index], None, True)
        log.keys[one.key] = (made, one.digest)
        return Result(made, leaf_hash(log.entries[made]), log.entries[made], None, False)

    def _reply(self, log: SimLog, results: Sequence[Result], seen: int) -> AppendReply:
        size = log.tree.size
        runs = maximal_runs(sorted({one.index for one in results if one.error is None}))
        proofs = [range_proof(begin, end, size, log.tree) for begin, end in runs]
        consistency = []
        if 0 < seen <= size:
            consistency = [Consistency(seen, tuple(consistency_proof(seen, size, log.tree)))]
        return AppendReply(
            list(results),
            [Range(one.begin, one.end, one.left, one.right) for one in proofs],
            f"{log.origin}\n{size}\n",
            size,
            consistency,
        )

    def of_kind(self, controller: str, kind: type) -> list[Entry]:
        return [entry for entry in self.logs[controller].kinds if isinstance(entry, kind)]


__all__ = ["Decision", "PlacetError", "SimLedger", "SimLog"]
