"""Authorize through the client: what is sent, what comes back, how concurrent calls share messages."""

import asyncio
import itertools
from typing import Any

import pytest
from integration.sdk.conftest import ASK
from integration.sdk.little_mesh import PERMIT, LittleMesh, new_uuid
from integration.sdk.test_sdk_faults import status

from placet.sdk import (
    AsyncClient,
    Coalescing,
    FaceEvent,
    Invalid,
    PermitWish,
    PlacetError,
    Reason,
    SubjectReferences,
    Verdict,
)
from placet.sdk.vocabulary import Inference, NationalChannel, Storage


async def test_a_lone_call_is_one_authorize_and_its_answer_is_read_from_the_entry(
    mesh: LittleMesh, client: AsyncClient
) -> None:
    decision = await client.authorize(**ASK)
    assert mesh.calls == [("Authorize", 1)]
    assert decision.allowed
    assert decision.permit == PERMIT
    assert decision.permit not in repr(decision)
    assert decision.entry == mesh.log.entries[decision.index]
    assert decision.checkpoint == mesh.log.note() == client.checkpoint_held
    assert mesh.metadata[0]["authorization"] == "Bearer one.two.three"


async def test_everything_asked_is_on_the_wire(mesh: LittleMesh, client: AsyncClient) -> None:
    told = new_uuid(), new_uuid()
    await client.authorize(
        **ASK,
        site="site-7",
        basis=3,
        inference=Inference.AGE,
        storage=Storage.VAULT,
        egress=True,
        disclosure=True,
        sale_or_profit=True,
        scraped_source=True,
        national_channel=NationalChannel.OFFERED,
        occurred=mesh.log.t,
        offline=True,
        frame=told[0],
        event_id=told[1],
        permit=PermitWish(max_uses=3, lifetime=20, audience="engine"),
    )
    event = mesh.requests[0].event
    assert (event.frame, event.id, event.site, event.basis, event.occurred) == (*told, "site-7", 3, event.occurred)
    assert event.subject == SubjectReferences(b"k" * 32).reference("C-1")
    assert (event.inference, event.storage, event.national_channel) == (10, 3, 2)
    assert event.egress
    assert event.disclosure
    assert event.sale_or_profit
    assert event.scraped_source
    assert event.offline
    wish = event.permit
    assert (wish.wanted, wish.audience, wish.max_uses, wish.lifetime) == (1, 2, 3, 20)


async def test_nobody_known_has_no_subject_and_no_permit_can_be_wanted(mesh: LittleMesh, client: AsyncClient) -> None:
    decision = await client.authorize(**{**ASK, "customer": None}, permit=None)
    assert mesh.requests[0].event.subject == b""
    assert decision.permit is None
    assert decision.permit_until is None


async def test_a_denied_event_is_an_answer_with_reasons_in_the_order_of_the_rules(
    mesh: LittleMesh, client: AsyncClient
) -> None:
    mesh.deny["payment"] = ("POLICY", "BASIS_WITHDRAWN")
    decision = await client.authorize(**ASK)
    assert decision.verdict is Verdict.DENY
    assert decision.reasons == (Reason.BASIS_WITHDRAWN, Reason.POLICY)
    assert decision.alternative == "counter"
    assert decision.permit is None


async def test_concurrent_calls_share_messages_and_each_gets_its_own_verdict(
    mesh: LittleMesh, client: AsyncClient
) -> None:
    mesh.deny["spying"] = ("POLICY",)
    purposes = ["payment", "spying", "opening"] * 40
    decisions = await asyncio.gather(*[client.authorize(**{**ASK, "purpose": one}) for one in purposes])
    assert [decision.allowed for decision in decisions] == [one != "spying" for one in purposes]
    assert [decision.permit is not None for decision in decisions] == [one != "spying" for one in purposes]
    assert len({decision.index for decision in decisions}) == len(purposes)
    assert {name for name, _ in mesh.calls} <= {"AuthorizeBatch", "GetConsistency"}
    assert sum(name == "AuthorizeBatch" for name, _ in mesh.calls) <= 3


