"""The real audit service over a real NATS, killed again and again under concurrent callers.

Owns one campaign: the mesh, its callers, and the account of what was asked for (`asked`), what was acknowledged
(`acknowledged`: key -> index and leaf hash) and therefore what may stand in the ledger. Callers verify every proof they
are given and never forget the last checkpoint: two histories would be noticed.
"""

import asyncio
import os
import random
import secrets
import sqlite3
import time
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from integration.audit.rig import decision, event
from integration.kit_bus.conftest import unix_us

from placet.kit.bus.bus import Bus, Credentials
from placet.kit.errors import PlacetError
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import Submission
from placet.kit.ledger.receipts import Appended
from placet.local.mesh import Mesh
from placet.tlog.checkpoint import Checkpoint, open_checkpoint
from placet.tlog.hashing import leaf_hash
from placet.tlog.note import Verifier
from placet.tlog.proof import verify_consistency, verify_inclusion

CALLERS = 6
DEADLINE_US = 1_500_000
Place = tuple[int, bytes]


@dataclass
class Caller:
    """One caller: sends events, repeats what was not answered, and checks what it is told."""

    ledger: LedgerClient
    verifier: Verifier
    dice: random.Random
    asked: set[bytes] = field(default_factory=set)
    acknowledged: dict[bytes, Place] = field(default_factory=dict)
    _unanswered: list[Submission] = field(default_factory=list)
    _seen: Checkpoint | None = None

    async def run(self) -> None:
        """Call until cancelled."""
        while True:
            submissions = [self._next() for _ in range(self.dice.randint(1, 4))]
            self.asked.update(one.key for one in submissions)
            old = self._seen
            try:
                for appended in await self._append(submissions, 0 if old is None else old.size):
                    self._check(submissions, appended, old)
            except PlacetError:
                self._unanswered = (self._unanswered + submissions)[-50:]
                await asyncio.sleep(0.1)

    async def _append(self, submissions: list[Submission], seen: int) -> list[Appended]:
        """Append, sometimes twice at once, as a caller does whose first request seemed lost."""
        deadline = unix_us() + DEADLINE_US
        calls = [
            self.ledger.append("bank", submissions, [decision()], seen=seen, deadline=deadline)
            for _ in range(2 if self.dice.random() < 0.2 else 1)
        ]
        return await asyncio.gather(*calls)

    def _next(self) -> Submission:
        if self._unanswered and self.dice.random() < 0.5:
            return self._unanswered.pop()
        return event(unix_us(), None, key=os.urandom(16))

    def _check(self, submissions: list[Submission], appended: Appended, old: Checkpoint | None) -> None:
        checkpoint = open_checkpoint(appended.checkpoint, [self.verifier])
        for one, receipt in zip(submissions, appended.receipts(), strict=True):
            assert leaf_hash(receipt.entry) == receipt.leaf
            proof = appended.inclusion(receipt.index)
            verify_inclusion(receipt.leaf, receipt.index, checkpoint.size, proof, checkpoint.root)
            place = self.acknowledged.setdefault(one.key, (receipt.index, receipt.leaf))
            assert place == (receipt.index, receipt.leaf), "one key, one entry"
        if old is not None:
            assert appended.consistency is not None, "the log has become shorter"
            verify_consistency(old.size, old.root, checkpoint.size, checkpoint.root, appended.consistency)
        if self._seen is None or checkpoint.size > self._seen.size:
            self._seen = checkpoint


class Campaign:
    """A mesh of NATS and audit, with callers."""

    def __init__(self, data: Path, seed: int) -> None:
        self.mesh = Mesh(data, services=("audit",))
        self.database = data / "audit" / "audit.db"
        self.callers: list[Caller] = []
        self.dice = random.Random(seed)
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.mesh)
        files = await self.mesh.create_controller("bank")
        self.vkey = files.vkey
        for number in range(CALLERS):
            seed = self.mesh._bus().seed_file("permission")
            bus = Bus(
                self.mesh.nats_url,
                name="permission",
                clock=unix_us,
                random=secrets.token_bytes,
                credentials=Credentials(seed_file=seed),
            )
            ledger = LedgerClient(await self._stack.enter_async_context(bus), "permission")
            caller = Caller(ledger, Verifier.parse(files.vkey), random.Random(self.dice.random() + number))
            self.callers.append(caller)
            self._tasks.append(asyncio.create_task(caller.run()))
            self._stack.push_async_callback(_cancel, self._tasks[-1])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def acknowledged(self) -> dict[bytes, Place]:
        """Everything that any caller was told, by key."""
        return {key: place for caller in self.callers for key, place in caller.acknowledged.items()}

    @property
    def asked(self) -> set[bytes]:
        """Everything that any caller ever sent."""
        return {key for caller in self.callers for key in caller.asked}

    async def start(self, failpoint: str = "") -> float | None:
        """Start audit again and return how long it took to serve; None if it died before."""
        child = self.mesh.child("audit")
        child._environment["PLACET_FAILPOINT"] = failpoint
        began = time.monotonic()
        self.mesh._launch("audit")
        while not self.mesh.layout.ready("audit").exists():
            if not child.running:
                return None
            await asyncio.sleep(0.01)
        return time.monotonic() - began

    async def until_acknowledged(self, within: float) -> float | None:
        """Wait for the next acknowledged entry and return how long it took; None if audit died, or it took longer."""
        before, began = len(self.acknowledged), time.monotonic()
        while len(self.acknowledged) == before:
            if not self.mesh.child("audit").running or time.monotonic() - began > within:
                return None
            assert not any(task.done() for task in self._tasks), "a caller found something wrong: see below"
            await asyncio.sleep(0.01)
        return time.monotonic() - began

    def processor_time(self) -> float:
        """Return the seconds that audit has used of the processors, 0 if it is gone."""
        try:
            fields = Path(f"/proc/{self.mesh.child('audit').pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def give_up_lease(self) -> None:
        """Let the dead holder's lease run out at once, where a test does not want to wait the three seconds."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("UPDATE log SET holder = NULL, lease_until = 0")


def ledger_of(database: Path, first: int) -> dict[bytes, Place]:
    """Return what stands in a ledger from an index on, by key."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        query = "SELECT i.key, i.idx, e.body FROM idempotency i JOIN entry e ON e.log = i.log AND e.idx = i.idx"
        rows = connection.execute(f"{query} WHERE i.idx >= ? AND i.service = 'permission'", (first,)).fetchall()
    return {key: (index, leaf_hash(body)) for key, index, body in rows}


async def _cancel(task: asyncio.Task[None]) -> None:
    """End a caller; raises what a check of its found."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
