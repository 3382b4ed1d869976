"""Stream, publishing and consumer against a real JetStream: restarts, duplicates, redelivery, dead letters."""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from integration.kit_bus.conftest import MakeBus, unix_us
from integration.kit_bus.nats_process import Nats
from integration.kit_bus.test_permissions import seed_file, user

from placet.kit.bus import consumer as consumer_module
from placet.kit.bus import delivery as delivery_module
from placet.kit.bus.bus import Bus, Credentials
from placet.kit.bus.consumer import Consumer, consumer_config
from placet.kit.bus.errors import BusForbidden
from placet.kit.bus.jetstream import DEAD_LETTERS, JetStream, StreamConfig
from placet.kit.bus.messages import Message, encode_message, filter_subject
from placet.kit.errors import Exhausted, Invalid, PlacetError, Precondition, Unavailable

SECOND = 1_000_000


def message(number: int, *, controller: str = "bank", kind: str = "consent.withdrawn") -> Message:
    return Message(id=f"m{number}", controller=controller, service="consent", kind=kind, at=1, index=number)


async def publish(stream: JetStream, one: Message, seconds: float = 5) -> bool:
    """Publish; return whether it was a duplicate."""
    stored = await stream.publish(
        one.subject, encode_message(one), message_id=one.id, deadline=unix_us() + int(seconds * SECOND)
    )
    return stored.duplicate


async def publish_surely(stream: JetStream, one: Message) -> None:
    """What the outbox does: again until it is stored."""
    while True:
        try:
            await publish(stream, one, 1)
            return
        except Unavailable:
            await asyncio.sleep(0.05)


