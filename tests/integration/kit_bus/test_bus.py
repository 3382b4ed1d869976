"""The bus against a real NATS server: answers, typed failures, restarts, and nothing sent late."""

import asyncio
import time
from typing import Any

import pytest
from integration.kit_bus.conftest import MakeBus, unix_us
from integration.kit_bus.nats_process import Nats, free_port

from placet.kit.bus import bus as bus_module
from placet.kit.bus.bus import Bus
from placet.kit.bus.errors import (
    AnswerLate,
    AnswerTooLarge,
    BusDown,
    BusLost,
    DeadlinePassed,
    NoResponders,
    PayloadTooLarge,
)
from placet.kit.bus.serving import Reply, Request
from placet.kit.errors import Exhausted, Invalid, Kind, NotFound, PlacetError, Precondition

SECOND = 1_000_000


async def echo(request: Request) -> bytes:
    return request.payload


async def within(bus: Bus, subject: str, payload: bytes = b"", seconds: float = 2) -> bytes:
    return await bus.request(subject, payload, unix_us() + int(seconds * SECOND))


async def until_answered(bus: Bus, subject: str, payload: bytes, seconds: float = 10) -> bytes:
    end = time.monotonic() + seconds
    while True:
        try:
            return await within(bus, subject, payload)
        except PlacetError:
            assert time.monotonic() < end, "the bus did not come back"
            await asyncio.sleep(0.02)


async def test_a_request_gets_its_answer(make_bus: MakeBus) -> None:
    asking, answering = await make_bus("permission"), await make_bus("audit")
    await answering.serve("placet.bank.append.*", echo, queue="audit")
    answers = await asyncio.gather(*(within(asking, "placet.bank.append.x", b"%d" % n) for n in range(200)))
    assert answers == [b"%d" % n for n in range(200)]


async def test_a_request_nobody_serves_fails_at_once(make_bus: MakeBus) -> None:
    bus = await make_bus()
    began = time.monotonic()
    with pytest.raises(NoResponders, match="nothing was done"):
        await within(bus, "placet.bank.append.x", seconds=5)
    assert time.monotonic() - began < 1


async def test_typed_errors_travel_with_field_and_delay(make_bus: MakeBus) -> None:
    bus = await make_bus()

    async def refuse(request: Request) -> bytes:
        if request.payload == b"invalid":
            raise Invalid("a.b", "no \r\n good\u2014")
        raise Exhausted("QUEUE_FULL", "later", retry_after=0.5)

    await bus.serve("x", refuse)
    with pytest.raises(Invalid, match="good\u2014") as invalid:
        await within(bus, "x", b"invalid")
    assert invalid.value.field == "a.b"
    with pytest.raises(Exhausted) as exhausted:
        await within(bus, "x")
    assert exhausted.value.retry_after == 0.5


async def test_an_unexpected_error_shows_nothing_of_our_insides(make_bus: MakeBus) -> None:
    bus = await make_bus()

    async def crash(_: Request) -> bytes:
        raise ValueError("the password is 12345")

    await bus.serve("x", crash)
    with pytest.raises(PlacetError) as internal:
        await within(bus, "x")
    assert internal.value.kind is Kind.INTERNAL
    assert "12345" not in str(internal.value)
    assert internal.value.metadata["error_id"] in internal.value.message


async def test_handlers_run_side_by_side_and_are_bounded(make_bus: MakeBus) -> None:
    bus = await make_bus()
    release = asyncio.Event()

    async def wait(request: Request) -> bytes:
        await release.wait()
        return request.payload

    serving = await bus.serve("x", wait, max_inflight=3)
    running = [asyncio.create_task(within(bus, "x", b"%d" % n, 5)) for n in range(3)]
    while serving.inflight < 3:
        await asyncio.sleep(0.01)
    with pytest.raises(Exhausted, match="3 requests") as full:
        await within(bus, "x")
    assert full.value.retry_after
    release.set()
    assert await asyncio.gather(*running) == [b"0", b"1", b"2"]
    assert await within(bus, "x", b"again") == b"again"


async def test_deadlines_are_kept(make_bus: MakeBus) -> None:
    bus = await make_bus()
    asked = 0

    async def hang(_: Request) -> bytes:
        nonlocal asked
        asked += 1
        await asyncio.sleep(60)
        return b""

    serving = await bus.serve("x", hang)
    began = time.monotonic()
    with pytest.raises(AnswerLate, match="unknown"):
        await within(bus, "x", seconds=0.2)
    assert 0.15 < time.monotonic() - began < 1
    with pytest.raises(DeadlinePassed, match="nothing was sent"):
        await bus.request("x", b"", unix_us() - 1)
    await asyncio.sleep(0.05)
    assert asked == 1
    await serving.stop(grace=0)


