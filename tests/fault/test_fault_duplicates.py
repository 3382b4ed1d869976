"""One key, one entry; one message, one change: also in parallel, and after JetStream has forgotten a message (P2)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from fault.talking import Process, until
from integration.kit_bus.conftest import MakeBus, make_bus, nats, unix_us
from integration.kit_bus.nats_process import Nats
from integration.kit_bus.outbox_service import inbox
from integration.kit_bus.toy_ledger import ToyLedger

from placet.kit.bus.jetstream import JetStream, StreamConfig
from placet.kit.bus.messages import Message, encode_message

__all__ = ("make_bus", "nats")
WINDOW_S = 1
TOLD = Message(id="m1", controller="bank", service="consent", kind="fact.recorded", at=1)


async def published_twice(process: Process) -> None:
    """Publish a message, and again when the stream no longer knows its id, as a dispatcher does that was long dead."""
    stream = JetStream(process.bus)
    for pause in (WINDOW_S + 0.2, 0.2):
        body, deadline = encode_message(TOLD), unix_us() + 2_000_000
        stored = await stream.publish(TOLD.subject, body, message_id=TOLD.id, deadline=deadline)
        assert not stored.duplicate
        await asyncio.sleep(pause)
    assert await process.messages() == 2


async def test_a_message_that_jetstream_takes_twice_changes_something_once(
    nats: Nats, make_bus: MakeBus, quick: Path
) -> None:
    await JetStream(await make_bus("consent")).ensure_stream(StreamConfig(duplicate_window_s=WINDOW_S))
    async with Process(quick, nats.url) as process:
        await published_twice(process)
        assert await process.heard() == {"m1": 1}


async def test_control_without_the_inbox_it_changes_something_twice(
    nats: Nats, make_bus: MakeBus, quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "once", lambda *_: True)
    await JetStream(await make_bus("consent")).ensure_stream(StreamConfig(duplicate_window_s=WINDOW_S))
    async with Process(quick, nats.url) as process:
        await published_twice(process)

        async def twice() -> bool:
            return await process.heard() == {"m1": 2}

        await until(twice)


async def test_one_row_delivered_by_many_at_once_is_one_entry(nats: Nats, make_bus: MakeBus, quick: Path) -> None:
    ledger = await ToyLedger(await make_bus("audit")).serve()
    ledger.filler = 0
    async with Process(quick, nats.url) as process:
        deliver: Callable[..., object] = process.service.dispatcher.deliver
        for number in range(5):
            await process.service.record(f"f{number}", own_turn_us=10_000_000)
            calls = [deliver(f"f{number}", deadline=unix_us() + 5_000_000) for _ in range(10)]
            receipts = [appended.receipt() for appended in await asyncio.gather(*calls)]  # type: ignore[call-overload]
            assert len({receipt.index for receipt in receipts}) == 1
        assert len(ledger.entries["bank"]) == 5
        assert {fact.settled for fact in (await process.service.facts()).values()} == {1}
