"""The sequencer of one log: takes a group of requests, judges, commits once, signs, and answers. Synchronous and
alone.

Owns the one commit point. Nothing is answered before its commit has returned; any failure on the way throws the
working state away, tells the callers that nothing was appended (or that the same keys will find it), and the next
group recovers from the database, the way a restart does. Never holds two groups. See ledger.md section 7.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from placet.audit.clock import LogClock
from placet.audit.errors import HeadMoved
from placet.audit.facts import Facts
from placet.audit.group import Group, ordinals_of
from placet.audit.jobs import Job, Sequenced
from placet.audit.logs import Logs
from placet.audit.model import Head, Log, LogKey
from placet.audit.nodes import TileCache
from placet.audit.ports import Journal, LogKeys
from placet.audit.proving import Proofs
from placet.audit.queueing import Waiting
from placet.audit.reading import Snapshot
from placet.audit.recovery import recover
from placet.audit.signing import Signers
from placet.audit.tail import Tail
from placet.evidence.digests import decision_digest
from placet.evidence.drafts import DecisionDraft
from placet.evidence.status import StatusTree
from placet.kit.db.engine import Engines
from placet.kit.errors import PlacetError, Unavailable
from placet.kit.failpoints import Write
from placet.kit.ledger.messages import decode_decision

KNOWN_DECISIONS: Final = 50_000


@dataclass(slots=True)
class _Working:
    """What is kept in memory between groups; rebuilt by recovery."""

    head: Head
    tail: Tail
    status: StatusTree
    facts: Facts
    proofs: Proofs


class Sequencer:
    """Appends to one log, for as long as this process holds its lease."""

    # Invariant: _working is None or agrees with the last commit of this epoch.

    def __init__(self, log: Log, journal: Journal, engines: Engines, keys: LogKeys, clock: LogClock) -> None:
        self._log = log
        self._journal = journal
        self._engines = engines
        self._keys = keys
        self._clock = clock
        self._working: _Working | None = None
        self._decisions: dict[bytes, tuple[bytes, DecisionDraft]] = {}

    @property
    def log(self) -> Log:
        """The log this appends to."""
        return self._log

    def reopen(self, log: Log) -> None:
        """Take a changed state of the log (closed) into account."""
        self._log = log

    def run(self, waiting: Sequence[Waiting]) -> None:
        """Sequence these requests as one group and answer each; raises HeadMoved when the log has another holder.

        Every request is answered exactly once, also when this raises.
        """
        try:
            replies = self._sequence(waiting)
        except HeadMoved as error:
            self._fail(waiting, error)
            raise
        except PlacetError as error:
            self._fail(waiting, error)
            return
        except Exception:
            self._fail(waiting, Unavailable("LEDGER_UNAVAILABLE", "the sequencer failed; repeat with the same keys"))
            raise
        for one, reply in zip(waiting, replies, strict=True):
            with Write.LEDGER_ANSWER:
                one.done(reply)

    def _fail(self, waiting: Sequence[Waiting], error: PlacetError) -> None:
        self._working = None
        for one in waiting:
            one.done(error)

    def recover(self) -> Head:
        """Bring the working state back from the database if there is none; return the head."""
        if self._working is None:
            tiles = TileCache(self._engines.reader, self._log.id)
            head, tail, status = recover(self._engines, self._log.id, tiles)
            facts = Facts(self._journal, self._log.origin, head.bases)
            # Which keys sign is read with the rest: a rotation may be the last thing that was committed.
            self._log = Logs(self._engines.reader).find(self._log.controller) or self._log
            signers = Signers(self._log, self._keys)
            signers.at(head)
            proofs = Proofs(self._log.origin, signers, tail)
            self._working = _Working(head, tail, status, facts, proofs)
        return self._working.head

    def open(self) -> None:
        """Recover, and write the first two entries of a log that has none: `log.created` and the first state."""
        if self.recover().size:
            return
        working = self._working
        assert working is not None
        with self._journal.transaction():
            group = self._begin(working, [])
            group.found()
            after = self._append(group)
        working.head = after

    def rotate(self, key: LogKey) -> None:
        """Put a key that was asked for in force: append `key.rotated` as a group of its own.

        Its checkpoint, and those of the overlap, are signed by both keys. Raises HeadMoved when the log has another
        holder, and what the provider raises if it has not the key: then nothing was appended.
        """
        self.recover()
        working = self._working
        assert working is not None
        working.proofs.signers.load(key)
        self._working = None  # whatever fails from here on, the next group recovers
        with self._journal.transaction():
            group = self._begin(working, [])
            in_force = group.rotate(key)
            after = self._append(group)
            self._journal.rotate(in_force)
        self._log = replace(self._log, rotated=(*self._log.rotated, in_force))
        working.proofs.signers = Signers(self._log, self._keys)
        working.head = after
        self._working = working

    def snapshot(self) -> Snapshot:
        """Return the log at its last commit, for readers on this thread; valid until the next group."""
        self.recover()
        working = self._working
        assert working is not None
        note = working.proofs.checkpoint(working.head)
        return Snapshot(self._log, working.head, note, working.tail, working.status, self._engines)

    def _sequence(self, waiting: Sequence[Waiting]) -> list[bytes]:
        self.recover()
        working = self._working
        assert working is not None
        jobs = [self._jobs(one) for one in waiting]
        flat = [job for some in jobs for job in some]
        with self._journal.transaction():
            group = self._begin(working, flat)
            self._judge(group, flat)
            old = self._journal.entries(_old_indexes(flat, group.head.size))
            after = self._append(group)
        working.head = after  # durable from here on
        return [
            working.proofs.reply(one.request, _outcomes(some), working.head, group, old)
            for one, some in zip(waiting, jobs, strict=True)
        ]

    def _append(self, group: Group) -> Head:
        """Write what the group has, if anything, into the open transaction; return the head that follows."""
        if not group.entries:
            return group.head
        commit = group.finish()
        self._journal.append(commit)
        return commit.after

    def _jobs(self, one: Waiting) -> list[Job]:
        jobs = []
        for submission in one.request.submissions:
            decision = None if submission.decision is None else bytes(one.request.decisions[submission.decision])
            job = Job(one.service, submission, None, decision)
            try:
                job.draft = submission.draft()
            except PlacetError as error:
                job.outcome = error
            jobs.append(job)
        return jobs

    def _begin(self, working: _Working, jobs: Sequence[Job]) -> Group:
        known = self._journal.keys((job.service, job.submission.key) for job in jobs if job.outcome is None)
        working.facts.load_bases(ordinals_of([job.draft for job in jobs if job.draft is not None]))
        return Group(
            log=self._log,
            head=working.head,
            t=self._clock.next(working.head.t),
            tail=working.tail,
            status=working.status,
            facts=working.facts,
            known=known,
        )

    def _judge(self, group: Group, jobs: Sequence[Job]) -> None:
        for job in jobs:
            group.vet(job)
        indexes = self._decide(group, [job for job in jobs if job.outcome is None])
        for job in jobs:
            if job.outcome is None:
                group.submit(job, None if job.decision is None else indexes.get(job.decision))

    def _decide(self, group: Group, jobs: Sequence[Job]) -> dict[bytes, int]:
        """Return where each decision that an event of this group relies on stands, appending those that are new."""
        indexes: dict[bytes, int] = {}
        for job in jobs:
            raw = job.decision
            if raw is None or raw in indexes or (job.service, job.submission.key) in group.known:
                continue
            try:
                digest, draft = self._decision(raw)
                found = group.facts.decision_index(digest)
                indexes[raw] = group.decide(digest, draft) if found is None else found
            except PlacetError as error:
                job.outcome = error
        return indexes

    def _decision(self, raw: bytes) -> tuple[bytes, DecisionDraft]:
        """Return the digest of a decision as it came, and the decision; the same bytes are read once."""
        known = self._decisions.get(raw)
        if known is None:
            draft = decode_decision(raw)
            if len(self._decisions) >= KNOWN_DECISIONS:
                self._decisions.clear()
            known = self._decisions[raw] = (decision_digest(draft), draft)
        return known


def _outcomes(jobs: Iterable[Job]) -> list[Sequenced | PlacetError]:
    return [job.outcome for job in jobs if job.outcome is not None]


def _old_indexes(jobs: Iterable[Job], first: int) -> set[int]:
    """Return the indexes of answers that stood in the log before this group."""
    return {job.outcome.index for job in jobs if isinstance(job.outcome, Sequenced) and job.outcome.index < first}
