"""The permission service in its mesh, called as a client that knows nothing but the protos."""

import asyncio
import json

import pytest
from integration.permission.permission_rig import DAY, SECOND, Approver, Client, now_us, subject, until, uuid

from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.permission.v1 import permission_pb2 as pb
from placet.api.permission.v1 import register_pb2
from placet.evidence.bundle import parse_receipt
from placet.evidence.entries import Event, Grant, Outcome, Withdraw
from placet.kit.errors import Conflict, Denied, Invalid, NotFound, PlacetError, Precondition
from placet.local.mesh import Mesh
from placet.permit.keys import parse_jwks
from placet.permit.verify import Expected, verify

pytestmark = [pytest.mark.asyncio(loop_scope="package"), pytest.mark.mesh]


async def test_a_consent_carries_an_event_and_its_withdrawal_ends_it(bank: Client) -> None:
    given = await bank.consent("alice")
    answer = await bank.authorize(bank.event("alice"), after=given.receipt.entry.index)
    assert (answer.verdict, list(answer.reasons)) == (words.VERDICT_ALLOW, [])
    assert answer.basis == given.consent.basis
    keys = await bank.call("permission", "GetPermitKeys", pb.GetPermitKeysRequest(controller="bank"))
    expected = Expected(issuer="placet-permission", audience="urn:placet:vault:bank", controller="bank")
    claims = verify(answer.permit, parse_jwks(json.loads(keys.jwks)), expected, now=now_us())
    assert (claims.event.index, claims.basis.grant) == (answer.index, given.receipt.entry.index)
    assert claims.basis.leaf != "A" * 43, "the consent service does not tell the grant's leaf hash"
    await bank.withdraw(given.consent.id)
    denied = await bank.authorize(bank.event("alice"))
    assert (denied.verdict, list(denied.reasons)) == (words.VERDICT_DENY, [words.REASON_BASIS_WITHDRAWN])
    assert (denied.permit, denied.alternative) == ("", "card and PIN")


async def test_what_is_denied_is_an_answer_with_its_reasons_and_articles(bank: Client) -> None:
    await bank.consent("denise")
    cases = {
        "unregistered device": ({"device": "nobody"}, words.REASON_POLICY),
        "unregistered purpose": ({"purpose": "nobody"}, words.REASON_PURPOSE_NOT_COVERED),
        "unregistered site": ({"site": "nobody"}, words.REASON_POLICY),
        "a purpose not agreed to": ({"purpose": "vip"}, words.REASON_PURPOSE_NOT_COVERED),
        "ethnicity": ({"inference": words.INFERENCE_ETHNICITY}, words.REASON_POLICY),
        "the vault": ({"storage": words.STORAGE_VAULT}, words.REASON_EGRESS_NOT_COVERED),
        "identify": ({"operation": words.OPERATION_IDENTIFY}, words.REASON_OPERATION_NEEDS_PERMISSION),
        "long ago": ({"occurred": now_us() - 600 * SECOND}, words.REASON_CLOCK_OUT_OF_RANGE),
        "somebody else": ({"subject": subject("nobody")}, words.REASON_BASIS_MISSING),
        "an unknown basis": ({"subject": b"", "basis": 2**40}, words.REASON_BASIS_UNKNOWN),
    }
    for name, (changes, reason) in cases.items():
        answer = await bank.authorize(bank.event("denise", **changes))
        assert (answer.verdict, reason in answer.reasons) == (words.VERDICT_DENY, True), name
        assert answer.forbidden_by or words.REASON_POLICY not in answer.reasons, name


