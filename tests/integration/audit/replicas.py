"""Two audit processes on one PostgreSQL and one NATS, and callers that append all the time and know what they got."""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self

from integration.audit.audit_databases import AuditPostgres
from integration.audit.rig import SECOND, Rig, record
from integration.kit_bus.nats_process import Nats
from sqlalchemy import select

from placet.audit.fsck import fsck
from placet.audit.lease import Lease, release
from placet.audit.store import LOG, SqlJournal
from placet.kit.bus import frames
from placet.kit.bus.bus import Bus
from placet.kit.errors import PlacetError, Retry
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import AppendRequest, Submission, decode_reply, encode_request
from placet.kit.ledger.receipts import Receipt
from placet.local.child import Child
from placet.local.issuer import AUDIENCE, Issuer
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.note import Verifier
from placet.tlog.proof import verify_consistency

PLAIN = [sys.executable, "-m", "placet.audit"]
CHILD = [sys.executable, str(Path(__file__).with_name("audit_child.py"))]
PAUSE_S = 0.02


def now() -> int:
    return time.time_ns() // 1_000


@dataclass
class Acknowledged:
    """What callers were told: by key the receipt, when they were told, and every checkpoint they saw."""

    receipts: dict[bytes, Receipt] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    checkpoints: set[str] = field(default_factory=set)

    def silence(self, since: float) -> float:
        """Return the longest time without an acknowledgement from `since` (monotonic) on."""
        times = [since, *(one for one in self.times if one > since)]
        return max(after - before for before, after in pairwise(times))


def _states(child: Child) -> set[str]:
    """Return the states of a process's threads: T is stopped; none if it has ended."""
    if not child.running:
        return set()
    threads = Path(f"/proc/{child.pid}/task").iterdir()
    return {(one / "stat").read_text().rpartition(")")[2].split()[0] for one in threads}


