"""Each write of outbox and inbox, lost and persisted: the next process makes it good, nothing happens twice (P2)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fault.crashing import Crash, Plan, cases, named
from fault.talking import Process, not_now, until
from integration.kit_bus.conftest import MakeBus, make_bus, nats, unix_us
from integration.kit_bus.nats_process import Nats
from integration.kit_bus.outbox_service import inbox, outbox
from integration.kit_bus.toy_ledger import ToyLedger

from placet.kit.bus import consumer as consuming
from placet.kit.bus import delivery, dispatcher
from placet.kit.bus.messages import Message
from placet.kit.errors import Unavailable
from placet.kit.failpoints import Side, Write, armed

__all__ = ("make_bus", "nats")
pytestmark = pytest.mark.usefixtures("dead_silent")

TELLING = (Write.DATABASE_COMMIT, Write.OUTBOX_PUT, Write.OUTBOX_APPEND, Write.OUTBOX_SETTLE, Write.OUTBOX_PUBLISH)
HEARING = (Write.INBOX_ONCE, Write.MESSAGE_ACK)
TRYING = (Write.OUTBOX_TRIED, Write.MESSAGE_NAK, Write.MESSAGE_BURY, Write.OUTBOX_PRUNE)
WRITES = (*TELLING, *HEARING, *TRYING)


@pytest.fixture
async def ledger(make_bus: MakeBus) -> AsyncIterator[ToyLedger]:
    toy = await ToyLedger(await make_bus("audit")).serve()
    toy.filler = 0
    yield toy
    toy.gate.set()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was delivered to a dead process, or failed, comes again soon."""
    monkeypatch.setattr(consuming, "ACK_WAIT_S", 1)
    monkeypatch.setattr(delivery, "DELAYS_S", (0.05,))
    monkeypatch.setattr(dispatcher, "DELAYS_US", (50_000,))


async def crashed(process: Process, plan: Plan, ledger: ToyLedger, fact: str) -> None:
    """Go on until the failpoint is passed; then nothing of the process goes on."""
    with armed(plan):
        try:
            await process.service.record(fact)
            process.service.dispatcher.kick()
            async with asyncio.timeout(10):
                while not plan.hit:
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.02)
        except Crash:
            pass
        assert plan.hit


async def came_right(process: Process, ledger: ToyLedger, fact: str, *, put: bool) -> None:
    """Everything that was asked for has happened, once; what was never asked for has not."""

    async def done() -> bool:
        return (await process.heard()).get(f"{fact}.told") == 1

    if put:
        process.service.dispatcher.kick()
        await until(done)
    else:
        await asyncio.sleep(0.1)
    facts = await process.service.facts()
    assert (fact in facts) is put
    assert [one.settled for one in facts.values()] == [1] * len(facts)
    assert len(ledger.entries.get("bank", [])) == len(facts), "one entry for one key"
    assert await process.messages() == len(facts)
    assert set((await process.heard()).values()) <= {1}


@pytest.mark.parametrize(("write", "side"), cases((*TELLING, *HEARING)), ids=named)
async def test_each_write_lost_and_persisted(
    nats: Nats, ledger: ToyLedger, quick: Path, write: Write, side: Side
) -> None:
    async with Process(quick, nats.url) as first:
        plan = Plan(write, side, Crash())
        await crashed(first, plan, ledger, "f")
    committed = write is not Write.OUTBOX_PUT and (write, side) != (Write.DATABASE_COMMIT, Side.BEFORE)
    async with Process(quick, nats.url) as second:
        await came_right(second, ledger, "f", put=committed)


@pytest.mark.parametrize("passing", [2, pytest.param(3, marks=pytest.mark.long), 4])
@pytest.mark.parametrize("side", Side)
async def test_each_later_commit_lost_and_persisted(
    nats: Nats, ledger: ToyLedger, quick: Path, side: Side, passing: int
) -> None:
    """The receipt noted with what follows from it, the message marked as sent, the message dealt with."""
    async with Process(quick, nats.url) as first:
        await crashed(first, Plan(Write.DATABASE_COMMIT, side, Crash(), passing=passing), ledger, "f")
    async with Process(quick, nats.url) as second:
        await came_right(second, ledger, "f", put=True)


@pytest.mark.parametrize("side", Side)
async def test_a_failure_that_was_not_noted_is_tried_again(
    nats: Nats, ledger: ToyLedger, quick: Path, side: Side
) -> None:
    ledger.refuse[b"f"] = Unavailable("CLOCK_UNTRUSTED", "the clock")
    async with Process(quick, nats.url) as first:
        await crashed(first, Plan(Write.OUTBOX_TRIED, side, Crash()), ledger, "f")
    ledger.refuse.clear()
    async with Process(quick, nats.url) as second:
        await came_right(second, ledger, "f", put=True)


@pytest.mark.parametrize("side", Side)
async def test_a_message_that_was_to_come_again_does(nats: Nats, ledger: ToyLedger, quick: Path, side: Side) -> None:
    async with Process(quick, nats.url) as first:
        first.refuse = not_now
        await crashed(first, Plan(Write.MESSAGE_NAK, side, Crash()), ledger, "f")
    async with Process(quick, nats.url) as second:
        await came_right(second, ledger, "f", put=True)


@pytest.mark.parametrize("side", Side)
async def test_a_message_on_its_way_to_the_dead_letters_is_kept_once(
    nats: Nats, ledger: ToyLedger, quick: Path, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TRIES", 1)

    def broken(_message: Message) -> None:
        raise KeyError("a bug")

    async with Process(quick, nats.url) as first:
        first.refuse = broken
        await crashed(first, Plan(Write.MESSAGE_BURY, side, Crash()), ledger, "f")
    async with Process(quick, nats.url) as second:
        second.refuse = broken

        async def buried() -> bool:
            return await second.messages("PLACET_DEAD") == 1

        await until(buried)
        await asyncio.sleep(0.1)
        assert await buried()
        assert await second.messages() == 1


@pytest.mark.parametrize("side", Side)
async def test_pruning_takes_what_was_delivered_and_nothing_else(
    nats: Nats, ledger: ToyLedger, quick: Path, side: Side
) -> None:
    async with Process(quick, nats.url) as first:
        await first.service.record("old")
        await first.service.dispatcher.deliver("old", deadline=unix_us() + 5_000_000)
        with armed(Plan(Write.OUTBOX_PRUNE, side, Crash())), pytest.raises(Crash):
            await first.service.database.write(lambda session: outbox.prune(session, unix_us() + 1))
    async with Process(quick, nats.url) as second:
        await came_right(second, ledger, "old", put=True)
        await second.service.record("new")
        await came_right(second, ledger, "new", put=True)


async def test_control_without_the_inbox_a_message_that_comes_twice_counts_twice(
    nats: Nats, ledger: ToyLedger, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "once", lambda *_: True)
    async with Process(quick, nats.url) as first:
        await crashed(first, Plan(Write.MESSAGE_ACK, Side.BEFORE, Crash()), ledger, "f")
    async with Process(quick, nats.url) as second:

        async def twice() -> bool:
            return (await second.heard()).get("f.told") == 2

        await until(twice)
