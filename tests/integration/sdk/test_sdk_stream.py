"""A stream of events: order, how far it runs ahead, broken streams, endless feeds."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from integration.sdk.conftest import ASK
from integration.sdk.little_mesh import LittleMesh
from integration.sdk.test_sdk_faults import status

from placet.sdk import AsyncClient, FaceEvent, Invalid, Unreachable


def events(count: int) -> list[FaceEvent]:
    return [FaceEvent(**{**ASK, "device": f"cam-{number}"}) for number in range(count)]


def devices(decisions: list[Any]) -> list[str]:
    return [decision.entry.split(b'"device":"')[1].split(b'"')[0].decode() for decision in decisions]


@pytest.mark.parametrize("count", [0, 1, 7, 128, 129, 1_000])
async def test_every_event_is_answered_in_order(mesh: LittleMesh, client: AsyncClient, count: int) -> None:
    found = [one async for one in client.authorize_stream(events(count))]
    assert devices(found) == [f"cam-{number}" for number in range(count)]
    assert sum(size for name, size in mesh.calls if name == "AuthorizeStream") == count
    assert all(size <= 128 for _, size in mesh.calls)


async def test_a_feed_that_trickles_is_answered_at_once(mesh: LittleMesh, client: AsyncClient) -> None:
    """Each answer must come before the next event is fed: nothing waits for a message to fill up."""
    told: asyncio.Queue[FaceEvent | None] = asyncio.Queue()

    async def feed() -> AsyncIterator[FaceEvent]:
        while (one := await told.get()) is not None:
            yield one

    stream = client.authorize_stream(feed())
    found = []
    for event in events(5):
        await told.put(event)
        found.append(await asyncio.wait_for(anext(stream), 2))
    await told.put(None)
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(stream), 2)
    assert devices(found) == [f"cam-{number}" for number in range(5)]


async def test_it_runs_so_many_messages_ahead_and_no_more(mesh: LittleMesh, client: AsyncClient) -> None:
    taken = []

    def feed() -> Iterator[FaceEvent]:
        for number, event in enumerate(events(100)):
            taken.append(number)
            yield event

    stream = client.authorize_stream(feed(), batch_size=5, in_flight=3)
    await anext(stream)
    assert len(taken) == 15
    await stream.aclose()


async def test_a_broken_stream_goes_on_with_the_same_ids(mesh: LittleMesh, client: AsyncClient) -> None:
    broken = []

    def fail(name: str, _: Any) -> Any:
        if name == "AuthorizeStream" and len(broken) < 3 and len(mesh.calls) % 4 == 3:
            broken.append(len(mesh.calls))
            return status("unavailable", "LEDGER_UNAVAILABLE")
        return None

    mesh.fail = fail
    found = [one async for one in client.authorize_stream(events(300), batch_size=10)]
    assert devices(found) == [f"cam-{number}" for number in range(300)]
    assert broken
    assert len(mesh.known) == 300, "nothing twice"


async def test_a_stream_that_falls_silent_ends_at_the_deadline(mesh: LittleMesh, client: AsyncClient) -> None:
    mesh.wait = lambda *_: asyncio.sleep(10)
    with pytest.raises(Unreachable):
        _ = [one async for one in client.authorize_stream(events(10), timeout=0.2)]


async def test_a_feed_that_fails_is_heard(client: AsyncClient) -> None:
    async def feed() -> AsyncIterator[FaceEvent]:
        yield events(1)[0]
        raise KeyError("the camera is gone")

    with pytest.raises(KeyError):
        _ = [one async for one in client.authorize_stream(feed())]


async def test_a_bad_event_is_named_by_its_place(client: AsyncClient) -> None:
    with pytest.raises(Invalid) as caught:
        _ = [one async for one in client.authorize_stream([*events(3), FaceEvent(**{**ASK, "device": "!"})])]
    assert caught.value.field == "events[3].device"
    for wrong in ({"batch_size": 0}, {"batch_size": 513}, {"in_flight": 0}):
        with pytest.raises(Invalid):
            _ = [one async for one in client.authorize_stream(events(1), **wrong)]