class Replicas:
    """`async with` starts NATS and two replicas with the same key files, of which `first` holds the log `bank`."""

    def __init__(
        self,
        folder: Path,
        postgres: AuditPostgres,
        *,
        first: Sequence[str] = PLAIN,
        second: Sequence[str] = PLAIN,
    ) -> None:
        self._folder = folder
        self._postgres = postgres
        self._nats = Nats(folder)
        self._issuer = Issuer()
        self._rig = Rig(folder, postgres.service)
        self.first = self._child("first", first)
        self.second = self._child("second", second)
        self.acknowledged = Acknowledged()

    async def __aenter__(self) -> Self:
        self._make_log()
        self._nats.start()
        self._issuer.write_jwks(self._folder / "jwks.json")
        self.bus = Bus(self._nats.url, name="vault", clock=now, random=secrets.token_bytes)
        await self.bus.connect()
        for child in (self.first, self.second):
            await self.start_again(child)
        await self.held_by(self.first, within=5)
        return self

    async def start_again(self, child: Child) -> None:
        """Start a process and wait until it serves."""
        self._ready(child.name).unlink(missing_ok=True)
        child.start()
        await child.until(self._ready(child.name), within=60)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(self.first.stop(), self.second.stop())
        await self.bus.close()
        self._nats.stop()
        self._rig.close()

    def _make_log(self) -> None:
        lease = self._epoch()
        release(self._rig.engines.writer, Lease(log=self._rig.log.id, epoch=lease))

    def _epoch(self) -> int:
        with self._rig.engines.reader.connect() as connection:
            return int(connection.execute(select(LOG.c.epoch)).scalar_one())

    def _ready(self, name: str) -> Path:
        return self._folder / f"{name}.ready"

    def _child(self, name: str, command: Sequence[str]) -> Child:
        own = self._folder / name
        own.mkdir()
        (own / "keys").symlink_to(self._folder / "keys")  # as a shared volume or secret would be mounted
        environment = {
            "PATH": os.environ["PATH"],
            "PLACET_DATABASE_URL": self._postgres.service,
            "PLACET_SEARCH_URL": self._postgres.search,
            "PLACET_DATA_DIR": str(own),
            "PLACET_PORT": "0",
            "PLACET_NATS_URL": self._nats.url,
            "PLACET_JWKS": str(self._folder / "jwks.json"),
            "PLACET_ISSUER": self._issuer.issuer,
            "PLACET_AUDIENCE": AUDIENCE,
            "PLACET_READY_FILE": str(self._ready(name)),
            "PLACET_EXIT_WITH_PARENT": str(os.getpid()),
            "PLACET_ENTRY_PARTITION": "256",
        }
        return Child(name, command, environment, self._folder / f"{name}.log")

    def holder(self) -> str | None:
        """Return the name of the process that holds the log now."""
        with self._rig.engines.reader.connect() as connection:
            return connection.execute(select(LOG.c.holder)).scalar_one()

    async def held_by(self, child: Child, *, within: float) -> float:
        """Wait until a replica holds the log and return the seconds that took."""
        began = time.monotonic()
        while f":{child.pid}:" not in (self.holder() or ""):
            if time.monotonic() - began > within:
                states = ", ".join(f"{one.name} {sorted(_states(one))}" for one in (self.first, self.second))
                raise AssertionError(f"{child.name} did not take the log within {within} s: {states}; {self.holder()}")
            await asyncio.sleep(PAUSE_S)
        return time.monotonic() - began

    async def paused(self, child: Child) -> None:
        """Wait until a process is stopped, thread by thread."""
        while _states(child) != {"T"}:
            await asyncio.sleep(PAUSE_S)

    async def append_forever(self) -> None:
        """Append one record after another, each with its key until it is acknowledged; until cancelled."""
        ledger = LedgerClient(self.bus, "vault")
        while True:
            asked = record("vault.sealed", os.urandom(16))
            while asked.key not in self.acknowledged.receipts:
                await self._append(ledger, asked)
            await asyncio.sleep(PAUSE_S)

    async def _append(self, ledger: LedgerClient, asked: Submission) -> None:
        try:
            appended = await ledger.append("bank", [asked], deadline=now() + 8 * SECOND)
        except PlacetError as error:
            if error.kind.retry not in (Retry.SAME, Retry.LATER):
                raise
            await asyncio.sleep(PAUSE_S)
            return
        self.acknowledged.receipts[asked.key] = appended.receipt()
        self.acknowledged.times.append(time.monotonic())
        self.acknowledged.checkpoints.add(appended.checkpoint)

    def ask(self, asked: Submission) -> "asyncio.Queue[PlacetError | None]":
        """Send one append with half a minute to live; each replica's answer goes into the queue, None for success."""
        answers: asyncio.Queue[PlacetError | None] = asyncio.Queue()

        def answered(_subject: bytes, _reply: bytes, data: bytes, headers: bytes | None) -> None:
            failed = frames.error_in(headers) if headers else None
            if failed is None and (reply := decode_reply(data)).error is not None:
                failed = reply.error.error()
            answers.put_nowait(failed)

        inbox = self.bus.inbox(secrets.token_hex(8))
        self.bus.listen(inbox, answered)
        request = encode_request(AppendRequest(now() + 30 * SECOND, [], [], [asked]))
        self.bus.publish("placet.bank.append.vault", request, reply=inbox)
        return answers

    def index_of(self, key: bytes) -> int | None:
        """Return where the entry of a key of these callers stands."""
        found = SqlJournal(self._rig.engines, self._rig.log, -1).keys([("vault", key)])
        return found["vault", key].index if found else None

    def check(self) -> list[bytes]:
        """Check that all that was acknowledged is in one history, once; return its entries. Call when all has ended."""
        rig = self._rig
        rig.forget()
        assert fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None) == []
        entries = rig.bodies()
        for receipt in self.acknowledged.receipts.values():
            assert entries[receipt.index] == receipt.entry
        indexes = [receipt.index for receipt in self.acknowledged.receipts.values()]
        assert len(indexes) == len(set(indexes))
        asked = sum(b'"type":"vault.sealed"' in entry for entry in entries)
        assert len(indexes) <= asked <= len(indexes) + 8, "an entry was doubled, or one came from nowhere"
        self._check_one_history()
        return entries

    def _check_one_history(self) -> None:
        """Every checkpoint that anybody was shown begins the log as it is now."""
        snapshot = self._rig.sequencer.snapshot()
        verifier = [Verifier.parse(self._rig.log.vkey)]
        last = open_checkpoint(snapshot.checkpoint, verifier)
        for note in self.acknowledged.checkpoints:
            seen = open_checkpoint(note, verifier)
            proof = snapshot.consistency(seen.size, last.size)
            verify_consistency(seen.size, seen.root, last.size, last.root, proof.hashes)
