"""A real log for tests: the production sequencer over a real database, driven directly, with a clock that tests
move.
"""

import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from placet.audit import migrations
from placet.audit.clock import LogClock
from placet.audit.lease import acquire
from placet.audit.logkeys import KeyFiles
from placet.audit.logs import Logs
from placet.audit.model import Log, LogKey
from placet.audit.partitions import LEAST, Partitions
from placet.audit.ports import LogKeys
from placet.audit.queueing import Waiting
from placet.audit.sequencer import Sequencer
from placet.audit.store import SqlJournal
from placet.evidence.canonical import b64url
from placet.evidence.drafts import (
    DecisionDraft,
    EventDraft,
    GrantDraft,
    PermitAsked,
    RecordDraft,
    UseDraft,
    WithdrawDraft,
)
from placet.evidence.entries import parse_entry
from placet.evidence.kinds import PolicyRef
from placet.kit.db.engine import open_engines
from placet.kit.db.migrating import migrate
from placet.kit.errors import PlacetError
from placet.kit.ledger.messages import (
    AppendReply,
    AppendRequest,
    Submission,
    decode_reply,
    decode_request,
    encode_decision,
    encode_request,
    submission,
)
from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.note import Verifier, format_vkey
from placet.tlog.proof import RangeProof, verify_range

START = 1_780_000_000_000_000
SECOND = 1_000_000

CONTEXT: dict[str, Any] = {
    "operation": "verify",
    "basis_form": "consent",
    "basis_code": "none",
    "consent_separate": True,
    "consent_explicit": True,
    "consent_written": True,
    "consent_egress": False,
    "guardian_active": False,
    "purpose_registered": True,
    "necessity_stated": True,
    "assessment_valid": True,
    "purpose_reviewed": True,
    "public_safety": False,
    "inference": "none",
    "place_class": "branch_counter",
    "in_public_place": False,
    "sign_valid": True,
    "collection_area_set": True,
    "alternative_available": True,
    "face_is_default": False,
    "refusal_equal": True,
    "choice_reset_by_update": False,
    "notice_served": True,
    "notice_complete": True,
    "storage": "device",
    "egress": False,
    "disclosure": False,
    "sale_or_profit": False,
    "scraped_source": False,
    "term_stated": True,
    "retention_within_limit": True,
    "national_channel": "offered",
    "filing_current": True,
    "protection_attested": True,
    "state_provision": False,
    "minor": [],
}


class Rig:
    """One log, `bank` unless named; `restart` throws all memory away, as a crash would."""

    def __init__(
        self, folder: Path, url: str | None = None, *, keys: LogKeys | None = None, controller: str = "bank"
    ) -> None:
        """`url` is an audit database whose tables are made; by default a new SQLite file."""
        self.folder = folder
        self.now = START
        self.engines = open_engines(url or f"sqlite:///{folder / 'audit.db'}")
        if self.engines.serial:
            migrate(self.engines.writer, migrations.__name__)
        self.partitions = Partitions(self.engines.writer, LEAST)
        self.logs = Logs(self.engines.writer)
        self.keys: LogKeys = keys or KeyFiles(folder / "keys", os.urandom)
        self.controller = controller
        self.log = self._create(controller)
        self.sequencer = self.holder("me")
        self.sequencer.open()

    def _create(self, controller: str) -> Log:
        signer = self.keys.create(controller, f"test/log/{controller}")
        return self.logs.create(controller, signer.vkey.name, format_vkey(signer.vkey), self.now)

    def holder(self, name: str) -> Sequencer:
        """Return a sequencer that has just taken the lease under this name."""
        lease = acquire(self.engines.writer, self.log.id, name, self.now)
        assert lease is not None
        return self._sequencer(lease.epoch)

    def _sequencer(self, epoch: int) -> Sequencer:
        journal = SqlJournal(self.engines, self.log, epoch, self.partitions)
        clock = LogClock(lambda: self.now, lambda: self.now)
        return Sequencer(self.log, journal, self.engines, self.keys, clock)

    def rotate(self, overlap: int = 0) -> LogKey:
        """Give the log a new key, the way `placet ledger rotate-key` and the holder do."""
        log = self.logs.find(self.controller)
        assert log is not None
        signer = self.keys.create(self.controller, log.origin, log.keys[-1].number + 1)
        self.sequencer.rotate(self.logs.ask_key(log, format_vkey(signer.vkey), overlap))
        log = self.logs.find(self.controller)
        assert log is not None
        return log.keys[-1]

    def restart(self) -> None:
        """Forget everything but the database."""
        self.sequencer = self.holder("me")

    def forget(self) -> None:
        """Forget everything but the database, to which somebody else has appended; the log can only be read now."""
        self.sequencer = self._sequencer(epoch=-1)

    def close(self) -> None:
        """Close the database."""
        self.engines.dispose()

    def send(
        self,
        *submissions: Submission,
        service: str = "permission",
        decisions: Sequence[DecisionDraft] = (),
        seen: Sequence[int] = (),
        sequencer: Sequencer | None = None,
    ) -> AppendReply:
        """Send one request as a group of its own and return the checked reply; raises the error of the request."""
        raw = [msgspec.Raw(encode_decision(decision)) for decision in decisions]
        request = AppendRequest(self.now + SECOND, list(seen), raw, list(submissions))
        answers: list[bytes | PlacetError] = []
        waiting = Waiting(service, decode_request(encode_request(request)), answers.append)
        (sequencer or self.sequencer).run([waiting])
        assert len(answers) == 1
        if isinstance(answers[0], PlacetError):
            raise answers[0]
        reply = decode_reply(answers[0])
        self.check(reply)
        return reply

    def check(self, reply: AppendReply) -> Checkpoint:
        """Check everything that a reply proves."""
        log = self.logs.find(self.controller)
        assert log is not None
        checkpoint = open_checkpoint(reply.checkpoint, [Verifier.parse(key.vkey) for key in log.keys])
        assert checkpoint.size == reply.size
        leaves = {result.index: result.leaf for result in reply.results if result.error is None}
        covered = set()
        for one in reply.ranges:
            run = [leaves[index] for index in range(one.begin, one.end)]
            proof = RangeProof(begin=one.begin, end=one.end, left=one.left, right=one.right)
            verify_range(proof, run, reply.size, checkpoint.root)
            covered.update(range(one.begin, one.end))
        assert covered == set(leaves)
        return checkpoint

    def grant(self, **changes: Any) -> int:
        """Grant a consent and return its ordinal."""
        reply = self.send(submission(grant_draft(self.now, **changes), key=os.urandom(16)), service="consent")
        return entry_of(reply).basis  # type: ignore[no-any-return]

    def withdraw(self, basis: int, key: bytes | None = None) -> AppendReply:
        """Withdraw a basis."""
        draft = WithdrawDraft(basis=basis, by="data_subject", reason="no_longer_wanted")
        return self.send(submission(draft, key=key or os.urandom(16)), service="consent")

    def event(self, basis: int | None, **changes: Any) -> AppendReply:
        """Submit one event under a basis with an allowing decision."""
        return self.send(event(self.now, basis, **changes), decisions=[decision()])

    def bodies(self) -> list[bytes]:
        """Return all entries of the log."""
        size = self.sequencer.recover().size
        return SqlJournal(self.engines, self.log, -1).page(0, size)


