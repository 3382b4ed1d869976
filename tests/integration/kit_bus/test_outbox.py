"""Outbox and dispatcher: real database files, a real broker, a real tree; crashes between any two steps."""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from integration.kit_bus import outbox_service
from integration.kit_bus.conftest import MakeBus, unix_us
from integration.kit_bus.nats_process import Nats
from integration.kit_bus.outbox_service import Service, inbox, make_service, outbox
from integration.kit_bus.toy_ledger import ToyLedger
from sqlmodel import Session

from placet.evidence.drafts import DecisionDraft
from placet.kit.bus import dispatcher as dispatcher_module
from placet.kit.bus.bus import Bus
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.messages import Message
from placet.kit.db.errors import DuplicateKey
from placet.kit.errors import Conflict, NotFound, PlacetError, Precondition, Unavailable
from placet.kit.ledger.client import LedgerClient
from placet.kit.ledger.messages import Submission
from placet.kit.ledger.receipts import Appended

SECOND = 1_000_000
TESTS = Path(__file__).parents[2]


@pytest.fixture
async def ledger(make_bus: MakeBus) -> AsyncIterator[ToyLedger]:
    toy = await ToyLedger(await make_bus("audit")).serve()
    toy.filler = 0
    yield toy
    toy.gate.set()


@pytest.fixture
async def bus(make_bus: MakeBus) -> Bus:
    made = await make_bus("consent")
    await JetStream(made).ensure_stream()
    return made


@pytest.fixture
async def service(bus: Bus, sqlite_url: str) -> AsyncIterator[Service]:
    made = await make_service(sqlite_url, bus)
    yield made
    await made.dispatcher.stop()
    await made.database.close()


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.02)


async def all_settled(service: Service) -> bool:
    return all(fact.settled for fact in (await service.facts()).values())


async def messages(bus: Bus) -> int:
    info = await JetStream(bus).api("STREAM.INFO.PLACET", {})
    return int(info["state"]["messages"])


async def test_rows_are_delivered_settled_once_and_followed_up(bus: Bus, ledger: ToyLedger, url: str) -> None:
    service = await make_service(url, bus)
    async with service.dispatcher:
        for number in range(30):
            await service.record(f"f{number}")
        service.dispatcher.kick()
        await until(lambda: all_settled(service))
        await until(lambda: _messages_are(bus, 30))
    facts = await service.facts()
    assert [facts[f"f{n}"].index for n in range(30)] == list(range(30))  # in order
    assert {fact.settled for fact in facts.values()} == {1}
    await service.database.close()


async def _messages_are(bus: Bus, count: int) -> bool:
    return await messages(bus) == count


async def test_a_row_exists_only_with_its_state(service: Service) -> None:
    def fail(session: Session) -> None:
        outbox_service.put(session, "f", now=unix_us())
        raise KeyError

    with pytest.raises(KeyError):
        await service.database.write(fail)
    with pytest.raises(NotFound):
        await service.database.read(lambda session: outbox.get(session, "f"))


async def test_an_id_is_taken_once(service: Service) -> None:
    told = Message(id="m", controller="bank", service="consent", kind="x", at=1)
    await service.database.write(lambda session: outbox.put_message(session, told, now=1))
    with pytest.raises(DuplicateKey):
        await service.database.write(lambda session: outbox.put_message(session, told, now=1))


async def test_deliver_returns_the_proof_and_may_be_repeated(service: Service, ledger: ToyLedger, bus: Bus) -> None:
    await service.record("f")
    first = await service.dispatcher.deliver("f", deadline=unix_us() + SECOND)
    assert not first.receipt().repeated
    fact = (await service.facts())["f"]
    assert (fact.settled, fact.index) == (1, first.receipt().index)
    again = await service.dispatcher.deliver("f", deadline=unix_us() + SECOND, seen=first.size)
    assert again.receipt().repeated
    assert again.receipt().entry == first.receipt().entry
    assert again.consistency is not None
    assert (await service.facts())["f"].settled == 1
    with pytest.raises(NotFound):
        await service.dispatcher.deliver("unknown", deadline=unix_us() + SECOND)


