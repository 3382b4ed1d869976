"""With the bus or the ledger gone: UNAVAILABLE within the deadline, no permit, nothing late; what was accepted
arrives.
"""

import asyncio
import json
import time
from typing import Any

import grpc
import pytest
from e2e.bare import bare, consented, event, new_id, person, template
from e2e.conftest import World

from placet.api.audit.v1 import audit_pb2 as audit
from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.consent.v1 import consent_pb2 as consent
from placet.api.permission.v1 import permission_pb2 as permission
from placet.api.vault.v1 import vault_pb2 as vault
from placet.tlog.note import Verifier

pytestmark = [pytest.mark.mesh, pytest.mark.asyncio(loop_scope="module")]
DEADLINE_S = 2.0


async def entries(world: World) -> list[dict[str, Any]]:
    """Return every entry of the bank's log."""
    stub = world.bank.stubs[-1]
    metadata = (("authorization", f"Bearer {world.bank.token}"),)
    found: list[dict[str, Any]] = []
    async for part in stub.Export(audit.ExportRequest(controller="bank"), metadata=metadata, timeout=30):
        found.extend(json.loads(entry) for entry in part.entries)
    return found


async def refused(world: World, request: Any) -> None:
    """Expect UNAVAILABLE within the deadline."""
    started = time.monotonic()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.bank(request, timeout=DEADLINE_S)
    assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert time.monotonic() - started < DEADLINE_S + 0.5


async def until(condition: Any, seconds: float = 15.0) -> Any:
    """Wait until an awaitable condition gives something true."""
    end = time.monotonic() + seconds
    while True:
        found = await condition()
        if found or time.monotonic() > end:
            return found
        await asyncio.sleep(0.2)


async def works_again(world: World, subject: bytes) -> None:
    async def allowed() -> bool:
        try:
            asked = permission.AuthorizeRequest(event=event(subject))
            return (await world.bank(asked, timeout=DEADLINE_S)).answer.verdict == words.VERDICT_ALLOW
        except grpc.aio.AioRpcError:
            return False

    assert await until(allowed)


@pytest.mark.parametrize("gone", ["nats", "audit"])
async def test_nothing_gets_through_and_nothing_comes_late(world: World, gone: str) -> None:
    subject, leaving = person(f"stays-{gone}"), person(f"leaves-{gone}")
    await consented(world.bank, subject, world.notice)
    ends = (await consented(world.bank, leaving, world.notice)).consent
    enrol = permission.AuthorizeRequest(event=event(subject, words.OPERATION_ENROL))
    answer = (await world.bank(enrol)).answer
    await world.bank(vault.EnrolRequest(permit=answer.permit, id=new_id(), template=template()))
    asked = permission.AuthorizeRequest(event=event(subject, permit=permission.PermitWish(max_uses=9)))
    permit = (await world.bank(asked)).answer.permit

    await world.mesh.kill(gone)
    lost = permission.AuthorizeRequest(event=event(subject))
    use = vault.MatchRequest(permit=permit, id=new_id(), probe=template())
    withdraw = consent.WithdrawConsentRequest(id=ends.id, by=words.ENDED_BY_DATA_SUBJECT, reason="no_longer_wanted")
    await refused(world, lost)
    await refused(world, use)
    await refused(world, withdraw)
    await asyncio.sleep(DEADLINE_S)
    await world.mesh.start_service(gone)
    await works_again(world, subject)

    async def withdrawn() -> bool:
        return any(e["kind"] == "withdraw" and e["basis"] == ends.basis for e in await entries(world))

    assert await until(withdrawn), "an accepted withdrawal arrives"
    log = await entries(world)
    assert lost.event.id not in [entry.get("id") for entry in log], "no late event"
    assert [entry["kind"] for entry in log].count("use") == len({e["i"] for e in log if e["kind"] == "use"})
    uses = [entry for entry in log if entry["kind"] == "use"]
    matched = await world.bank(use)
    assert matched.receipt.entry.index not in [entry["i"] for entry in uses], "the use came with the repeated call only"
    proof = json.loads((await world.bank(withdraw)).withdrawal_receipt)
    assert proof["format"] == "placet.receipt/1"


async def test_kill_9_of_audit_loses_and_doubles_nothing(world: World) -> None:
    subject = person("under-fire")
    await consented(world.bank, subject, world.notice)
    acknowledged: set[str] = set()
    tried: set[str] = set()
    stop = asyncio.Event()

    async def caller() -> None:
        while not stop.is_set():
            asked = permission.AuthorizeRequest(event=event(subject))
            tried.add(asked.event.id)
            try:
                await world.bank(asked, timeout=DEADLINE_S)
                acknowledged.add(asked.event.id)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)

    callers = [asyncio.create_task(caller()) for _ in range(8)]
    for _ in range(3):
        await asyncio.sleep(0.7)
        await world.mesh.kill("audit")
        await world.mesh.start_service("audit")
    await works_again(world, subject)
    stop.set()
    await asyncio.gather(*callers)
    ids = [entry["id"] for entry in await entries(world) if entry["kind"] == "event"]
    assert len(ids) == len(set(ids)), "no key twice"
    assert acknowledged <= set(ids), "nothing acknowledged is lost"
    mine = set(ids) & tried
    assert acknowledged <= mine <= tried
    assert len(acknowledged) > 50


async def test_the_shop_sees_nothing_of_the_bank(world: World) -> None:
    subject = person("bank-only")
    own = (await consented(world.bank, subject, world.notice)).consent
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.shop(consent.GetConsentRequest(id=own.id))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert not (await world.shop(consent.ListConsentsRequest(subject=subject))).consents
    answer = (await world.shop(permission.AuthorizeRequest(event=event(subject)))).answer
    assert answer.verdict == words.VERDICT_DENY
    assert answer.reasons[0] == words.REASON_BASIS_MISSING
    bank_log, shop_log = Verifier.parse(world.vkey), world.mesh.controllers["shop"].vkey
    assert bank_log.vkey.name != shop_log.partition("+")[0]
    bank_permit = (await world.bank(permission.AuthorizeRequest(event=event(subject)))).answer.permit
    elsewhere = bare(world.mesh, "shop", world.shop.token)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await elsewhere(vault.MatchRequest(permit=bank_permit, id=new_id(), probe=template()))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