async def test_what_is_too_large_is_refused_on_both_sides(make_bus: MakeBus) -> None:
    bus = await make_bus()

    async def blow_up(_: Request) -> bytes:
        return bytes(bus.max_payload + 1)

    await bus.serve("x", blow_up)
    with pytest.raises(PayloadTooLarge):
        await within(bus, "x", bytes(bus.max_payload + 1))
    with pytest.raises(Invalid, match="it was done") as answer:
        await within(bus, "x")
    assert answer.value.reason == AnswerTooLarge(1, 1).reason
    assert len(await _echoed(bus, bytes(bus.max_payload))) == bus.max_payload


async def _echoed(bus: Bus, payload: bytes) -> bytes:
    await bus.serve("echo", echo)
    return await within(bus, "echo", payload)


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB b 0\r\n\r\n", "a\tb", "x" * 600])
async def test_no_subject_can_inject_commands(make_bus: MakeBus, subject: str) -> None:
    bus = await make_bus()
    with pytest.raises(Invalid):
        await within(bus, subject)


async def test_a_cancelled_request_leaves_nothing_behind(make_bus: MakeBus) -> None:
    bus = await make_bus()

    async def slow(request: Request) -> bytes:
        await asyncio.sleep(0.1)
        return request.payload

    await bus.serve("x", slow)
    task = asyncio.create_task(within(bus, "x"))
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.2)
    assert not bus._asking._waiting
    assert bus.metrics.snapshot()["placet.bus.late_answers"][()] == 1


async def test_broker_killed_fails_waiting_requests_at_once_and_comes_back(nats: Nats, make_bus: MakeBus) -> None:
    asking, answering = await make_bus("permission"), await make_bus("audit")

    async def slow(request: Request) -> bytes:
        if request.payload == b"hang":
            await asyncio.sleep(60)
        return request.payload

    serving = await answering.serve("x", slow, queue="audit")
    for _ in range(3):
        hanging = asyncio.create_task(within(asking, "x", b"hang", 30))
        await asyncio.sleep(0.1)
        nats.kill()
        began = time.monotonic()
        with pytest.raises(BusLost, match="unknown"):
            await hanging
        with pytest.raises(BusDown, match="nothing was sent"):
            await within(asking, "x", b"late")
        assert time.monotonic() - began < 0.5
        nats.start()
        assert await until_answered(asking, "x", b"back") == b"back"
    assert asking.metrics.snapshot()["placet.bus.disconnects"][()] == 3
    await serving.stop(grace=0)