async def test_what_could_not_be_delivered_now_arrives_later(service: Service, bus: Bus, make_bus: MakeBus) -> None:
    """A withdrawal that was accepted does arrive late, and repeating it returns its proof."""
    async with service.dispatcher:
        await service.record("f", own_turn_us=100_000)
        with pytest.raises(Unavailable):
            await service.dispatcher.deliver("f", deadline=unix_us() + SECOND)
        assert not await all_settled(service)
        await ToyLedger(await make_bus("audit")).serve()
        await until(lambda: all_settled(service))
        appended = await service.dispatcher.deliver("f", deadline=unix_us() + SECOND)
        assert appended.receipt().repeated


async def test_the_writers_own_turn_comes_first(service: Service, ledger: ToyLedger) -> None:
    async with service.dispatcher:
        await service.record("own", own_turn_us=400_000)
        await service.record("other")
        service.dispatcher.kick()
        await until(lambda: _settled(service, "other"))
        assert not await _settled(service, "own")
        await until(lambda: _settled(service, "own"), 3)  # the writer did not: so the background does


async def _settled(service: Service, fact: str) -> bool:
    return bool((await service.facts())[fact].settled)


async def test_a_refusal_for_good_is_settled_as_such_and_holds_nobody_back(
    service: Service, ledger: ToyLedger, bus: Bus
) -> None:
    ledger.refuse[b"f1"] = Precondition("ADMISSION_REFUSED", "the basis ended")
    ledger.refuse[b"f3"] = Conflict("IDEMPOTENCY_CONFLICT", "used for something else")
    for number in range(5):
        await service.record(f"f{number}")
    async with service.dispatcher:
        await until(lambda: all_settled(service))
    facts = await service.facts()
    assert [facts[f"f{n}"].refused for n in range(5)] == [
        None, "ADMISSION_REFUSED", None, "IDEMPOTENCY_CONFLICT", None,
    ]  # fmt: skip
    row = await service.database.read(lambda session: outbox.get(session, "f1"))
    assert row.done_at
    assert row.failure == "ADMISSION_REFUSED: the basis ended"
    with pytest.raises(Precondition):
        await service.dispatcher.deliver("f1", deadline=unix_us() + SECOND)
    assert (await service.facts())["f1"].settled == 1


async def test_a_refusal_that_passes_is_tried_again_in_order(
    bus: Bus, ledger: ToyLedger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "DELAYS_US", (50_000,))
    service = await make_service(url, bus)
    ledger.refuse[b"f1"] = Unavailable("CLOCK_UNTRUSTED", "the clock")
    for number in range(3):
        await service.record(f"f{number}")
    await service.record("elsewhere", controller="shop")
    async with service.dispatcher:
        await until(lambda: _settled(service, "elsewhere"))
        await asyncio.sleep(0.2)
        assert not await _settled(service, "f1")
        ledger.refuse.clear()
        await until(lambda: all_settled(service))
    row = await service.database.read(lambda session: outbox.get(session, "f1"))
    assert row.attempts >= 1
    await service.database.close()


async def test_a_settlement_with_a_bug_loses_nothing_and_stops_nobody_else(
    service: Service, ledger: ToyLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "DELAYS_US", (50_000,))
    broken = True

    def settle(session: Session, row: Any, outcome: Any) -> None:
        if broken and row.id == "f1":
            raise KeyError("a bug")
        outbox_service.settle(session, row, outcome)

    monkeypatch.setattr(service.dispatcher, "_settle_row", settle)
    for number in range(3):
        await service.record(f"f{number}")
    async with service.dispatcher:
        await until(lambda: _settled(service, "f0"))
        await asyncio.sleep(0.2)
        assert not await _settled(service, "f1")
        broken = False
        await until(lambda: all_settled(service))
    assert len(ledger.entries["bank"]) == 3