async def test_a_denial_is_explained_by_its_decision(bank: Client) -> None:
    await bank.consent("explained")
    answer = await bank.authorize(bank.event("explained", inference=words.INFERENCE_ETHNICITY))
    request = pb.ExplainDecisionRequest(controller="bank", decision=answer.decision)
    found = (await bank.call("permission", "ExplainDecision", request)).articles
    assert [one.id for one in found if one.forbids] == list(answer.forbidden_by)
    assert [one.id for one in found if not one.forbids] == list(answer.permitted_by)
    banned = next(one for one in found if one.id == "cn-2025/pipl-28")
    assert banned.standing == pb.ExplainedArticle.STANDING_EXACT
    assert banned.confidence == pb.ExplainedArticle.CONFIDENCE_UNVERIFIED
    assert "28" in banned.source.en
    assert banned.explanation.zh_cn
    assert banned.next.en
    assert list(banned.looks_at) == ["inference"]
    request.decision = 2**40
    assert not (await bank.call("permission", "ExplainDecision", request)).articles


async def test_a_batch_is_proven_by_runs(bank: Client) -> None:
    given = [await bank.consent(f"batch-{n}") for n in range(3)]
    events = [bank.event(f"batch-{n % 4}") for n in range(64)]
    response = await bank.batch(*events, after=max(one.receipt.entry.index for one in given), seen=2)
    verdicts = [answer.verdict == words.VERDICT_ALLOW for answer in response.answers]
    assert verdicts == [n % 4 != 3 for n in range(64)]
    assert len(response.proofs) <= 2
    assert response.checkpoint.consistency.old_size == 2
    again = await bank.batch(*events)
    assert [one.entry for one in again.answers] == [one.entry for one in response.answers]
    assert all(one.repeated for one in again.answers)


async def test_a_stream_answers_in_order_and_ends_with_a_status(bank: Client) -> None:
    given = await bank.consent("stream")
    batches = [
        pb.AuthorizeBatchRequest(
            controller="bank", events=[bank.event("stream") for _ in range(5)], after=given.receipt.entry.index
        )
        for _ in range(12)
    ]

    async def send(last: pb.AuthorizeBatchRequest | None = None):  # type: ignore[no-untyped-def]
        for batch in batches:
            yield batch
        if last is not None:
            yield last

    answers = [answer async for answer in bank.stream(send())]
    assert len(answers) == 12
    for batch, answer in zip(batches, answers, strict=True):
        bank.check_batch(answer)
        assert [json.loads(one.entry)["id"] for one in answer.answers] == [event.id for event in batch.events]
    bad = pb.AuthorizeBatchRequest(controller="bank", events=[bank.event("stream", device="")])
    got = []
    with pytest.raises(Exception, match="device") as error:
        await _collect(bank.stream(send(bad)), got)
    assert error.value.code().name == "INVALID_ARGUMENT"  # type: ignore[attr-defined]
    assert len(got) == 12


async def _collect(answers, into) -> None:  # type: ignore[no-untyped-def]
    async for answer in answers:
        into.append(answer)


async def test_many_callers_at_once_each_get_their_own_proof(bank: Client) -> None:
    given = await bank.consent("crowd")
    answers = await asyncio.gather(
        *(bank.authorize(bank.event("crowd"), after=given.receipt.entry.index) for _ in range(64))
    )
    assert len({answer.index for answer in answers}) == 64
    assert all(answer.verdict == words.VERDICT_ALLOW for answer in answers)


async def test_check_appends_nothing(bank: Client) -> None:
    given = await bank.consent("checked")
    await until(lambda: _settled(bank))
    before = await bank.size()
    request = pb.CheckRequest(controller="bank", event=bank.event("checked"), after=given.receipt.entry.index)
    assert (await bank.call("permission", "Check", request)).verdict == words.VERDICT_ALLOW
    request.event.device = "nobody"
    said = await bank.call("permission", "Check", request)
    assert (said.verdict, list(said.reasons)) == (words.VERDICT_DENY, [words.REASON_POLICY])
    assert said.forbidden_by
    assert await bank.size() == before


async def _settled(bank: Client) -> bool:
    """Tell whether nothing is on its way into the log."""
    before = await bank.size()
    await asyncio.sleep(0.3)
    return await bank.size() == before