async def until(true: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        await asyncio.sleep(0.02)


class Notes:
    """A handler that notes what it handled, and fails as told."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.failures: dict[int, list[Exception]] = {}

    async def handle(self, one: Message) -> None:
        assert one.index is not None
        pending = self.failures.get(one.index)
        if pending:
            raise pending.pop(0)
        self.seen.append(one.index)


@pytest.fixture
async def stream(make_bus: MakeBus) -> JetStream:
    made = JetStream(await make_bus("consent"))
    await made.ensure_stream()
    await made.ensure_stream(DEAD_LETTERS)
    return made


async def consumer_of(bus: Bus, notes: Notes, *filters: str) -> Consumer:
    return Consumer(JetStream(bus), bus.name, filters or [filter_subject("consent")], notes.handle)


async def pending(stream: JetStream, durable: str) -> tuple[int, int]:
    """Return how many messages are not acknowledged, and not delivered yet."""
    info = await stream.api(f"CONSUMER.INFO.PLACET.{durable}", {})
    return info["num_ack_pending"], info["num_pending"]


async def test_a_stream_keeps_what_it_is_given(stream: JetStream) -> None:
    info = await stream.api("STREAM.INFO.PLACET", {})
    config = info["config"]
    assert (config["storage"], config["retention"], config["discard"]) == ("file", "limits", "new")
    await stream.ensure_stream()  # again: nothing to do
    assert not await publish(stream, message(1))
    assert await publish(stream, message(1))  # the same id is stored once
    assert (await stream.api("STREAM.INFO.PLACET", {}))["state"]["messages"] == 1


@pytest.mark.parametrize("bad", [{"storage": "memory"}, {"retention": "workqueue"}, {"discard": "old"}])
async def test_a_stream_that_can_lose_messages_is_refused(make_bus: MakeBus, bad: dict[str, str]) -> None:
    stream = JetStream(await make_bus("consent"))
    await stream.api("STREAM.CREATE.PLACET", {**StreamConfig().wanted(), **bad})
    with pytest.raises(Precondition, match="can lose messages"):
        await stream.ensure_stream()


async def test_publishing_without_a_stream_is_unavailable(make_bus: MakeBus) -> None:
    with pytest.raises(Unavailable, match="nothing was stored"):
        await publish(JetStream(await make_bus("consent")), message(1))


async def test_a_full_stream_refuses_and_forgets_nothing(make_bus: MakeBus) -> None:
    stream = JetStream(await make_bus("consent"))
    await stream.ensure_stream(StreamConfig(max_bytes=2_000))
    with pytest.raises(Exhausted):
        await _publish_all(stream, range(100))
    assert (await stream.api("STREAM.INFO.PLACET", {}))["state"]["first_seq"] == 1


async def test_messages_arrive_in_order_and_are_acknowledged(make_bus: MakeBus, stream: JetStream) -> None:
    notes = Notes()
    for number in range(50):
        await publish(stream, message(number))
    async with await consumer_of(await make_bus("vault"), notes):
        await until(lambda: len(notes.seen) == 50)
        for number in range(50, 200):
            await publish(stream, message(number))
        await until(lambda: len(notes.seen) == 200)
        await asyncio.sleep(0.1)
        assert await pending(stream, "vault") == (0, 0)
    assert notes.seen == list(range(200))


async def test_a_message_is_handled_soon_after_it_was_published(make_bus: MakeBus, stream: JetStream) -> None:
    notes = Notes()
    async with await consumer_of(await make_bus("vault"), notes):
        await asyncio.sleep(0.2)
        for number in range(5):
            began = time.monotonic()
            await publish(stream, message(number))
            await until(lambda number=number: len(notes.seen) > number)  # type: ignore[misc]
            assert time.monotonic() - began < 0.5


async def test_only_what_was_asked_for_arrives(make_bus: MakeBus, stream: JetStream) -> None:
    notes = Notes()
    filters = (filter_subject("consent", "consent.withdrawn"), filter_subject("consent", "consent.granted"))
    async with await consumer_of(await make_bus("vault"), notes, *filters):
        for number, kind in enumerate(("consent.granted", "consent.renamed", "consent.withdrawn")):
            await publish(stream, message(number, kind=kind))
        await until(lambda: notes.seen == [0, 2])


async def test_two_replicas_share_the_work(make_bus: MakeBus, stream: JetStream) -> None:
    first, second = Notes(), Notes()
    async with (
        await consumer_of(await make_bus("vault"), first),
        await consumer_of(await make_bus("vault"), second),
    ):
        for number in range(300):
            await publish(stream, message(number, controller=f"c{number % 9}"))
        await until(lambda: len(first.seen) + len(second.seen) == 300)
    assert sorted(first.seen + second.seen) == list(range(300))


async def test_what_waits_for_something_is_redelivered_until_it_works(make_bus: MakeBus, stream: JetStream) -> None:
    notes = Notes()
    notes.failures[1] = [Unavailable("DEPENDENCY_UNAVAILABLE", "not yet") for _ in range(3)]
    async with await consumer_of(await make_bus("vault"), notes):
        for number in range(3):
            await publish(stream, message(number))
        await until(lambda: sorted(notes.seen) == [0, 1, 2])
    assert notes.seen == [0, 2, 1]  # the later ones did not wait for it


async def test_a_message_that_cannot_be_handled_goes_to_the_dead_letters(
    make_bus: MakeBus, stream: JetStream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery_module, "TRIES", 3)
    monkeypatch.setattr(delivery_module, "DELAYS_S", (0.05,))
    notes = Notes()
    notes.failures[1] = [ValueError("a bug"), Invalid("basis", "no"), ValueError("a bug"), ValueError("once too many")]
    bus = await make_bus("vault")
    with caplog.at_level(logging.ERROR):
        async with await consumer_of(bus, notes):
            for number in range(3):
                await publish(stream, message(number))
            await stream.publish("placet.msg.bank.consent.broken", b"{", message_id="b", deadline=unix_us() + SECOND)
            await until(lambda: bus.metrics.snapshot()["placet.bus.messages"][("outcome", "dead"),] == 2)
            await until(lambda: sorted(notes.seen) == [0, 2])
            await asyncio.sleep(0.1)
            assert await pending(stream, "vault") == (0, 0)
    dead = await stream.api("STREAM.INFO.PLACET_DEAD", {})
    assert dead["state"]["messages"] == 2
    got = await stream.api("STREAM.MSG.GET.PLACET_DEAD", {"seq": 1})
    assert got["message"]["subject"].startswith("placet.dead.vault.bank.consent.")


async def test_without_a_dead_letter_stream_nothing_is_dropped(
    make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "TRIES", 2)
    monkeypatch.setattr(delivery_module, "DELAYS_S", (0.05,))
    stream = JetStream(await make_bus("consent"))
    await stream.ensure_stream()
    notes = Notes()
    notes.failures[0] = [ValueError("a bug") for _ in range(6)]
    async with await consumer_of(await make_bus("vault"), notes):
        await publish(stream, message(0))
        await until(lambda: notes.seen == [0])


async def test_a_message_on_a_subject_that_is_not_its_own_is_not_handled(
    make_bus: MakeBus, stream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service may publish below its own name only: it cannot speak for another controller or service."""
    monkeypatch.setattr(delivery_module, "TRIES", 1)
    notes = Notes()
    bus = await make_bus("vault")
    async with await consumer_of(bus, notes):
        forged = encode_message(message(1, controller="shop"))
        await stream.publish("placet.msg.bank.consent.x", forged, message_id="f", deadline=unix_us() + SECOND)
        await until(lambda: bus.metrics.snapshot()["placet.bus.messages"][("outcome", "dead"),] == 1)
    assert notes.seen == []


async def test_nothing_acknowledged_is_lost_when_the_broker_is_killed(
    nats: Nats, make_bus: MakeBus, stream: JetStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "ACK_WAIT_S", 2)  # a killed broker forgets acknowledgements: they come again
    notes = Notes()
    async with await consumer_of(await make_bus("vault"), notes):
        for round_ in range(3):
            publishing = asyncio.create_task(_publish_all(stream, range(round_ * 100, round_ * 100 + 100)))
            await until(lambda round_=round_: len(set(notes.seen)) > round_ * 100 + 20)  # type: ignore[misc]
            nats.kill()
            await asyncio.sleep(0.1)
            nats.start()
            await publishing
        await until(lambda: set(notes.seen) == set(range(300)), 20)
        end = time.monotonic() + 20
        while await pending(stream, "vault") != (0, 0):
            assert time.monotonic() < end
            await asyncio.sleep(0.1)


async def _publish_all(stream: JetStream, numbers: range) -> None:
    for number in numbers:
        await publish_surely(stream, message(number))


async def test_a_deleted_consumer_is_made_again(make_bus: MakeBus, stream: JetStream) -> None:
    notes = Notes()
    async with await consumer_of(await make_bus("vault"), notes):
        await publish(stream, message(0))
        await until(lambda: notes.seen == [0])
        await stream.api("CONSUMER.DELETE.PLACET.vault", {})
        await publish(stream, message(1))
        await until(lambda: 1 in notes.seen)


async def test_a_stopped_consumer_continues_where_it_was(make_bus: MakeBus, stream: JetStream) -> None:
    notes = Notes()
    bus = await make_bus("vault")
    async with await consumer_of(bus, notes):
        await publish(stream, message(0))
        await until(lambda: notes.seen == [0])
        await asyncio.sleep(0.1)
    await publish(stream, message(1))
    async with await consumer_of(bus, notes):
        await until(lambda: notes.seen == [0, 1])


async def test_a_service_that_may_only_bind_works_and_cannot_delete(
    nats: Nats, make_bus: MakeBus, tmp_path: Path
) -> None:
    admin, admin_key = seed_file(tmp_path, "admin")
    vault, vault_key = seed_file(tmp_path, "vault")
    vault_may = (
        '"$JS.API.CONSUMER.INFO.PLACET.vault", "$JS.API.CONSUMER.MSG.NEXT.PLACET.vault", "$JS.ACK.PLACET.vault.>"'
    )
    users = [user(admin_key, '">"', '">"'), user(vault_key, vault_may, '"_INBOX_vault.>"')]
    nats.stop()
    nats.configure(f"authorization {{ users: [{', '.join(users)}] }}")
    nats.start()
    operator = JetStream(await make_bus("deploy", credentials=Credentials(seed_file=admin)))
    await operator.ensure_stream()
    bus = await make_bus("vault", credentials=Credentials(seed_file=vault))
    bound = JetStream(bus)
    await bound.ensure_stream()
    notes = Notes()
    with pytest.raises(PlacetError):  # the consumer is not there, and it may not make it
        await (await consumer_of(bus, notes)).start()
    await operator.ensure_consumer("vault", consumer_config([filter_subject("audit")]))
    with pytest.raises(BusForbidden):  # it is there, but would bring something else
        await (await consumer_of(bus, notes)).start()
    await operator.ensure_consumer("vault", consumer_config([filter_subject("consent")]))
    async with await consumer_of(bus, notes):
        await publish(operator, message(0))
        await until(lambda: notes.seen == [0])
    for call in ("STREAM.DELETE.PLACET", "STREAM.PURGE.PLACET", "CONSUMER.DELETE.PLACET.vault"):
        with pytest.raises(BusForbidden):
            await bound.api(call, {})
