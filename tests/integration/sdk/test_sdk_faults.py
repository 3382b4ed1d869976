"""When things go wrong: deadlines, retries with the same id, one bad event in a batch, typed errors."""

import asyncio
import time
from typing import Any

import grpc
import pytest
from integration.sdk.conftest import ASK, config_of
from integration.sdk.little_mesh import LittleMesh

from placet.kit.errors import Exhausted as ServiceExhausted
from placet.kit.errors import Kind as ServiceKind
from placet.kit.errors import error_of
from placet.kit.grpc.status import to_status
from placet.sdk import AsyncClient, Device, Exhausted, FaceEvent, Invalid, PlacetError, Unreachable
from placet.sdk.errors import CLASSES, Kind


def status(kind: str, reason: str, **details: Any) -> Any:
    return to_status(error_of(kind, reason, "said the service", **details))


@pytest.mark.parametrize("kind", list(ServiceKind))
async def test_every_kind_of_error_comes_as_its_class(mesh: LittleMesh, new_client: Any, kind: ServiceKind) -> None:
    mesh.fail = lambda *_: status(kind, "STATE_INVALID", field="event.device", metadata={"have": "1"})
    with pytest.raises(PlacetError) as caught:
        await new_client(timeout=0.3).authorize(**ASK)
    error = caught.value
    assert type(error) is CLASSES[Kind(kind.value)]
    if kind is not ServiceKind.UNAVAILABLE:  # that one is repeated until the deadline
        assert (error.reason, error.field, error.metadata) == ("STATE_INVALID", "event.device", {"have": "1"})
        assert len(mesh.calls) == 1


async def test_unavailable_is_repeated_with_the_same_id_until_it_works(mesh: LittleMesh, client: AsyncClient) -> None:
    failures = 3
    mesh.fail = lambda *_: status("unavailable", "LEDGER_UNAVAILABLE") if len(mesh.calls) <= failures else None
    decision = await client.authorize(**ASK)
    assert decision.allowed
    assert len({request.event.id for request in mesh.requests}) == 1
    assert len(mesh.calls) == failures + 1


async def test_a_lost_answer_is_found_again(mesh: LittleMesh, client: AsyncClient) -> None:
    """The event is appended and its answer lost; the retry gets the same entry, whose `seen` is the first attempt's."""
    await client.authorize(**ASK)
    mesh.calls.clear()

    def lose(name: str, request: Any) -> Any:
        if len(mesh.calls) > 1:
            return None
        mesh.decide([request.event], request.seen, permits=True)
        return status("unavailable", "LEDGER_UNAVAILABLE")

    mesh.fail = lose
    decision = await client.authorize(**ASK)
    assert decision.repeated
    assert len(mesh.calls) == 2
    assert len(mesh.known) == 2, "the lost one and the one before: nothing twice"


async def test_exhausted_waits_as_long_as_told(mesh: LittleMesh, client: AsyncClient) -> None:
    full = to_status(ServiceExhausted("QUEUE_FULL", "full", retry_after=0.2))
    mesh.fail = lambda *_: full if len(mesh.calls) == 1 else None
    started = time.monotonic()
    assert (await client.authorize(**ASK)).allowed
    assert time.monotonic() - started >= 0.2


async def test_exhausted_without_a_delay_or_beyond_the_deadline_is_not_repeated(
    mesh: LittleMesh, new_client: Any
) -> None:
    for retry_after in (None, 60.0):
        mesh.fail = lambda *_, wait=retry_after: to_status(ServiceExhausted("QUEUE_FULL", "full", retry_after=wait))
        mesh.calls.clear()
        with pytest.raises(Exhausted) as caught:
            await new_client(timeout=1.0).authorize(**ASK)
        assert caught.value.retry_after == retry_after
        assert len(mesh.calls) == 1


@pytest.mark.parametrize("what", ["hangs", "refuses"])
async def test_the_deadline_holds_and_names_the_alternative(mesh: LittleMesh, what: str) -> None:
    if what == "hangs":
        mesh.wait = lambda *_: asyncio.sleep(10)
        config = config_of(mesh, timeout=0.3)
    else:
        address, mesh.address = mesh.address, "127.0.0.1:9"
        config = config_of(mesh, timeout=0.3)
        mesh.address = address
    async with AsyncClient(config) as client:
        client._session.alternatives["device", "cam-1"] = "card-and-pin"
        started = time.monotonic()
        with pytest.raises(Unreachable) as caught:
            await client.authorize(**ASK)
        assert time.monotonic() - started < 1.0
        assert caught.value.alternative == "card-and-pin"
        for call in (client.check(**ASK), client.authorize_batch([FaceEvent(**ASK)])):
            with pytest.raises(Unreachable) as again:
                await call
            assert again.value.alternative == "card-and-pin"