async def test_an_outcome_gets_into_the_log_without_the_caller(bank: Client) -> None:
    await bank.consent("outcome")
    answer = await bank.authorize(bank.event("outcome"))
    request = pb.RecordOutcomeRequest(controller="bank", of=answer.index, result="match")
    for _ in range(2):
        await bank.call("permission", "RecordOutcome", request)

    async def found() -> list[Outcome]:
        size = await bank.size()
        entries = [await bank.entry(index) for index in range(answer.index, size)]
        return [one for one in entries if isinstance(one, Outcome) and one.of == answer.index]

    (outcome,) = await until(found)
    assert outcome.result == "match"


async def test_a_message_of_a_grant_ends_the_belief_that_there_is_none(bank: Client) -> None:
    assert (await bank.authorize(bank.event("late"))).reasons == [words.REASON_BASIS_MISSING, words.REASON_POLICY]
    await bank.consent("late")

    async def allowed() -> bool:
        return bool((await bank.authorize(bank.event("late"))).verdict == words.VERDICT_ALLOW)

    assert await until(allowed, within=5)


async def test_no_device_in_a_fitting_room(bank: Client) -> None:
    before = await bank.size()
    with pytest.raises(Denied) as error:
        await bank.put("Device", device=bank.device("fitting", place_class=words.PLACE_CLASS_CHANGING_ROOM))
    assert error.value.reason == "PLACE_FORBIDDEN"
    assert error.value.metadata["article"] == "cn-2025/art-13"
    assert error.value.metadata["explanation"]
    assert await bank.size() == before
    listed = await bank.call("register", "ListDevices", register_pb2.ListDevicesRequest(controller="bank"))
    assert "fitting" not in [device.id for device in listed.devices]


async def test_registers_are_listed_as_they_were_put(bank: Client) -> None:
    first = await bank.put("Purpose", purpose=bank.purpose("listed", name="名称"))
    bank.check_receipt(first.receipt)
    again = await bank.put("Purpose", purpose=bank.purpose("listed", name="名称"))
    assert json.loads(first.receipt.entry.entry)["type"] == "register.purpose_put"
    if first.receipt.entry.index == again.receipt.entry.index:
        assert first.receipt.entry.entry == again.receipt.entry.entry
    listed = await bank.call("register", "ListPurposes", register_pb2.ListPurposesRequest(controller="bank"))
    assert [one.name for one in listed.purposes if one.id == "listed"] == ["名称"]


async def test_a_legal_permission_with_two_approvers_and_one_attempt_with_one(mesh: Mesh, bank: Client) -> None:
    leo, dora = Approver(mesh, "bank", "leo", "approve_legal"), Approver(mesh, "bank", "dora", "approve_dpo")
    for approver in (leo, dora):
        await approver.register()
    draft = pb.LegalDraft(
        code=pb.LEGAL_CODE_COURT_ORDER, authority="pipl:13-1-3", document_sha256=b"d" * 32, purposes=["kyc"],
        operations=[words.OPERATION_IDENTIFY], sites=["*"], not_after=now_us() + DAY, law="cn-2025",
    )  # fmt: skip
    ident = uuid()
    asked = await bank.call(
        "permission",
        "RequestLegalPermission",
        pb.RequestLegalPermissionRequest(controller="bank", id=ident, draft=draft),
    )
    assert asked.origin == bank.origin
    issue = pb.IssueLegalPermissionRequest(controller="bank", id=ident)
    bank.check_receipt((await leo.approve(asked)).receipt)
    with pytest.raises(Precondition) as error:
        await bank.call("permission", "IssueLegalPermission", issue)
    assert error.value.reason == "APPROVALS_MISSING"
    assert (await dora.approve(asked)).approvals == 2
    issued = await bank.call("permission", "IssueLegalPermission", issue)
    grant = bank.check_receipt(issued.receipt)
    assert isinstance(grant, Grant)
    assert (grant.basis, len(grant.approvals)) == (issued.basis, 2)
    event = bank.event(operation=words.OPERATION_IDENTIFY)
    answer = await bank.authorize(event, after=grant.i)
    assert (answer.verdict, answer.basis) == (words.VERDICT_ALLOW, issued.basis)
    assert answer.permit
    revoke = pb.RevokeLegalPermissionRequest(controller="bank", id=ident, reason="purpose_ended")
    receipts = [await bank.call("permission", "RevokeLegalPermission", revoke) for _ in range(2)]
    found = [parse_receipt(one.receipt).withdraw for one in receipts]
    assert found[0].index == found[1].index
    assert isinstance(await bank.entry(found[0].index), Withdraw)
    assert (await bank.authorize(event)).permit == ""  # repeated: allowed then, nothing usable now
    named = bank.event(operation=words.OPERATION_IDENTIFY, basis=issued.basis)
    assert (await bank.authorize(named)).reasons == [words.REASON_BASIS_WITHDRAWN]
    got = await bank.call("permission", "GetLegalPermission", pb.GetLegalPermissionRequest(controller="bank", id=ident))
    assert (got.state, len(got.approvals), got.draft) == (pb.LEGAL_STATE_REVOKED, 2, draft)