async def test_nothing_arrives_late_after_a_reconnect(nats: Nats, make_bus: MakeBus) -> None:
    asking, answering = await make_bus("permission"), await make_bus("audit")
    arrived: list[bytes] = []

    async def note(request: Request) -> bytes:
        arrived.append(request.payload)
        return b""

    await answering.serve("x", note)
    nats.kill()
    # The client has not noticed yet: what it writes now goes nowhere, and must not go anywhere later.
    failed = await asyncio.gather(*(within(asking, "x", b"late", 1) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(one, BusDown | BusLost) for one in failed)
    while asking.connected:
        await asyncio.sleep(0.01)
    more = await asyncio.gather(*(within(asking, "x", b"late", 1) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(one, BusDown) for one in more)
    with pytest.raises(BusDown):
        asking.publish("x", b"late")
    nats.start()
    await until_answered(asking, "x", b"new")
    await asyncio.sleep(0.3)
    assert set(arrived) == {b"new"}


async def test_control_stock_nats_py_does_deliver_late(nats: Nats, make_bus: MakeBus) -> None:
    """The negative control: without `pending_size=0` and our connection, the same request arrives after all."""
    import nats as nats_py

    answering = await make_bus("audit")
    arrived: list[bytes] = []

    async def note(request: Request) -> bytes:
        arrived.append(request.payload)
        return b""

    async def quiet(_: Exception) -> None: ...

    await answering.serve("x", note)
    stock = await nats_py.connect(nats.url, reconnect_time_wait=1, error_cb=quiet)
    nats.kill()
    while not stock.is_reconnecting:
        await asyncio.sleep(0.01)
    with pytest.raises(Exception, match="timeout"):
        await stock.request("x", b"late", timeout=0.2)
    nats.start()
    end = time.monotonic() + 10
    while b"late" not in arrived and time.monotonic() < end:
        await asyncio.sleep(0.05)
    await stock.close()
    assert arrived == [b"late"]


async def test_a_hung_broker_ends_at_the_deadline(nats: Nats, make_bus: MakeBus) -> None:
    bus = await make_bus()
    await bus.serve("x", echo)
    nats.pause()
    began = time.monotonic()
    with pytest.raises(AnswerLate):
        await within(bus, "x", seconds=0.3)
    assert time.monotonic() - began < 1
    nats.resume()
    assert await until_answered(bus, "x", b"back") == b"back"


async def test_a_broker_that_reads_nothing_does_not_fill_our_memory(nats: Nats, make_bus: MakeBus) -> None:
    bus = await make_bus()
    nats.pause()
    refused: list[Any] = []
    for _ in range(100):
        try:
            bus.publish("x", bytes(1_000_000))
        except BusDown as error:
            refused.append(error)
    nats.resume()
    assert len(refused) > 50
    assert "does not read" in str(refused[0])
    await bus.serve("y", echo)
    assert await until_answered(bus, "y", b"back") == b"back"


async def test_closing_does_not_wait_for_a_hung_broker(nats: Nats, make_bus: MakeBus) -> None:
    bus = await make_bus()
    nats.pause()
    for _ in range(16):
        bus.publish("x", bytes(1_000_000))
    began = time.monotonic()
    await bus.close()
    assert time.monotonic() - began < 4


async def test_a_hung_connection_is_given_up_also_with_unsent_data(
    nats: Nats, make_bus: MakeBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PING_S", 0.2)
    bus = await make_bus()
    await bus.serve("x", echo)
    nats.pause()
    for _ in range(16):
        bus.publish("x", bytes(1_000_000))
    began = time.monotonic()
    while bus.connected:
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.02)
    nats.resume()
    assert await until_answered(bus, "x", b"back") == b"back"


async def test_serving_begun_without_a_connection_works_once_there_is_one(nats: Nats, make_bus: MakeBus) -> None:
    asking, answering = await make_bus("permission"), await make_bus("audit")
    nats.kill()
    while answering.connected:
        await asyncio.sleep(0.01)
    await answering.serve("x", echo)
    nats.start()
    assert await until_answered(asking, "x", b"hello") == b"hello"


async def test_stopped_serving_finishes_what_it_began(make_bus: MakeBus) -> None:
    bus = await make_bus()

    async def slow(request: Request) -> bytes:
        await asyncio.sleep(0.2)
        return request.payload

    serving = await bus.serve("x", slow)
    task = asyncio.create_task(within(bus, "x", b"begun"))
    await asyncio.sleep(0.05)
    await serving.stop()
    assert await task == b"begun"
    with pytest.raises(NoResponders):
        await within(bus, "x")


async def test_no_broker_at_the_start_is_said_so(make_bus: MakeBus) -> None:
    began = time.monotonic()
    with pytest.raises(BusDown, match="did not answer in"):
        await make_bus(url=f"nats://127.0.0.1:{free_port()}", connect_within=0.5)
    assert time.monotonic() - began < 2


async def test_a_precondition_keeps_its_metadata(make_bus: MakeBus) -> None:
    bus = await make_bus()

    async def refuse(_: Request) -> bytes:
        raise Precondition("BASIS_ENDED", "ended", metadata={"index": "7"})

    await bus.serve("x", refuse)
    with pytest.raises(Precondition) as refused:
        await within(bus, "x")
    assert (refused.value.reason, refused.value.metadata) == ("BASIS_ENDED", {"index": "7"})


# --- serving without a task per request


async def test_a_plain_function_answers_when_it_can(make_bus: MakeBus) -> None:
    bus = await make_bus("vault")
    waiting: list[Reply] = []
    serving = await bus.serve_later("later.x", lambda request, reply: waiting.append(reply), max_inflight=1)
    first = asyncio.create_task(bus.request("later.x", b"1", unix_us() + SECOND))
    while not waiting:
        await asyncio.sleep(0.001)
    assert serving.inflight == 1
    with pytest.raises(PlacetError, match="are being served"):
        await bus.request("later.x", b"2", unix_us() + SECOND)
    waiting.pop()(b"answer")
    assert await first == b"answer"
    assert serving.inflight == 0
    await serving.stop()


async def test_what_a_plain_function_raises_is_the_answer_and_tells_nothing_of_our_insides(make_bus: MakeBus) -> None:
    bus = await make_bus("vault")

    def handler(request: Request, reply: Reply) -> None:
        raise NotFound("no such thing") if request.payload == b"known" else ValueError("secret")

    serving = await bus.serve_later("later.y", handler)
    with pytest.raises(PlacetError) as known:
        await bus.request("later.y", b"known", unix_us() + SECOND)
    assert known.value.kind is Kind.NOT_FOUND
    with pytest.raises(PlacetError) as unknown:
        await bus.request("later.y", b"?", unix_us() + SECOND)
    assert unknown.value.kind is Kind.INTERNAL
    assert "secret" not in str(unknown.value)
    assert serving.inflight == 0
    await serving.stop()


async def test_stopping_waits_for_answers_that_are_due(make_bus: MakeBus) -> None:
    bus = await make_bus("vault")
    waiting: list[Reply] = []
    serving = await bus.serve_later("later.z", lambda request, reply: waiting.append(reply))
    asked = asyncio.create_task(bus.request("later.z", b"1", unix_us() + SECOND))
    while not waiting:
        await asyncio.sleep(0.001)
    asyncio.get_running_loop().call_later(0.05, waiting[0], b"late")
    await serving.stop(grace=2.0)
    assert await asked == b"late"
