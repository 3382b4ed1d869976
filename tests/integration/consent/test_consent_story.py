"""The consent service as a process, over gRPC and NATS, with the real log: what a client made from the protos sees."""

import asyncio
import json
from typing import Any

import jwt
import pytest
from integration.consent.mesh_rig import Client, born, bus_of, now_us, subject, uuid

from placet.api.common.v1 import vocabulary_pb2 as words
from placet.api.consent.v1 import consent_pb2 as pb
from placet.api.consent.v1 import lookup_pb2
from placet.evidence.entries import Grant, Record, Withdraw
from placet.evidence.verify import verify_receipt
from placet.kit.bus.consumer import Consumer
from placet.kit.bus.jetstream import JetStream
from placet.kit.bus.messages import Message, filter_subject
from placet.kit.errors import PlacetError
from placet.local.mesh import Mesh
from placet.tlog.keys import Verifier

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_notice_is_published_and_found(bank: Client) -> None:
    answer = await bank.publish(title="第二版")
    entry = bank.check(answer.receipt)
    assert isinstance(entry, Record)
    assert entry.type == "notice.published"
    again = await bank.publish(title="第二版")
    assert again == answer
    asked = pb.GetNoticeRequest(controller="bank", content_hash=answer.notice.content_hash)
    assert (await bank.call("GetNotice", asked)).notice == answer.notice
    listed = await bank.call("ListNotices", pb.ListNoticesRequest(controller="bank"))
    assert answer.notice in listed.notices


async def test_given_amended_withdrawn(mesh: Mesh, bank: Client) -> None:
    served = pb.RecordNoticeServedRequest(
        controller="bank",
        id=uuid(),
        subject=subject("ann"),
        notice_hash=bank.notice,
        language="zh-CN",
        channel=pb.CHANNEL_KIOSK,
        served_at=now_us(),
    )
    assert (await bank.call("RecordNoticeServed", served)).id == served.id
    given = await bank.capture("ann", egress=True, notice_served=served.id)
    grant = bank.check(given.receipt)
    assert isinstance(grant, Grant)
    assert given.consent.state == pb.CONSENT_STATE_GIVEN
    assert (given.consent.basis, given.consent.granted) == (grant.basis, grant.i)
    jwk = json.loads((mesh.layout.own("consent") / "receipt-key.jwk").read_text())
    claims = jwt.decode(given.signed_receipt, jwt.PyJWK(jwk), algorithms=["EdDSA"])
    assert claims["ledger"]["index"] == grant.i
    amendment = pb.AmendConsentRequest(controller="bank", id=given.consent.id, amendment=uuid(), end_egress=True)
    amended = await bank.call("AmendConsent", amendment)
    assert bank.check(amended.receipt).kind == "amend"
    assert not amended.consent.egress
    ended = await bank.withdraw(given.consent.id)
    entry = bank.check(ended.receipt)
    assert isinstance(entry, Withdraw)
    assert (entry.basis, entry.reason) == (grant.basis, "no_longer_wanted")
    assert ended.consent.state == pb.CONSENT_STATE_WITHDRAWN
    report = verify_receipt(ended.withdrawal_receipt, [Verifier.parse(bank.vkey)])
    assert report.said
    assert await bank.withdraw(given.consent.id) == ended


async def test_a_refusal_has_a_receipt_too(bank: Client) -> None:
    first = await bank.capture("ben")
    no = await bank.capture("ben", choice=pb.CHOICE_REFUSED)
    assert no.consent.state == pb.CONSENT_STATE_REFUSED
    assert not no.HasField("receipt")
    assert no.signed_receipt.count(".") == 2
    listed = await bank.call("ListConsents", pb.ListConsentsRequest(controller="bank", subject=subject("ben")))
    assert [one.state for one in listed.consents] == [pb.CONSENT_STATE_WITHDRAWN, pb.CONSENT_STATE_REFUSED]
    assert listed.consents[0].id == first.consent.id


def opening(minor: str, **changes: Any) -> pb.OpenGuardianshipRequest:
    """Return the opening of a guardianship of a 13-year-old."""
    whole: dict[str, Any] = {
        "controller": "bank",
        "id": uuid(),
        "minor": subject(minor),
        "guardian": subject(f"mother of {minor}"),
        "kind": pb.GUARDIAN_KIND_PARENT,
        "minor_birth_date": born(13),
        "proof_sha256": bytes(32),
    }
    return pb.OpenGuardianshipRequest(**whole | changes)


async def test_a_child_and_its_guardian(mesh: Mesh, bank: Client) -> None:
    bert = Client(mesh, actor="bert", vkey=bank.vkey)
    bert.notice = bank.notice
    with pytest.raises(PlacetError) as caught:
        await bank.capture("kim", birth_date=born(13))
    assert (caught.value.reason, caught.value.field) == ("GUARDIAN_REQUIRED", "guardianships")
    asked = opening("kim")
    opened = await bank.call("OpenGuardianship", asked)
    assert opened.guardianship.state == pb.GUARDIANSHIP_STATE_OPENED
    confirm = pb.ConfirmGuardianshipRequest(controller="bank", id=asked.id)
    with pytest.raises(PlacetError) as caught:
        await bank.call("ConfirmGuardianship", confirm)
    assert caught.value.reason == "SAME_PERSON"
    confirmed = await bert.call("ConfirmGuardianship", confirm)
    assert confirmed.guardianship.state == pb.GUARDIANSHIP_STATE_CONFIRMED
    given = await bank.capture("kim", birth_date=born(13), guardianships=[asked.id])
    grant = bank.check(given.receipt)
    assert isinstance(grant, Grant)
    assert given.consent.minor
    found = await bank.call("GetGuardianship", pb.GetGuardianshipRequest(controller="bank", id=asked.id))
    assert tuple(found.guardianship.bases) == grant.needs
    withdrawal = pb.WithdrawGuardianshipRequest(
        controller="bank", id=asked.id, by=words.ENDED_BY_GUARDIAN, reason="changed_mind"
    )
    ended = await bank.call("WithdrawGuardianship", withdrawal)
    assert list(ended.consents) == [given.consent.id]
    assert len(ended.withdrawal_receipts) == 1
    verify_receipt(ended.withdrawal_receipts[0], [Verifier.parse(bank.vkey)])
    assert (await bank.get(given.consent.id)).state == pb.CONSENT_STATE_WITHDRAWN
    assert await bank.call("WithdrawGuardianship", withdrawal) == ended
    await bert.channel.close()


