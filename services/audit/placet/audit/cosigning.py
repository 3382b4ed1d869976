"""One log and its witnesses: in rounds, the newest checkpoint is put to all of them at once, beside the appends.

Owns what a round is and when it is over, what each witness holds, and how often a failing one is asked. A round has one
checkpoint, so that the cosignatures of different witnesses meet under it; what was committed meanwhile waits for the
next one (only the newest counts). It is over when a quorum has cosigned or nobody is busy with it: a slow witness holds
up neither the others nor, ever, an append. What is cosigned is kept first and published then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from placet.audit.model import Cosigned, Holds, Lines, Log, Refused
from placet.audit.ports import Witness
from placet.audit.quorum import Quorum, WitnessAt
from placet.audit.reading import Snapshot
from placet.kit.errors import Corrupt, PlacetError
from placet.kit.telemetry.metrics import Counter
from placet.tlog.addcheckpoint import AddCheckpoint
from placet.tlog.checkpoint import parse_checkpoint
from placet.tlog.note import Vkey, add_signatures, split_note

TRIES: Final = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, in seconds: between two rounds, a round at most, and between two attempts of a failing witness."""

    interval: float = 1.0
    round: float = 10.0
    first_pause: float = 1.0
    last_pause: float = 60.0


class Keeping(Protocol):
    """Where cosignatures are kept."""

    async def keep(self, origin: str, checkpoint: Cosigned, lines: Mapping[Vkey, str]) -> None:
        """Keep these lines under a checkpoint; durable once this returns, and may be repeated."""