@pytest.mark.parametrize(("lanes", "callers", "most"), [(1, 64, 64), (2, 64, 32), (2, 300, 128), (1, 300, 128)])
async def test_batches_are_as_large_as_what_waits(
    mesh: LittleMesh, new_client: Any, lanes: int, callers: int, most: int
) -> None:
    client = new_client(coalescing=Coalescing(lanes=lanes))
    await asyncio.gather(*[client.authorize(**ASK) for _ in range(callers)])
    sizes = [count for name, count in mesh.calls if name == "AuthorizeBatch"]
    assert max(sizes) == most
    assert sum(sizes) == callers


async def test_while_lanes_are_busy_the_rest_waits_and_goes_together(mesh: LittleMesh, new_client: Any) -> None:
    client, gate, together = new_client(coalescing=Coalescing(lanes=2)), asyncio.Event(), []
    mesh.wait = lambda name, _: gate.wait() if name.startswith("Authorize") else None
    first = [asyncio.ensure_future(client.authorize(**ASK)) for _ in range(2)]
    while len(mesh.calls) < 1:
        await asyncio.sleep(0.001)
    first.append(asyncio.ensure_future(client.authorize(**ASK)))
    while len(mesh.calls) < 2:
        await asyncio.sleep(0.001)
    together = [asyncio.ensure_future(client.authorize(**ASK)) for _ in range(10)]
    await asyncio.sleep(0.05)
    assert len(mesh.calls) == 2
    gate.set()
    await asyncio.gather(*first, *together)
    assert [count for name, count in mesh.calls if name.startswith("Authorize")] == [2, 1, 10]


async def test_without_coalescing_each_call_is_its_own_message(mesh: LittleMesh, new_client: Any) -> None:
    client = new_client(coalescing=Coalescing(enabled=False))
    await asyncio.gather(*[client.authorize(**ASK) for _ in range(20)])
    assert [count for name, count in mesh.calls if name == "Authorize"] == [1] * 20


async def test_one_signature_is_checked_for_all_answers_of_a_batch(mesh: LittleMesh, new_client: Any) -> None:
    client = new_client(coalescing=Coalescing(lanes=1))
    await asyncio.gather(*[client.authorize(**ASK) for _ in range(64)])
    assert client._session.trust.signatures_checked == 1


async def test_a_sole_client_with_two_lanes_needs_no_proofs_besides(mesh: LittleMesh, client: AsyncClient) -> None:
    """What ties a batch to the head is in its own range proof as long as nobody else writes in between."""

    async def caller() -> None:
        for _ in range(20):
            await client.authorize(**ASK)

    await asyncio.gather(*[caller() for _ in range(64)])
    fetched = sum(name == "GetConsistency" for name, _ in mesh.calls)
    batches = sum(name == "AuthorizeBatch" for name, _ in mesh.calls)
    assert fetched <= 1 + batches // 10  # the very first two have no head to be tied to


async def test_seen_and_after_are_told(mesh: LittleMesh, client: AsyncClient) -> None:
    await client.authorize(**ASK)
    size = mesh.log.size
    client._session.wrote(7)
    await client.authorize(**ASK)
    assert [request.seen for request in mesh.requests] == [0, size]
    assert [request.after for request in mesh.requests] == [0, 7]


async def test_a_giving_up_caller_disturbs_no_other(mesh: LittleMesh, client: AsyncClient) -> None:
    gate = asyncio.Event()
    mesh.wait = lambda *_: gate.wait()
    calls = [asyncio.ensure_future(client.authorize(**ASK)) for _ in range(10)]
    while not mesh.calls:
        await asyncio.sleep(0.001)
    for one in calls[::2]:
        one.cancel()
    gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in results[::2])
    assert all(one.allowed for one in results[1::2])  # type: ignore[union-attr]