async def test_a_controller_has_nothing_of_another(mesh: Mesh, bank: Client) -> None:
    given = await bank.consent("alice-of-both")
    theirs = Client(mesh, "retailer")
    try:
        with pytest.raises(Denied) as error:
            await theirs.call("permission", "Authorize", pb.AuthorizeRequest(controller="bank", event=bank.event("x")))
        assert error.value.reason == "CONTROLLER_FORBIDDEN"
        answer = await theirs.authorize(theirs.event("alice-of-both", basis=given.consent.basis))
        assert answer.verdict == words.VERDICT_DENY
        assert "cn-2025/art-4-1" in answer.forbidden_by  # the bank's purpose and device are not the retailer's
        listed = await theirs.call("register", "ListSites", register_pb2.ListSitesRequest(controller="retailer"))
        assert not listed.sites
        mine = await bank.authorize(bank.event("alice-of-both"), after=given.receipt.entry.index)
        with pytest.raises(NotFound):
            await theirs.call(
                "permission", "GetLegalPermission", pb.GetLegalPermissionRequest(controller="retailer", id=uuid())
            )
        assert isinstance(await bank.entry(mine.index), Event)
    finally:
        await theirs.close()


async def test_an_id_is_used_for_one_request_only(bank: Client) -> None:
    event = bank.event("nobody")
    first = await bank.authorize(event)
    again = await bank.authorize(event)
    assert (again.repeated, again.entry) == (True, first.entry)
    event.egress = True
    with pytest.raises(Conflict) as error:
        await bank.authorize(event)
    assert (error.value.reason, error.value.field) == ("IDEMPOTENCY_CONFLICT", "event.id")
    with pytest.raises(Conflict) as error:
        await bank.batch(bank.event("nobody"), event)
    assert error.value.field == "events[1].id"


async def test_bad_input_is_typed_and_appends_nothing(bank: Client) -> None:
    await until(lambda: _settled(bank))
    before = await bank.size()
    bad = {
        "event.id": {"id": "not-a-uuid"},
        "event.subject": {"subject": b"s" * 65},
        "event.purpose": {"purpose": "p" * 65},
        "event.device": {"device": ""},
        "event.operation": {"operation": 99},
        "event.occurred": {"occurred": -(2**63)},
        "event.basis": {"basis": 2**64 - 1},
        "event.permit.max_uses": {"permit": pb.PermitWish(max_uses=2**32 - 1)},
    }
    for field, changes in bad.items():
        with pytest.raises(Invalid) as error:
            await bank.authorize(bank.event("alice", **changes))
        assert error.value.field == field
    with pytest.raises(PlacetError) as malformed:
        await bank.call("permission", "Authorize", pb.AuthorizeRequest(controller="bank"))
    assert malformed.value.reason == "FIELD_MISSING"
    assert await bank.size() == before
