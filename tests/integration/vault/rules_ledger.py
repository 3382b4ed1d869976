"""A ledger for tests: the production port `placet.kit.ledger.port.Ledger` over the real admission rules, in memory.

Owns: idempotency by key and digest, verdicts by `placet.evidence.admission` over `placet.evidence.state`, real entry
bytes, proofs and signed checkpoints; and the switches with which a test takes it away. Tests also grant, withdraw and
authorize directly. `replay` re-runs the rules over everything, as an auditor would.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from placet.evidence.admission import AlreadyEnded, admit, admit_state
from placet.evidence.canonical import b64url
from placet.evidence.drafts import (
    DecisionDraft,
    Draft,
    EventDraft,
    GrantDraft,
    PermitAsked,
    RecordDraft,
    WithdrawDraft,
    check_draft,
)
from placet.evidence.entries import Entry, Event, Grant, Outcome, Record, Use, Withdraw, encode_entry, parse_entry
from placet.evidence.replay import Replay
from placet.evidence.state import LogState
from placet.evidence.status import Status, StatusTree
from placet.evidence.terms import BasisOrdinal, EndedBy, Form, LeafIndex, Micros, Operation, Verdict
from placet.evidence.view import Position
from placet.kit.bus.failure import Failure
from placet.kit.errors import PlacetError, Unavailable, error_of
from placet.kit.ledger.messages import AppendReply, Consistency, Range, Result, Submission
from placet.kit.ledger.receipts import Appended, SharedReply, maximal_runs
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.keys import Signer, format_vkey
from placet.tlog.proof import consistency_proof, range_proof
from placet.tlog.tree import LevelTree

SECOND = 1_000_000
NOBODY = b64url(bytes(32))


@dataclass
class Clock:
    """Unix microseconds that move only when told."""

    now: int = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


@dataclass
class Log:
    """One controller's log, from its first two entries on."""

    origin: str
    clock: Callable[[], int]
    entries: list[bytes] = field(default_factory=list)
    keys: dict[tuple[str, bytes], tuple[bytes, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signer = Signer.from_seed(self.origin, bytes(32))
        self.tree, self.facts, self.statuses = LevelTree(), LogState(self.origin), StatusTree()
        self.status: dict[int, Status] = {}
        self.state: LeafIndex | None = None
        self.add(RecordDraft(type="log.created", data={"origin": self.origin, "vkey": format_vkey(self.signer.vkey)}))
        self.close()

    def add(self, draft: Draft, decision: LeafIndex | None = None) -> LeafIndex:
        """Admit a draft by the rules and append its entry; a repeated withdrawal gives the first one's index."""
        entry = admit(draft, self._position(), self.facts, decision=decision)
        if isinstance(entry, AlreadyEnded):
            return entry.index
        return self._append(entry)

    def close(self) -> None:
        """Append the `state` entry that a checkpoint needs."""
        root = b64url(self.statuses.root())
        at = self._position()
        self.state = self._append(admit_state(at, prev_state=self.state, bases=self.statuses.size, status_root=root))

    def reply(self, results: list[Result], seen: int) -> AppendReply:
        size = self.tree.size
        ranges = []
        for begin, end in maximal_runs(sorted({one.index for one in results if one.error is None})):
            proof = range_proof(begin, end, size, self.tree)
            ranges.append(Range(begin, end, tuple(proof.left), tuple(proof.right)))
        old = [Consistency(seen, tuple(consistency_proof(seen, size, self.tree)))] if 0 < seen <= size else []
        checkpoint = Checkpoint(origin=self.origin, size=size, root=self.tree.root())
        return AppendReply(results, ranges, sign_checkpoint(checkpoint, self.signer), size, old)

    def _position(self) -> Position:
        i = len(self.entries)
        prev = b64url(leaf_hash(self.entries[-1])) if i else NOBODY
        last = parse_entry(self.entries[-1]).t if i else 0
        return Position(i=LeafIndex(i), t=Micros(max(self.clock(), last)), prev=prev)

    def _append(self, entry: Entry) -> LeafIndex:
        data = encode_entry(entry)
        leaf = leaf_hash(data)
        self.entries.append(data)
        self.tree.append(leaf)
        self.facts.apply(entry)
        if isinstance(entry, Grant):
            self._put(Status.at_grant(entry.basis, entry.i))
        elif isinstance(entry, Withdraw):
            self._put(self.status[entry.basis].withdrawn(leaf, entry.i))
        return entry.i

    def _put(self, status: Status) -> None:
        self.status[status.ordinal] = status
        self.statuses.put(status)


class RulesLedger:
    """The port over any number of controllers' logs; `down` and `lose_answers` (of uses) are what tests switch."""

    def __init__(self, clock: Callable[[], int], *, service: str = "vault") -> None:
        self.clock = clock
        self.service = service
        self.logs: dict[str, Log] = {}
        self.down = False
        self.lose_answers = 0
        self.appends = 0
        # Called after the entries stand and before the answer is given.
        self.before_answer: Callable[[Sequence[Submission]], Awaitable[None]] | None = None

    def log(self, controller: str) -> Log:
        """Return a controller's log; it begins at the first asking."""
        if controller not in self.logs:
            self.logs[controller] = Log(f"ledger.test/{controller}", self.clock)
        return self.logs[controller]

    async def append(
        self,
        controller: str,
        submissions: Sequence[Submission],
        decisions: Sequence[DecisionDraft] = (),
        *,
        seen: int = 0,
        deadline: int,
    ) -> Appended:
        """Append as the port promises."""
        await asyncio.sleep(0)
        if self.down or self.clock() >= deadline:
            raise Unavailable("LEDGER_UNAVAILABLE", "the ledger does not answer")
        self.appends += 1
        log = self.log(controller)
        before = len(log.entries)
        results = [self._one(log, one) for one in submissions]
        if len(log.entries) > before:
            log.close()
        if self.before_answer is not None:
            await self.before_answer(submissions)
        if self.lose_answers and any(one.kind == "use" for one in submissions):
            self.lose_answers -= 1
            raise Unavailable("DEADLINE_PASSED", "the ledger was asked and did not answer in time")
        return Appended(SharedReply(log.reply(results, seen)), results, seen)

    def _one(self, log: Log, asked: Submission) -> Result:
        known = log.keys.get((self.service, bytes(asked.key)))
        if known is not None and known[0] != asked.digest:
            conflict = error_of("conflict", "IDEMPOTENCY_CONFLICT", "this key stands for another request")
            return Result(error=Failure.of(conflict))
        if known is not None:
            return _result(log, known[1], repeated=True)
        draft = asked.draft()
        check_draft(draft)
        try:
            index = log.add(draft)
        except PlacetError as error:
            return Result(error=Failure.of(error))
        log.keys[self.service, bytes(asked.key)] = (bytes(asked.digest), index)
        return _result(log, index, repeated=False)

    # --- what other services would do

    def grant(
        self,
        controller: str,
        *,
        form: Form = Form.CONSENT,
        operations: Sequence[str] = ("enrol", "verify"),
        needs: Sequence[BasisOrdinal] = (),
        subject: str | None = None,
    ) -> BasisOrdinal:
        """Grant a basis; return its ordinal."""
        log = self.log(controller)
        guardian = form is Form.GUARDIANSHIP
        ordinal = BasisOrdinal(log.facts.bases)
        log.add(
            GrantDraft(
                form=form,
                subject=subject or b64url(uuid4().bytes),
                purposes=() if guardian else ("payment",),
                operations=() if guardian else tuple(sorted(operations)),
                sites=() if guardian else ("*",),
                egress=not guardian,
                not_before=Micros(self.clock()),
                not_after=None,
                needs=tuple(needs),
                max_events=None,
                approvals=(),
                record=NOBODY,
                notice=None,
                law="cn-2025",
                authority=None,
            )
        )
        log.close()
        return ordinal

    def withdraw(self, controller: str, basis: BasisOrdinal) -> LeafIndex:
        """Withdraw a basis; return the index of the withdraw."""
        log = self.log(controller)
        index = log.add(WithdrawDraft(basis=basis, by=EndedBy.DATA_SUBJECT, reason="asked"))
        log.close()
        return index

    def authorize(
        self, controller: str, basis: BasisOrdinal, operation: str, *, max_uses: int = 1, lifetime_s: int = 60
    ) -> Event:
        """Append an allowed event; return its entry."""
        log = self.log(controller)
        context = {"operation": operation, "egress": True, "basis_form": "consent", "minor": ()}
        decision = log.add(
            DecisionDraft(policies=(), context=context, verdict=Verdict.ALLOW, permit=(), forbid=(), errors=())
        )
        event = EventDraft(
            id=str(uuid4()),
            frame=None,
            basis=basis,
            purpose="payment",
            operation=Operation(operation),
            device="cam-1",
            site="branch-1",
            egress=True,
            occurred=Micros(self.clock()),
            offline=False,
            seen=0,
            permit=PermitAsked(max_uses=max_uses, lifetime_us=lifetime_s * SECOND),
        )
        index = log.add(event, decision)
        log.close()
        entry = self.entry(controller, index)
        assert isinstance(entry, Event)
        return entry

    # --- what an auditor would do

    def entry(self, controller: str, index: int) -> Entry:
        """Return a parsed entry."""
        return parse_entry(self.log(controller).entries[index])

    def entries(self, controller: str) -> list[Entry]:
        """Return every entry, in order."""
        return [parse_entry(data) for data in self.log(controller).entries]

    def uses(self, controller: str) -> list[Use]:
        """Return every use, in order."""
        return [entry for entry in self.entries(controller) if isinstance(entry, Use)]

    def destroyed(self, controller: str) -> list[dict[str, object]]:
        """Return the data of every `vault.template_destroyed` record."""
        records = [entry for entry in self.entries(controller) if isinstance(entry, Record)]
        return [record.data for record in records if record.type == "vault.template_destroyed"]

    def outcomes(self, controller: str) -> list[tuple[int, str]]:
        """Return (of, result) of every outcome."""
        return [(entry.of, entry.result) for entry in self.entries(controller) if isinstance(entry, Outcome)]

    def replay(self, controller: str) -> None:
        """Re-run the rules over the whole log. Raises ReplayError at the first wrong entry."""
        log = self.log(controller)
        replay = Replay(log.origin)
        for data in log.entries:
            replay.feed(data)
        assert replay.root() == log.tree.root()


def _result(log: Log, index: int, *, repeated: bool) -> Result:
    data = log.entries[index]
    return Result(index=index, leaf=leaf_hash(data), entry=data, repeated=repeated)


def event_id(event: Event) -> UUID:
    """Return the id of an event: its permit's `jti`."""
    return UUID(event.id)
