"""A real log and its real witnesses (processes over HTTP), with the service's cosigning between them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
from integration.audit.rig import Rig
from integration.witness.witness_rig import Running, Zygote, new_folder

from placet.audit.cosigning import LogCosigning, Pace, Surroundings
from placet.audit.model import Cosigned, Log
from placet.audit.quorum import WitnessAt, at_least, parse_witnesses
from placet.audit.reading import Snapshot
from placet.audit.witness_http import http_witnesses
from placet.audit.witness_store import WitnessStore
from placet.audit.witness_tables import WitnessTable
from placet.kit.db.database import Database
from placet.kit.telemetry.metrics import Metrics
from placet.tlog.note import Verifier, Vkey, open_note

QUICK = Pace(interval=0.02, round=2.0, first_pause=0.05, last_pause=0.2)


class Witnesses:
    """Witness processes that know one log; each may be stopped, and started again where it was."""

    def __init__(self, zygote: Zygote, folder: Path, log_vkey: str, count: int) -> None:
        self._zygote = zygote
        self._folder = folder
        self._vkeys = [
            new_folder(folder / f"w{n}", name=f"witness.example/w{n}", vkeys=[log_vkey]) for n in range(count)
        ]
        self.running = [zygote.start(folder / f"w{n}", self._vkeys[n]) for n in range(count)]

    def __getitem__(self, number: int) -> Running:
        return self.running[number]

    def named(self) -> tuple[WitnessAt, ...]:
        return parse_witnesses(
            [f"http://127.0.0.1:{one.port}={vkey}" for one, vkey in zip(self.running, self._vkeys, strict=True)]
        )

    def kill(self, number: int) -> None:
        self.running[number].kill()

    def start(self, number: int) -> None:
        port = self.running[number].port
        self.running[number] = self._zygote.start(self._folder / f"w{number}", self._vkeys[number], port=port)


class Bench:
    """One log that is put to witnesses."""

    def __init__(self, rig: Rig, store: WitnessStore, named: tuple[WitnessAt, ...], quorum: int) -> None:
        self.rig = rig
        self.store = store
        self.named = named
        self.metrics = Metrics()
        self.answers = self.metrics.counter("answers", "")
        self.quorum = at_least(quorum, named)
        self.recorded: list[tuple[str, int]] = []
        self.holding = True
        self.client = httpx.AsyncClient(trust_env=False, verify=False)  # http only; reading certificates takes its time
        self.pace = QUICK
        self.cosigning = self.make()

    def make(self) -> LogCosigning:
        async def refused(_: Log, vkey: Vkey, status: int) -> None:
            self.recorded.append((vkey.name, status))

        around = Surroundings(
            newest=self.newest,
            refused=refused,
            store=self.store,
            quorum=self.quorum,
            pace=self.pace,
            jitter=lambda: 0.5,
            answers=self.answers,
        )
        witnesses = http_witnesses(self.client, self.named, timeout=1.0, rate=10_000)
        return LogCosigning(self.rig.log, list(zip(self.named, witnesses, strict=True)), around)

    def newest(self, _: Log) -> Snapshot | None:
        return self.rig.sequencer.snapshot() if self.holding else None

    def grow(self, entries: int = 1) -> int:
        """Append, and say so as the holder does; return the new size."""
        for _ in range(entries):
            self.rig.event(None)
        self.cosigning.grown()
        return self.rig.sequencer.recover().size

    async def until(self, true: Callable[[], bool], within: float = 15.0) -> None:
        async with asyncio.timeout(within):
            while not true():
                await asyncio.sleep(0.005)

    async def published(self, size: int, within: float = 15.0) -> Cosigned:
        """Wait until a checkpoint of that size is published, and check it as a reader with pinned keys does."""
        await self.until(lambda: self.cosigning.published is not None and self.cosigning.published.size >= size, within)
        found = self.cosigning.published
        assert found is not None
        self.check(found)
        return found

    def check(self, found: Cosigned) -> set[str]:
        """Check a published checkpoint; return the names of those who signed."""
        keys = [key for one in self.named for key in one.keys]
        opened = open_note(found.note, [Verifier.parse(self.rig.log.vkey), *keys])
        assert not opened.unknown
        signed = {vkey for vkey, _ in opened.verified}
        assert self.quorum(signed)
        assert found.root == self.rig.sequencer.snapshot().root_at(found.size)
        return {vkey.name for vkey in signed}

    def outcomes(self, outcome: str) -> int:
        """Return how many answers of witnesses had this outcome."""
        answers = self.metrics.snapshot()["answers"].items()
        return int(sum(count for labels, count in answers if ("outcome", outcome) in labels))


@contextlib.asynccontextmanager
async def bench(rig: Rig, named: tuple[WitnessAt, ...], quorum: int) -> AsyncIterator[Bench]:
    """Cosign a log until the end of the block; in PostgreSQL cosignatures are kept in the log's own database."""
    if rig.engines.serial:
        database = await Database.open(f"sqlite:///{rig.folder / 'witness.db'}")
        await database.create_all(WitnessTable.metadata)
    else:
        database = await Database.open(rig.engines.writer.url.render_as_string(hide_password=False))
    made = Bench(rig, WitnessStore(database), named, quorum)
    task = asyncio.create_task(made.cosigning.run())
    try:
        yield made
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])
        await made.client.aclose()
        await database.close()