@pytest.mark.parametrize("step", ["before the append", "after the append", "after the settlement"])
async def test_a_crash_at_any_step_is_made_good_by_the_next_process(
    bus: Bus, ledger: ToyLedger, sqlite_url: str, step: str
) -> None:
    first = await make_service(sqlite_url, bus, ledger=CrashingLedger(LedgerClient(bus, "consent"), step))
    await first.record("f")
    delivery = asyncio.create_task(first.dispatcher.deliver("f", deadline=unix_us() + 5 * SECOND))
    if step == "after the settlement":
        await delivery
    else:
        await asyncio.sleep(0.3)
        delivery.cancel()
    await first.database.close()  # nothing of the first process goes on
    second = await make_service(sqlite_url, bus)
    async with second.dispatcher:
        await until(lambda: all_settled(second))
        await until(lambda: _messages_are(bus, 1))
    assert (await second.facts())["f"].settled == 1
    assert len(ledger.entries["bank"]) == 1
    await second.database.close()


class CrashingLedger:
    """A ledger client whose process ends before or after the append: it never returns."""

    def __init__(self, ledger: LedgerClient, step: str) -> None:
        self._ledger = ledger
        self._step = step

    async def append(
        self,
        controller: str,
        submissions: Sequence[Submission],
        decisions: Sequence[DecisionDraft] = (),
        *,
        seen: int = 0,
        deadline: int,
    ) -> Appended:
        if self._step == "before the append":
            await asyncio.sleep(60)
        appended = await self._ledger.append(controller, submissions, decisions, seen=seen, deadline=deadline)
        if self._step == "after the append":
            await asyncio.sleep(60)
        return appended


async def test_kill_9_in_a_loop_loses_and_doubles_nothing(
    nats: Nats, bus: Bus, ledger: ToyLedger, sqlite_url: str
) -> None:
    rng = random.Random(11)
    put: set[str] = set()
    done: dict[str, int] = {}
    for round_ in range(5):
        last = round_ == 4
        command = (sys.executable, "-m", "integration.kit_bus.outbox_service")
        arguments = (sqlite_url, nats.url, f"r{round_}", "3" if last else "100000")
        process = await asyncio.create_subprocess_exec(
            *command, *arguments, cwd=TESTS, stdout=asyncio.subprocess.PIPE, limit=2**24
        )
        assert process.stdout is not None
        lines = [await process.stdout.readline()]
        if not last:
            await asyncio.sleep(rng.uniform(0.05, 0.5))
            process.kill()
        lines += (await process.stdout.read()).splitlines()
        await process.wait()
        for line in lines:
            said = json.loads(line)
            if said[0] == "put":
                put.add(said[1])
            elif said[0] == "done":
                done[said[1]] = said[2]
    assert said == ["all settled"]
    service = await make_service(sqlite_url, bus)
    facts = await service.facts()
    await service.database.close()
    assert len(put) > 20
    assert put <= set(facts)
    assert {fact.settled for fact in facts.values()} == {1}
    assert all(facts[name].index == index for name, index in done.items())
    assert sorted(fact.index or 0 for fact in facts.values()) == list(range(len(facts)))
    assert len(ledger.entries["bank"]) == len(facts)  # one entry per key, whoever crashed when
    assert await messages(bus) == len(facts)


async def test_control_without_idempotency_keys_the_same_crash_doubles_entries(
    bus: Bus, ledger: ToyLedger, sqlite_url: str
) -> None:
    """The negative control: a ledger that ignores keys gets the entry twice after a crash."""
    first = await make_service(sqlite_url, bus, ledger=CrashingLedger(LedgerClient(bus, "consent"), "after the append"))
    await first.record("f")
    delivery = asyncio.create_task(first.dispatcher.deliver("f", deadline=unix_us() + 5 * SECOND))
    await asyncio.sleep(0.3)
    delivery.cancel()
    await first.database.close()
    ledger.keys.clear()
    second = await make_service(sqlite_url, bus)
    async with second.dispatcher:
        await until(lambda: all_settled(second))
    assert len(ledger.entries["bank"]) == 2
    await second.database.close()


