"""When something is gone: UNAVAILABLE within the deadline, no permit, nothing late but what must arrive."""

import json
import time

import pytest
from integration.permission.permission_rig import Client, until

from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.permission.v1 import permission_pb2 as pb
from placet.evidence.canonical import unb64url
from placet.evidence.entries import Event, Outcome
from placet.kit.errors import Unavailable
from placet.local.mesh import Mesh

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.mesh]


async def ids(bank: Client, begin: int) -> list[str]:
    """Return the ids of the events in the log from a position on."""
    entries = [await bank.entry(index) for index in range(begin, await bank.size())]
    return [one.id for one in entries if isinstance(one, Event)]


def said(permit: str) -> tuple[object, ...]:
    """Return what a permit says of itself: which key, which event, from when until when."""
    header, payload, _ = permit.split(".")
    claims = json.loads(unb64url(payload))
    return unb64url(header), claims["jti"], claims["iat"], claims["exp"], claims["event"]["index"]


@pytest.mark.parametrize("gone", ["audit", "nats"])
async def test_without_ledger_or_bus_there_is_no_answer_and_no_late_event(whole: Mesh, bank: Client, gone: str) -> None:
    given = await bank.consent(f"outage-{gone}")
    event = bank.event(f"outage-{gone}")
    assert (await bank.authorize(event, after=given.receipt.entry.index)).permit
    before = await bank.size()
    await whole.kill(gone)
    lost = [bank.event(f"outage-{gone}") for _ in range(3)]
    for one in lost:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await bank.call("permission", "Authorize", pb.AuthorizeRequest(controller="bank", event=one), timeout=2)
        assert time.monotonic() - began < 2.5
    request = pb.RecordOutcomeRequest(controller="bank", of=before - 1, result=f"after_{gone}")
    await bank.call("permission", "RecordOutcome", request)  # accepted: it gets there when the ledger is back
    await whole.start_service(gone)

    async def arrived() -> bool:
        entries = [await bank.entry(index) for index in range(before, await bank.size())]
        return any(isinstance(one, Outcome) and one.result == f"after_{gone}" for one in entries)

    assert await until(arrived, within=40)
    assert not {one.id for one in lost} & set(await ids(bank, before))
    again = await until(lambda: bank.authorize(event))
    assert again.repeated


async def test_without_consent_an_unknown_person_is_not_decided(whole: Mesh, bank: Client) -> None:
    given = await bank.consent("known")
    await bank.authorize(bank.event("known"), after=given.receipt.entry.index)
    await whole.kill("consent")
    before = await bank.size()
    request = pb.AuthorizeRequest(controller="bank", event=bank.event("unknown-so-far"))
    with pytest.raises(Unavailable) as error:
        await bank.call("permission", "Authorize", request, timeout=2)
    assert error.value.reason in ("DEPENDENCY_UNAVAILABLE", "DEADLINE_PASSED")
    assert await bank.size() == before
    # Negative control: what is known is judged by the ledger, consent or not.
    assert (await bank.authorize(bank.event("known"))).verdict == words.VERDICT_ALLOW


async def test_a_restart_forgets_nothing(whole: Mesh, bank: Client) -> None:
    given = await bank.consent("restart")
    event = bank.event("restart")
    first = await bank.authorize(event, after=given.receipt.entry.index)
    denied_event = bank.event("restart", inference=words.INFERENCE_RELIGION)
    denied = await bank.authorize(denied_event)
    await whole.kill("permission")
    await whole.start_service("permission")
    again = await until(lambda: bank.authorize(event))
    assert (again.repeated, again.entry) == (True, first.entry)
    assert said(again.permit) == said(first.permit)  # the same key file, and no fresh time to use it in
    assert (await bank.authorize(denied_event)).forbidden_by == denied.forbidden_by
    assert (await bank.authorize(bank.event("restart"))).verdict == words.VERDICT_ALLOW