async def test_the_lookup_answers_over_the_bus(mesh: Mesh, bank: Client) -> None:
    given = await bank.capture("lou", max_events=3)
    async with bus_of(mesh, "permission") as bus:
        asked = lookup_pb2.LookupRequest(controller="bank", subjects=[subject("lou"), subject("nobody")])
        raw = await bus.request("placet.bank.consent.lookup", asked.SerializeToString(), now_us() + 2_000_000)
        answer = lookup_pb2.LookupResponse.FromString(raw)
        (facts,) = answer.subjects[0].bases
        assert (facts.ordinal, facts.granted) == (given.consent.basis, given.consent.granted)
        assert facts.leaf_hash == given.receipt.entry.leaf_hash
        assert answer.as_of > facts.granted
        with pytest.raises(PlacetError) as caught:
            await bus.request("placet.retailer.consent.lookup", asked.SerializeToString(), now_us() + 2_000_000)
        assert caught.value.field == "controller"


async def test_others_are_told_over_the_stream(mesh: Mesh, bank: Client) -> None:
    given = await bank.capture("max")
    ended = await bank.withdraw(given.consent.id)
    seen: list[Message] = []
    done = asyncio.Event()

    async def handle(message: Message) -> None:
        seen.append(message)
        if message.index == ended.receipt.entry.index:
            done.set()

    kinds = ("granted", "amended", "withdrawn", "guardianship_withdrawn")
    filters = [filter_subject("consent", kind) for kind in kinds]
    async with bus_of(mesh, "permission") as bus, Consumer(JetStream(bus), "permission", filters, handle):
        await asyncio.wait_for(done.wait(), 10)
    own = [(one.kind, one.index) for one in seen if one.basis == given.consent.basis]
    assert own == [("granted", given.consent.granted), ("withdrawn", ended.receipt.entry.index)]


async def test_many_at_once_leave_one(bank: Client) -> None:
    answers = await asyncio.gather(*(bank.capture("zoe") for _ in range(24)), return_exceptions=True)
    assert [one for one in answers if isinstance(one, BaseException)] == []
    request = pb.ListConsentsRequest(controller="bank", subject=subject("zoe"))
    states = [one.state for one in (await bank.call("ListConsents", request)).consents]
    assert states.count(pb.CONSENT_STATE_GIVEN) == 1
    assert states.count(pb.CONSENT_STATE_REVOKED) == 23
    asked = bank.asked("yan")
    same = await asyncio.gather(*(bank.call("CaptureConsent", asked) for _ in range(12)))
    assert len({one.SerializeToString(deterministic=True) for one in same}) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "not-a-uuid"}, "id"),
        ({"subject": b"440301199001011234"}, "subject"),
        ({"notice_hash": b"short"}, "notice_hash"),
        ({"not_after": -5}, "not_after"),
        ({"not_before": 2**62}, "not_before"),
        ({"choice": 17}, "choice"),
        ({"operations": [0]}, "operations[0]"),
        ({"purpose": "x" * 200}, "purpose"),
        ({"birth_date": "2013-02-30"}, "birth_date"),
        ({"zone": "Nowhere/Land"}, "zone"),
    ],
)
async def test_bad_input_names_the_field_and_appends_nothing(bank: Client, changes: dict[str, Any], field: str) -> None:
    who = f"bad {field}"
    with pytest.raises(PlacetError) as caught:
        await bank.capture(**{"who": who} | changes)
    assert (caught.value.kind, caught.value.field) == ("invalid", field)
    request = pb.ListConsentsRequest(controller="bank", subject=subject(who))
    assert list((await bank.call("ListConsents", request)).consents) == []


async def test_another_controllers_token_sees_nothing(mesh: Mesh, bank: Client) -> None:
    given = await bank.capture("una")
    shop = Client(mesh, controller="retailer", vkey=mesh.controllers["retailer"].vkey)
    with pytest.raises(PlacetError) as caught:
        await shop.get(given.consent.id)
    assert caught.value.reason == "NOT_FOUND"
    shop.controller = "bank"
    with pytest.raises(PlacetError) as caught:
        await shop.get(given.consent.id)
    assert caught.value.reason == "CONTROLLER_FORBIDDEN"
    await shop.channel.close()


async def test_a_controller_that_does_not_exist_is_refused(mesh: Mesh) -> None:
    ghost = Client(mesh, controller="ghost")
    with pytest.raises(PlacetError) as caught:
        await ghost.publish()
    assert caught.value.reason == "CONTROLLER_UNKNOWN"
    await ghost.channel.close()