async def test_two_dispatchers_over_one_database_settle_each_row_once(
    make_bus: MakeBus, bus: Bus, ledger: ToyLedger, url: str
) -> None:
    first = await make_service(url, bus)
    second = await make_service(url, await make_bus("consent"))
    async with first.dispatcher, second.dispatcher:
        for number in range(60):
            await (first, second)[number % 2].record(f"f{number}")
            first.dispatcher.kick()
            second.dispatcher.kick()
        await until(lambda: all_settled(first))
    assert {fact.settled for fact in (await first.facts()).values()} == {1}
    assert len(ledger.entries["bank"]) == 60
    for service in (first, second):
        await service.database.close()


async def test_rows_outlast_a_dead_broker(
    nats: Nats, service: Service, ledger: ToyLedger, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "DELAYS_US", (50_000, 100_000))
    async with service.dispatcher:
        nats.kill()
        for number in range(10):
            await service.record(f"f{number}")
            service.dispatcher.kick()
            await asyncio.sleep(0.02)
        assert not await all_settled(service)
        nats.start()
        await until(lambda: all_settled(service))
        await until(lambda: _messages_are(bus, 10))


async def test_a_message_that_can_never_be_sent_does_not_block_the_others(
    nats: Nats, make_bus: MakeBus, sqlite_url: str
) -> None:
    nats.stop()
    nats.configure("max_payload: 4096")
    nats.start()
    bus = await make_bus("consent")
    await JetStream(bus).ensure_stream()
    service = await make_service(sqlite_url, bus)

    def tell(number: int, size: int) -> Callable[[Session], object]:
        told = Message(id=f"m{number}", controller="bank", service="consent", kind="x", at=1, data={"x": "y" * size})
        return lambda session: outbox.put_message(session, told, now=unix_us())

    for number, size in enumerate((10, 5_000, 10)):
        await service.database.write(tell(number, size))

    async def refused() -> bool:
        row = await service.database.read(lambda session: outbox.get(session, "m1"))
        return row.failure is not None

    async with service.dispatcher:
        await until(lambda: _messages_are(bus, 2))
        await until(refused)
    row = await service.database.read(lambda session: outbox.get(session, "m1"))
    assert row.failure
    assert row.failure.startswith("FIELD_TOO_LARGE")
    await service.database.close()


async def test_delivered_rows_are_pruned_and_refused_ones_kept(service: Service, ledger: ToyLedger) -> None:
    ledger.refuse[b"bad"] = Precondition("ADMISSION_REFUSED", "no")
    await service.record("good")
    await service.record("bad")
    await service.dispatcher.deliver("good", deadline=unix_us() + SECOND)
    with pytest.raises(PlacetError):
        await service.dispatcher.deliver("bad", deadline=unix_us() + SECOND)
    await service.record("pending")
    pruned = await service.database.write(lambda session: outbox.prune(session, unix_us() + SECOND))
    assert pruned == 1  # and not the message that follows "good": it is not sent yet
    with pytest.raises(NotFound):
        await service.dispatcher.deliver("good", deadline=unix_us() + SECOND)
    for kept in ("bad", "pending", "good.told"):
        await service.database.read(lambda session, kept=kept: outbox.get(session, kept))  # type: ignore[misc]


async def test_a_message_is_dealt_with_once(url: str, bus: Bus) -> None:
    service = await make_service(url, bus)

    def deal(session: Session) -> bool:
        return inbox.once(session, "m1", 1)

    def deal_and_fail(session: Session) -> None:
        assert inbox.once(session, "m2", 1)
        raise KeyError

    assert await service.database.write(deal) is True
    assert await service.database.write(deal) is False
    with pytest.raises(KeyError):
        await service.database.write(deal_and_fail)
    assert await service.database.write(lambda session: inbox.once(session, "m2", 5)) is True
    assert await service.database.write(lambda session: inbox.prune(session, 5)) == 1
    assert await service.database.write(deal) is True
    await service.database.close()