def grant_draft(now: int, **changes: Any) -> GrantDraft:
    """Return the draft of a lawful consent."""
    fields: dict[str, Any] = {
        "form": "consent",
        "subject": b64url(os.urandom(16)),
        "purposes": ("pay",),
        "operations": ("enrol", "verify"),
        "sites": ("*",),
        "egress": False,
        "not_before": now,
        "not_after": None,
        "needs": (),
        "max_events": None,
        "approvals": (),
        "record": b64url(os.urandom(32)),
        "notice": None,
        "law": "cn-2025",
        "authority": None,
    }
    return GrantDraft(**(fields | changes))


def decision(**changes: Any) -> DecisionDraft:
    """Return an allowing decision; `changes` are of its context."""
    return DecisionDraft(
        policies=(PolicyRef(hash=b64url(bytes(32)), id="cn-2025"),),
        context=CONTEXT | changes,
        verdict="allow",  # type: ignore[arg-type]
        permit=("cn-2025/art-6-1",),
        forbid=(),
        errors=(),
    )


def event(
    now: int, basis: int | None, *, key: bytes | None = None, permit: int | None = None, **changes: Any
) -> Submission:
    """Return the submission of an event that relies on decision 0 of its request."""
    key = key or os.urandom(16)
    fields: dict[str, Any] = {
        "id": str(uuid.UUID(bytes=key)),
        "frame": None,
        "basis": basis,
        "purpose": "pay",
        "operation": "verify",
        "device": "counter-1",
        "site": "branch-1",
        "egress": False,
        "occurred": now,
        "offline": False,
        "seen": 0,
        "permit": None if permit is None else PermitAsked(max_uses=permit, lifetime_us=60 * SECOND),
    }
    return submission(EventDraft(**(fields | changes)), key=key, decision=0)


def use(event_index: int, key: bytes | None = None) -> Submission:
    """Return the submission of a use of an event's permit."""
    return submission(UseDraft(event=event_index, service="vault"), key=key or os.urandom(16))


def record(type_: str, key: bytes | None = None, **data: Any) -> Submission:
    """Return the submission of a record."""
    return submission(RecordDraft(type=type_, data=data), key=key or os.urandom(16))


def entry_of(reply: AppendReply, position: int = 0) -> Any:
    """Return the entry of a result; raises the typed error if it was refused."""
    result = reply.results[position]
    if result.error is not None:
        raise result.error.error()
    return parse_entry(result.entry)