@dataclass(slots=True)
class Round:
    """A checkpoint that is put to all witnesses, and what they signed."""

    checkpoint: Cosigned
    lines: dict[Vkey, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The tree size."""
        return self.checkpoint.size

    def cosigned(self) -> Cosigned:
        """Return the checkpoint with the cosignatures so far."""
        at = self.checkpoint
        return Cosigned(note=add_signatures(at.note, self.lines.values()), size=at.size, root=at.root)


@dataclass(slots=True)
class Attended:
    """A witness, and how it stands with this log."""

    at: WitnessAt
    witness: Witness
    # What it holds, as far as is known; what it says corrects it.
    holds: int = 0
    # Size of the last round in which there is nothing more to do for it.
    done: int = 0
    failures: int = 0
    pausing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What cosigning needs of the service, the same for all logs.

    `newest` is the log at its last commit, None while this replica does not hold it; `refused` records in the log that
    a witness refuses it; `jitter` is between 0 and 1.
    """

    newest: Callable[[Log], Snapshot | None]
    refused: Callable[[Log, Vkey, int], Awaitable[None]]
    store: Keeping
    quorum: Quorum
    pace: Pace
    jitter: Callable[[], float]
    answers: Counter


class LogCosigning:
    """The rounds of one log."""

    # Invariant: `published` has a quorum, is kept, and its size never falls.

    def __init__(self, log: Log, witnesses: Sequence[tuple[WitnessAt, Witness]], around: Surroundings) -> None:
        self.log = log
        self.published: Cosigned | None = None
        self.hopeful = True
        """Whether the last round that is over reached the quorum; true until one has failed."""
        self._around = around
        self._attended = [Attended(at=at, witness=witness) for at, witness in witnesses]
        self._round: Round | None = None
        self._grown = asyncio.Event()
        self._changed = asyncio.Condition()

    def grown(self) -> None:
        """Take note that the log may have grown."""
        self._grown.set()

    async def wait_for(self, size: int, *, within: float) -> Cosigned | None:
        """Return what is published once it has at least `size` entries; None if it has not within so many seconds."""

        def covered() -> bool:
            return self.published is not None and self.published.size >= size

        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: covered() or not self.hopeful)
        except TimeoutError:
            return None
        return self.published if covered() else None

    async def run(self) -> None:
        """Hold rounds until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for one in self._attended:
                tasks.create_task(self._attend(one))
            await self._hold_rounds()

    async def _hold_rounds(self) -> None:
        while True:
            await self._grown.wait()
            self._grown.clear()
            snapshot = self._around.newest(self.log)
            if snapshot is None or (self._round is not None and snapshot.size <= self._round.size):
                continue
            await self._begin(snapshot)
            await self._settle()
            await asyncio.sleep(self._around.pace.interval)

    async def _begin(self, snapshot: Snapshot) -> None:
        root = parse_checkpoint(split_note(snapshot.checkpoint)[0]).root
        self._round = Round(Cosigned(note=snapshot.checkpoint, size=snapshot.size, root=root))
        await self._notify()

    async def _settle(self) -> None:
        """Return when the round is over."""
        held = self._round
        assert held is not None

        def over() -> bool:
            busy = (one for one in self._attended if one.done < held.size and not one.pausing)
            return self._around.quorum(held.lines.keys()) or not any(busy)

        try:
            async with asyncio.timeout(self._around.pace.round), self._changed:
                await self._changed.wait_for(over)
        except TimeoutError:
            pass
        self.hopeful = self._around.quorum(held.lines.keys())
        await self._notify()

    async def _attend(self, one: Attended) -> None:
        while True:
            held = await self._next(one)
            if await self._try(one, held):
                one.done, one.failures = held.size, 0
                await self._notify()
                continue
            one.failures += 1
            one.pausing = True  # and is not waited for
            await self._notify()
            await asyncio.sleep(self._pause(one.failures))
            one.pausing = False

    async def _next(self, one: Attended) -> Round:
        """Wait for a round that this witness has not signed yet; of several, only the last counts."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._round is not None and self._round.size > one.done)
            assert self._round is not None
            return self._round

    def _pause(self, failures: int) -> float:
        pace = self._around.pace
        longest = min(pace.last_pause, pace.first_pause * 2.0 ** min(failures - 1, 16))
        return longest * (0.5 + 0.5 * self._around.jitter())

    async def _try(self, one: Attended, held: Round) -> bool:
        """Put the round's checkpoint to a witness; tell whether there is nothing more to do for it."""
        try:
            return await self._put(one, held)
        except Corrupt as error:
            self._say(one, "corrupt", logging.ERROR, error.message, alarm=True)
        except PlacetError as error:
            self._say(one, "unavailable", logging.WARNING, error.message)
        except Exception:  # noqa: BLE001 (a defect here must not stop the ledger; it is said and tried again)
            _log.exception("cosigning failed", extra={**self._facts(one), "alarm": True})
        return False

    async def _put(self, one: Attended, held: Round) -> bool:
        one.holds = min(one.holds, held.size)
        for _ in range(TRIES):
            snapshot = self._around.newest(self.log)
            if snapshot is None:
                return True  # another replica holds the log now, and puts it to the witnesses
            proof = snapshot.consistency(one.holds, held.size).hashes
            request = AddCheckpoint.of(one.holds, proof, held.checkpoint.note)
            answer = await one.witness.add_checkpoint(request)
            if isinstance(answer, Refused):
                await self._refused(one, answer)
                return False
            if isinstance(answer, Lines):
                return await self._signed(one, held, answer)
            one.holds = answer.size
            if answer.size > held.size:
                return await self._ahead(one, held, answer)
        return False

    async def _signed(self, one: Attended, held: Round, answer: Lines) -> bool:
        one.holds = held.size
        await self._around.store.keep(self.log.origin, held.checkpoint, answer.by_key)
        held.lines.update(answer.by_key)
        self._around.answers.add(witness=one.at.name, outcome="cosigned")
        newest = self.published is None or held.size >= self.published.size
        if newest and self._around.quorum(held.lines.keys()):
            self.published = held.cosigned()
            self.hopeful = True
        missing = [key.vkey.name for key in one.at.keys if key.vkey not in answer.by_key]
        if missing:
            self._say(one, "incomplete", logging.INFO, f"has not signed with {', '.join(missing)} yet")
        return not missing

    async def _ahead(self, one: Attended, held: Round, answer: Holds) -> bool:
        """Deal with a witness that holds a larger tree than the round's; it may have had it from another replica."""
        snapshot = self._around.newest(self.log)
        if snapshot is None:
            return True
        if answer.size <= snapshot.size:
            self.grown()
            return True
        if one.failures:  # asked twice: by now a lost lease would have been noticed
            message = f"holds {answer.size} entries of this log, which has only {snapshot.size}: is this an old copy?"
            self._say(one, "ahead", logging.ERROR, message, alarm=True)
            await self._around.refused(self.log, one.at.keys[0].vkey, 409)
        return False

    async def _refused(self, one: Attended, answer: Refused) -> None:
        message = f"refuses with {answer.status}: {answer.message}"
        if not answer.conflict:
            self._say(one, "refused", logging.ERROR, f"{message} (is this log, with its key, configured there?)")
            return
        self._say(one, "conflict", logging.ERROR, f"{message}; it holds another history of this log", alarm=True)
        await self._around.refused(self.log, one.at.keys[0].vkey, answer.status)

    def _say(self, one: Attended, outcome: str, level: int, message: str, *, alarm: bool = False) -> None:
        self._around.answers.add(witness=one.at.name, outcome=outcome)
        _log.log(level, "the witness %s %s", one.at.name, message, extra={**self._facts(one), "alarm": alarm})

    def _facts(self, one: Attended) -> dict[str, object]:
        return {"controller": self.log.controller, "witness": one.at.name}

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
