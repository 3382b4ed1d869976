"""A real process that kills itself at each write of its outbox, and the next that makes it good (P1 and P2)."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fault.crashing import cases, named
from fault.talking import until
from integration.kit_bus.conftest import MakeBus, make_bus, nats
from integration.kit_bus.nats_process import Nats
from integration.kit_bus.outbox_service import make_service
from integration.kit_bus.toy_ledger import ToyLedger

from placet.kit.bus.jetstream import JetStream
from placet.kit.failpoints import Side, Write

__all__ = ("make_bus", "nats")
TESTS = Path(__file__).parents[1]
WRITES = (
    Write.DATABASE_COMMIT,
    Write.OUTBOX_PUT,
    Write.OUTBOX_APPEND,
    Write.OUTBOX_SETTLE,
    Write.OUTBOX_PUBLISH,
    Write.OUTBOX_PRUNE,
)
PROGRAM = """
import asyncio, sys
from integration.kit_bus.outbox_service import run_until_killed
from placet.kit import failpoints
failpoints.kill_at(sys.argv[5])
asyncio.run(run_until_killed(*sys.argv[1:4], int(sys.argv[4])))
"""


@pytest.fixture
async def ledger(make_bus: MakeBus) -> AsyncIterator[ToyLedger]:
    toy = await ToyLedger(await make_bus("audit")).serve()
    toy.filler = 0
    yield toy
    toy.gate.set()


async def run(database: str, nats_url: str, prefix: str, count: int, failpoint: str) -> tuple[int, set[str]]:
    """Run the service; return its status and the facts that it said were safe."""
    command = [sys.executable, "-c", PROGRAM, database, nats_url, prefix, str(count), failpoint]
    done = await asyncio.to_thread(subprocess.run, command, cwd=TESTS, stdout=subprocess.PIPE, timeout=60, check=False)
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {one[1] for one in said if len(one) > 1}


@pytest.mark.long
@pytest.mark.parametrize(("write", "side"), cases(WRITES), ids=named)
async def test_a_process_that_dies_at_a_write_loses_and_doubles_nothing(
    nats: Nats, make_bus: MakeBus, ledger: ToyLedger, tmp_path: Path, write: Write, side: Side
) -> None:
    bus = await make_bus("consent")
    await JetStream(bus).ensure_stream()
    database = f"sqlite:///{tmp_path / 'service.db'}"
    passing = 1 if write is Write.OUTBOX_PRUNE else 7
    status, safe = await run(database, nats.url, "a", 1_000, f"{write.value}:{side.value}:{passing}")
    assert status == -signal.SIGKILL
    status, more = await run(database, nats.url, "b", 3, "")
    assert status == 0
    service = await make_service(database, bus)
    facts = await service.facts()

    async def messages() -> int:
        return int((await JetStream(bus).api("STREAM.INFO.PLACET", {}))["state"]["messages"])

    async def all_told() -> bool:
        return await messages() >= len(facts)

    async with service.dispatcher:
        await until(all_told)
        await asyncio.sleep(0.2)  # whatever would come twice has come
    facts = await service.facts()
    await service.database.close()
    assert safe | more <= set(facts)
    assert {fact.settled for fact in facts.values()} == {1}
    assert sorted(fact.index or 0 for fact in facts.values()) == list(range(len(facts)))
    assert len(ledger.entries["bank"]) == len(facts)
    assert await messages() == len(facts)