async def test_who_gives_up_while_waiting_is_not_sent(mesh: LittleMesh, new_client: Any) -> None:
    client, gate = new_client(coalescing=Coalescing(lanes=1)), asyncio.Event()
    mesh.wait = lambda *_: gate.wait()
    first = asyncio.ensure_future(client.authorize(**ASK))
    while not mesh.calls:
        await asyncio.sleep(0.001)
    waiting = [asyncio.ensure_future(client.authorize(**ASK)) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    await asyncio.gather(first, *waiting[1:])
    assert [count for _, count in mesh.calls] == [1, 3]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose": "no purpose"}, "purpose"),
        ({"device": ""}, "device"),
        ({"site": "/"}, "site"),
        ({"operation": "watch"}, "operation"),
        ({"event_id": "1"}, "event_id"),
        ({"frame": "1"}, "frame"),
        ({"basis": -1}, "basis"),
        ({"basis": 2**53}, "basis"),
        ({"occurred": -5}, "occurred"),
        ({"customer": ""}, "customer"),
        ({"customer": b"x" * 65}, "customer"),
        ({"inference": "mood"}, "inference"),
        ({"permit": PermitWish(max_uses=0)}, "permit.max_uses"),
        ({"permit": PermitWish(lifetime=90_000)}, "permit.lifetime"),
    ],
)
async def test_a_bad_argument_is_refused_here_and_named(
    mesh: LittleMesh, client: AsyncClient, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await client.authorize(**{**ASK, **changes})
    assert caught.value.field == field
    assert mesh.calls == []


async def test_an_explicit_batch_keeps_its_order_and_is_cut_at_512(mesh: LittleMesh, client: AsyncClient) -> None:
    mesh.deny["spying"] = ("POLICY",)
    purposes = list(itertools.islice(itertools.cycle(["payment", "spying"]), 1_100))
    events = [FaceEvent(**{**ASK, "purpose": one}) for one in purposes]
    decisions = await client.authorize_batch(events)
    assert [decision.allowed for decision in decisions] == [one == "payment" for one in purposes]
    assert all(decision.permit is None for decision in decisions)
    assert [count for _, count in mesh.calls] == [512, 512, 76]
    with pytest.raises(Invalid) as caught:
        await client.authorize_batch([events[0], FaceEvent(**{**ASK, "device": "!"})])
    assert caught.value.field == "events[1].device"


async def test_a_repeated_event_finds_its_first_entry(mesh: LittleMesh, client: AsyncClient) -> None:
    ident = new_uuid()
    first = await client.authorize(**ASK, event_id=ident)
    again = await client.authorize(**ASK, event_id=ident)
    assert (again.index, again.repeated, first.repeated) == (first.index, True, False)
    batch = await client.authorize_batch([FaceEvent(**ASK, id=ident, permit=PermitWish())] * 2)
    assert {one.index for one in batch} == {first.index}


async def test_check_records_nothing(mesh: LittleMesh, client: AsyncClient) -> None:
    mesh.deny["spying"] = ("POLICY",)
    size = mesh.log.size
    assert (await client.check(**ASK)).verdict is Verdict.ALLOW
    denied = await client.check(**{**ASK, "purpose": "spying"})
    assert (denied.verdict, denied.reasons, denied.alternative) == (Verdict.DENY, (Reason.POLICY,), "counter")
    assert mesh.log.size == size


async def test_a_refused_event_of_a_long_batch_is_named_by_the_callers_count(
    mesh: LittleMesh, client: AsyncClient
) -> None:
    def fail(_: str, request: Any) -> Any:
        bad = [at for at, event in enumerate(request.events) if event.purpose == "bad"]
        return status("conflict", "IDEMPOTENCY_CONFLICT", field=f"events[{bad[0]}].id") if bad else None

    mesh.fail = fail
    events = [FaceEvent(**{**ASK, "purpose": "bad" if at == 700 else "payment"}) for at in range(1_100)]
    with pytest.raises(PlacetError) as caught:
        await client.authorize_batch(events)
    assert caught.value.field == "events[700].id"
    with pytest.raises(PlacetError) as caught:
        _ = [one async for one in client.authorize_stream(events)]
    assert caught.value.field == "events[700].id"