async def test_each_caller_has_its_own_deadline(mesh: LittleMesh, client: AsyncClient) -> None:
    gate = asyncio.Event()
    mesh.wait = lambda *_: gate.wait()
    patient = [asyncio.ensure_future(client.authorize(**ASK, timeout=5)) for _ in range(3)]
    hasty = [asyncio.ensure_future(client.authorize(**ASK, timeout=0.1)) for _ in range(3)]
    started = time.monotonic()
    results = await asyncio.gather(*hasty, return_exceptions=True)
    assert time.monotonic() - started < 1.0
    assert all(isinstance(one, Unreachable) and one.reason == "DEADLINE_PASSED" for one in results)
    gate.set()
    assert all(decision.allowed for decision in await asyncio.gather(*patient))


@pytest.mark.parametrize("named", [True, False])
async def test_a_refused_event_fails_its_own_caller_only(mesh: LittleMesh, client: AsyncClient, named: bool) -> None:
    def fail(name: str, request: Any) -> Any:
        events = {"AuthorizeBatch": lambda: request.events, "Authorize": lambda: [request.event]}.get(name, list)()
        bad = [at for at, event in enumerate(events) if event.purpose == "bad"]
        if not bad:
            return None
        field = f"events[{bad[0]}].purpose" if named and name == "AuthorizeBatch" else None
        return status("conflict", "IDEMPOTENCY_CONFLICT", field=field)

    mesh.fail = fail
    purposes = ["payment", "bad", "payment", "bad", "payment"] * 3
    results = await asyncio.gather(
        *[client.authorize(**{**ASK, "purpose": one}) for one in purposes], return_exceptions=True
    )
    for purpose, result in zip(purposes, results, strict=True):
        if purpose == "bad":
            assert isinstance(result, PlacetError)
            assert result.reason == "IDEMPOTENCY_CONFLICT"
        else:
            assert result.allowed  # type: ignore[union-attr]


async def test_a_bad_token_fails_everyone_once(mesh: LittleMesh, client: AsyncClient) -> None:
    mesh.fail = lambda *_: status("unauthenticated", "TOKEN_EXPIRED")
    results = await asyncio.gather(*[client.authorize(**ASK) for _ in range(10)], return_exceptions=True)
    assert {type(one) for one in results} == {CLASSES[Kind.UNAUTHENTICATED]}
    assert len(mesh.calls) == 1


async def test_a_callable_gives_a_fresh_token_for_each_call(mesh: LittleMesh, new_client: Any) -> None:
    tokens = iter(f"t.{number}" for number in range(100))
    client = new_client(token=lambda: next(tokens))
    await client.authorize(**ASK)
    await client.authorize(**ASK)
    assert [one["authorization"] for one in mesh.metadata] == ["Bearer t.0", "Bearer t.1"]


@pytest.mark.parametrize("token", ["", "a b", "a\n", "\u00e9"])
async def test_a_token_that_is_none_is_refused(new_client: Any, token: str) -> None:
    with pytest.raises(Invalid) as caught:
        await new_client(token=lambda: token).authorize(**ASK)
    assert caught.value.field == "token"


async def test_closing_fails_whoever_waits_and_every_later_call(mesh: LittleMesh, new_client: Any) -> None:
    client = new_client()
    mesh.wait = lambda *_: asyncio.sleep(10)
    waiting = [asyncio.ensure_future(client.authorize(**ASK)) for _ in range(3)]
    while not mesh.calls:
        await asyncio.sleep(0.001)
    await client.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(one, Unreachable) and one.reason == "CLOSED" for one in results)
    with pytest.raises(PlacetError) as caught:
        await client.check(**ASK)
    assert caught.value.reason == "CLOSED"


async def test_a_status_from_elsewhere_keeps_its_kind(mesh: LittleMesh, client: AsyncClient) -> None:
    class Bare(grpc.Status):
        code = grpc.StatusCode.PERMISSION_DENIED
        details = "a proxy says no"
        trailing_metadata = ()

    mesh.fail = lambda *_: Bare()
    with pytest.raises(PlacetError, match="a proxy says no") as caught:
        await client.authorize(**ASK)
    assert caught.value.kind is Kind.FORBIDDEN


def test_a_device_is_remembered_with_its_alternative() -> None:
    assert Device(id="d", site="s", place_class="shop_floor", alternative="card").alternative == "card"
