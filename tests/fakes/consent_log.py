"""A controller's log in memory that keeps the port `placet.consent.ports.Ledger`: the real rules, tree and proofs.

Every append runs `placet.evidence.drafts.check_draft` and `placet.evidence.admission.admit`, so what the sequencer
would refuse is refused here. It can be down, and it can lose its answer after having appended (as a crash does).
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from placet.consent.errors import Unavailable
from placet.consent.model.steps import Bar, Receipt
from placet.consent.model.vocabulary import Controller, Instant, LeafIndex
from placet.consent.ports import Submission
from placet.evidence.admission import AlreadyEnded, admit, admit_record, admit_state
from placet.evidence.canonical import b64url
from placet.evidence.drafts import RecordDraft, check_draft
from placet.evidence.entries import Entry, encode_entry
from placet.evidence.errors import AdmissionRefused, DraftError
from placet.evidence.state import LogState
from placet.evidence.view import Position
from placet.tlog.checkpoint import Checkpoint, sign_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.keys import Signer, format_vkey
from placet.tlog.proof import inclusion_proof
from placet.tlog.tree import LevelTree


@dataclass
class Log:
    """One controller's log."""

    origin: str
    clock: Callable[[], int]
    entries: list[Entry] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    tree: LevelTree = field(default_factory=LevelTree)
    keys: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    closed: bool = False

    def __post_init__(self) -> None:
        self.state = LogState(self.origin)
        self.signer = Signer.from_seed(self.origin, sha256(self.origin.encode()).digest())
        self.vkey = format_vkey(self.signer.vkey)
        self._last_state: LeafIndex | None = None
        created = RecordDraft(type="log.created", data={"origin": self.origin, "vkey": self.vkey})
        self._add(admit_record(created, self._next()))
        self.seal()

    def _next(self) -> Position:
        prev = b64url(self.leaves[-1]) if self.leaves else b64url(bytes(32))
        last = self.entries[-1].t if self.entries else 0
        return Position(i=LeafIndex(len(self.entries)), t=Instant(max(self.clock(), last)), prev=prev)

    def _add(self, entry: Entry) -> int:
        data = encode_entry(entry)
        self.entries.append(entry)
        self.data.append(data)
        self.leaves.append(leaf_hash(data))
        self.tree.append(self.leaves[-1])
        self.state.apply(entry)
        return entry.i

    def take(self, submission: Submission) -> int | Bar:
        """Append one submission, or say why not; a known key is answered with its entry."""
        known = self.keys.get(submission.key)
        if known is not None:
            if known[0] != submission.digest:
                return Bar(kind="conflict", reason="IDEMPOTENCY_CONFLICT", message="other content", metadata={})
            return known[1]
        try:
            check_draft(submission.draft)
            entry = admit(submission.draft, self._next(), self.state)
        except DraftError as error:
            return Bar(kind="invalid", reason=error.reason, message=error.message, metadata={"field": error.field})
        except AdmissionRefused as error:
            metadata = {"rule": error.reason, "field": error.field}
            return Bar(kind="precondition", reason="ADMISSION_REFUSED", message=error.message, metadata=metadata)
        index = entry.index if isinstance(entry, AlreadyEnded) else self._add(entry)
        self.keys[submission.key] = (submission.digest, index)
        return index

    def seal(self) -> None:
        """End a batch with a state entry."""
        position = self._next()
        root = b64url(bytes(32))  # the status tree is not what is tested here
        self._add(admit_state(position, prev_state=self._last_state, bases=self.state.bases, status_root=root))
        self._last_state = position.i

    def receipt(self, index: int) -> Receipt:
        """Prove an entry against a checkpoint of now."""
        size = self.tree.size
        return Receipt(
            index=LeafIndex(index),
            entry=self.data[index],
            leaf_hash=self.leaves[index],
            proof=tuple(inclusion_proof(index, size, self.tree)),
            checkpoint=sign_checkpoint(Checkpoint(origin=self.origin, size=size, root=self.tree.root()), self.signer),
            tree_size=size,
        )


class LogLedger:
    """`placet.consent.ports.Ledger` over logs in memory."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self.logs: dict[str, Log] = {}
        self.clock = clock
        self.down = False
        # How many of the next appends are done, but their answers lost.
        self.lose_answers = 0
        # Each append: controller and kinds, for tests of what goes together.
        self.requests: list[tuple[str, list[str]]] = []

    def log(self, controller: str) -> Log:
        """Return a controller's log, made at its first use."""
        if controller not in self.logs:
            self.logs[controller] = Log(origin=f"log.example/{controller}", clock=self.clock)
        return self.logs[controller]

    async def append(
        self, controller: Controller, submissions: Sequence[Submission], *, deadline: Instant
    ) -> list[Receipt | Bar]:
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("BUS_UNAVAILABLE", "nobody answers")
        log = self.log(controller)
        self.requests.append((controller, [type(one.draft).__name__ for one in submissions]))
        before = len(log.entries)
        answers = [log.take(one) for one in submissions]
        if len(log.entries) > before:
            log.seal()
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unavailable("DEADLINE_PASSED", "the answer was lost")
        return [one if isinstance(one, Bar) else log.receipt(one) for one in answers]
