"""Audit, NATS or the service itself killed: refused or accepted in time, and what was accepted arrives, once."""

import asyncio
import time
from typing import Any

import grpc.aio
import pytest
from integration.consent.mesh_rig import Client

from placet.api.audit.v1 import audit_pb2, audit_pb2_grpc
from placet.api.consent.v1 import consent_pb2 as pb
from placet.evidence.canonical import b64url
from placet.evidence.entries import parse_entry
from placet.kit.errors import PlacetError
from placet.local.mesh import Mesh

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def entries(mesh: Mesh) -> list[Any]:
    """Return all entries of the bank's log."""
    token = mesh.issuer.mint("eve", ["bank"], ["auditor"])
    metadata = (("authorization", f"Bearer {token}"),)
    async with grpc.aio.insecure_channel(mesh.addresses["audit"]) as channel:
        stream = audit_pb2_grpc.AuditServiceStub(channel).Export(
            audit_pb2.ExportRequest(controller="bank"), metadata=metadata, timeout=20
        )
        return [parse_entry(one) async for answer in stream for one in answer.entries]


async def ended_within(bank: Client, ident: str, seconds: float) -> None:
    """Wait until a consent's ending is in the ledger."""
    end = time.monotonic() + seconds
    while not (await bank.get(ident)).HasField("ended"):
        assert time.monotonic() < end, "the withdrawal did not arrive"
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("what", ["audit", "nats"])
async def test_a_withdrawal_accepted_in_an_outage_arrives_by_itself(mesh: Mesh, bank: Client, what: str) -> None:
    given = await bank.capture(f"{what}-out")
    await mesh.kill(what)
    started = time.monotonic()
    with pytest.raises(PlacetError) as caught:
        await bank.call("WithdrawConsent", bank.withdrawal(given.consent.id), timeout=3)
    assert time.monotonic() - started < 3
    assert (caught.value.kind, caught.value.metadata["accepted"]) == ("unavailable", "true")
    assert "will arrive" in caught.value.message
    assert not (await bank.get(given.consent.id)).HasField("ended")
    await mesh.start_service(what)
    await ended_within(bank, given.consent.id, 30)
    ended = await bank.withdraw(given.consent.id)
    basis = given.consent.basis
    assert bank.check(ended.receipt).basis == basis  # type: ignore[union-attr]
    found = [one for one in await entries(mesh) if one.kind == "withdraw" and one.basis == basis]
    assert len(found) == 1


async def test_an_audit_that_hangs_is_no_excuse_to_hang(mesh: Mesh, bank: Client) -> None:
    given = await bank.capture("hang")
    mesh.pause("audit")
    try:
        started = time.monotonic()
        with pytest.raises(PlacetError) as caught:
            await bank.call("WithdrawConsent", bank.withdrawal(given.consent.id), timeout=2)
        assert time.monotonic() - started < 2
        assert caught.value.metadata.get("accepted") == "true"
    finally:
        mesh.resume("audit")
    answer = await bank.until("WithdrawConsent", bank.withdrawal(given.consent.id))
    assert bank.check(answer.receipt).kind == "withdraw"


async def test_a_notice_and_a_new_person_in_an_outage_arrive_once(mesh: Mesh, bank: Client) -> None:
    asked = bank.asked("outage-new")
    await mesh.kill("audit")
    for _ in range(2):
        with pytest.raises(PlacetError) as caught:
            await bank.call("CaptureConsent", asked, timeout=2)
        assert caught.value.kind == "unavailable"
    assert (await bank.get(asked.id)).state == pb.CONSENT_STATE_REQUESTED
    await mesh.start_service("audit")
    answer = await bank.until("CaptureConsent", asked)
    assert answer.consent.state == pb.CONSENT_STATE_GIVEN
    grant = bank.check(answer.receipt)
    records = [one for one in await entries(mesh) if getattr(one, "record", None) == grant.record]  # type: ignore[union-attr]
    assert len(records) == 1


async def test_killed_under_load_every_accepted_consent_is_there_once(mesh: Mesh, bank: Client) -> None:
    before = [one for one in await entries(mesh) if one.kind == "grant"]
    asked = [bank.asked(f"load-{n}") for n in range(60)]
    answered: dict[str, Any] = {}

    async def one(request: pb.CaptureConsentRequest) -> None:
        answered[request.id] = await bank.until("CaptureConsent", request, within=40)

    running = [asyncio.ensure_future(one(request)) for request in asked]
    for _ in range(2):
        await asyncio.sleep(0.25)
        await mesh.kill("consent")
        await mesh.start_service("consent")
    await asyncio.gather(*running)
    log = await entries(mesh)
    by_index = {entry.i: entry for entry in log}
    commitments = [entry.record for entry in log if entry.kind == "grant"]
    assert len(commitments) == len(set(commitments)) == len(before) + len(asked)
    for request in asked:
        answer = answered[request.id]
        grant = by_index[answer.consent.granted]
        assert grant.record == parse_entry(answer.receipt.entry.entry).record  # type: ignore[union-attr]
        assert grant.notice == b64url(bank.notice)
    assert len({answer.consent.basis for answer in answered.values()}) == len(asked)
