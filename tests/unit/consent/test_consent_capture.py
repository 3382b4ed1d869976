"""Capturing decisions: what enters the ledger, what stays off it, and how the latest decision wins."""

from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fakes.consent_world import BANK, LAW, SECOND, START, World, subject
from sqlmodel import select

from placet.consent.errors import (
    ControllerClosed,
    DeadlinePassed,
    IdempotencyConflict,
    Invalid,
    NotFound,
)
from placet.consent.handlers import capture as capturing
from placet.consent.handlers import withdraw as withdrawing
from placet.consent.model.vocabulary import Choice, ConsentState, Controller, Expression, Instant, Operation
from placet.consent.tables import ConsentRow
from placet.evidence import canonical
from placet.evidence.entries import Grant, Record, Withdraw
from placet.tlog.checkpoint import open_checkpoint
from placet.tlog.keys import Verifier
from placet.tlog.proof import verify_inclusion


def grants(world: World) -> list[Grant]:
    """Return the bank's grants."""
    return [one for one in world.ledger.log(BANK).entries if isinstance(one, Grant)]


async def row_of(world: World, ident: str) -> Any:
    """Return what is stored of a consent."""

    def read(session: Any) -> Any:
        return session.exec(select(ConsentRow).where(ConsentRow.id == ident)).one()

    return await world.store.database.read(read)


async def test_a_given_consent_is_a_grant_with_everything_that_was_agreed(world: World) -> None:
    done = await world.capture(
        sites=("b", "a"),
        not_after=Instant(world.now + 60 * SECOND),
        max_events=7,
        operations=(Operation.VERIFY,),
    )
    (grant,) = grants(world)
    assert world.notice is not None
    assert done.receipt is not None
    assert (grant.form, grant.purposes, grant.operations, grant.sites) == ("consent", ("kyc",), ("verify",), ("a", "b"))
    assert (grant.not_after, grant.max_events, grant.egress, grant.law) == (world.now + 60 * SECOND, 7, True, LAW)
    assert grant.notice == canonical.b64url(world.notice.content_hash)
    assert (grant.needs, grant.approvals, grant.authority, grant.imported) == ((), (), None, False)
    assert (done.consent.basis, done.consent.granted) == (grant.basis, grant.i)
    assert done.consent.state(Instant(world.now)) is ConsentState.GIVEN


async def test_from_now_begins_a_clock_tolerance_ago_and_later_begins_as_asked(world: World) -> None:
    now = await world.capture()
    later = await world.capture("bob", not_before=Instant(world.now + 9 * SECOND))
    assert now.consent.not_before == START - 120 * SECOND  # a camera's clock that is behind does not deny it
    assert later.consent.not_before == START + 9 * SECOND
    imported = await world.capture("carol", imported=True, not_before=Instant(5))
    assert imported.consent.not_before == 5
    assert grants(world)[-1].imported


async def test_nothing_in_the_log_leads_to_the_person(world: World) -> None:
    one = await world.capture()
    two = await world.capture(purpose="vip")
    row = await row_of(world, one.consent.id)
    first, second = grants(world)
    assert first.subject != second.subject  # fresh for each consent
    assert first.record == canonical.b64url(canonical.commitment(row.salt, canonical.decode(row.record)))
    everything = b"".join(world.ledger.log(BANK).data)
    for secret in (subject("alice"), one.consent.id.encode(), two.consent.id.encode(), b"staff-1"):
        assert secret not in everything
        assert canonical.b64url(secret).encode() not in everything
    keys = world.ledger.log(BANK).keys
    assert len({len(key) for key in keys}) == 1
    assert all(key not in row.record for key in keys)


async def test_the_record_off_the_log_has_what_27560_asks_for(world: World) -> None:
    done = await world.capture(choice=Choice.GIVEN)
    said = canonical.decode((await row_of(world, done.consent.id)).record)
    no = await world.capture(choice=Choice.REFUSED)
    refused = canonical.decode((await row_of(world, no.consent.id)).record)
    assert said.keys() == refused.keys()
    assert said["event"].keys() == refused["event"].keys()
    assert said["subject"] == canonical.b64url(subject("alice"))
    assert said["event"]["type"] == "given"
    assert said["event"]["operator"] == refused["event"]["operator"] != "staff-1"
    for field in ("schema", "purpose", "notice", "data_types", "controller", "withdrawal_method", "jurisdiction"):
        assert said[field] is not None


async def test_a_refusal_is_recorded_by_a_commitment_and_nothing_else(world: World) -> None:
    done = await world.capture(choice=Choice.REFUSED)
    (entry,) = [one for one in world.ledger.log(BANK).entries if isinstance(one, Record) and "refused" in one.type]
    row = await row_of(world, done.consent.id)
    assert entry.data == {"commitment": canonical.b64url(canonical.commitment(row.salt, canonical.decode(row.record)))}
    assert done.receipt is None
    assert done.consent.basis is None
    assert done.consent.state(Instant(world.now)) is ConsentState.REFUSED
    assert world.kinds == ["notice.published", "consent.refused"]


async def test_the_receipt_of_the_ledger_proves_the_entry(world: World) -> None:
    receipt = (await world.capture()).receipt
    assert receipt is not None
    log = world.ledger.log(BANK)
    checkpoint = open_checkpoint(receipt.checkpoint, [Verifier.parse(log.vkey)])
    assert checkpoint.size == receipt.tree_size
    verify_inclusion(receipt.leaf_hash, receipt.index, checkpoint.size, receipt.proof, checkpoint.root)
    assert log.data[receipt.index] == receipt.entry


@pytest.mark.parametrize("choice", list(Choice))
async def test_the_person_gets_a_signed_receipt_for_yes_and_no(world: World, choice: Choice) -> None:
    done = await world.capture(choice=choice, expression=Expression.CLICK)
    signed = done.consent.signed_receipt
    assert signed is not None
    assert jwt.get_unverified_header(signed) == {
        "alg": "EdDSA",
        "typ": "placet-receipt+jwt",
        "kid": world.signer.jwk["kid"],
    }
    claims = jwt.decode(signed, jwt.PyJWK(world.signer.jwk), algorithms=["EdDSA"])
    assert (claims["jti"], claims["purpose"], claims["event"]["type"]) == (done.consent.id, "kyc", choice)
    assert claims["notice"]["hash"] == canonical.b64url(done.consent.notice_hash)
    assert claims["operations"] == ["enrol", "verify"]
    assert claims["controller"]["name"] == "某某银行"
    assert claims["withdrawal"]["record_id"] == done.consent.id
    log = world.ledger.log(BANK)
    index = claims["ledger"]["index"]
    assert claims["ledger"]["leaf_hash"] == canonical.b64url(log.leaves[index])
    assert claims["ledger"]["basis"] == done.consent.basis
    assert canonical.b64url(subject("alice")) not in str(claims)
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(signed, Ed25519PrivateKey.generate().public_key(), algorithms=["EdDSA"])


async def test_a_repeated_capture_is_the_same_answer_and_one_grant(world: World) -> None:
    asked = world.asked()
    first = await world.repeat(asked)
    world.now += 3600 * SECOND
    assert await world.repeat(asked) == first
    assert len(grants(world)) == 1
    # Also when the controller was closed since, and after it was withdrawn.
    world.controllers.closed.add(BANK)
    assert await world.repeat(asked) == first
    await world.withdraw(asked.id)
    again = await world.repeat(asked)
    assert (again.receipt, again.consent.signed_receipt) == (first.receipt, first.consent.signed_receipt)
    assert again.consent.state(Instant(world.now)) is ConsentState.WITHDRAWN


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "vip"},
        {"subject": subject("bob")},
        {"choice": Choice.REFUSED},
        {"egress": False},
        {"operations": (Operation.VERIFY,)},
        {"sites": ("a",)},
        {"not_after": Instant(START + SECOND)},
        {"max_events": 3},
        {"expression": Expression.CLICK},
        {"imported": True},
        {"zone": "UTC"},
    ],
)
async def test_the_same_id_for_something_else_is_a_conflict(world: World, changes: dict[str, Any]) -> None:
    asked = world.asked()
    await world.repeat(asked)
    with pytest.raises(IdempotencyConflict) as caught:
        await world.repeat(replace(asked, **changes))
    assert caught.value.field == "id"
    assert len(grants(world)) == 1


async def test_a_new_consent_replaces_the_earlier_one_after_it_in_one_append(world: World) -> None:
    first = await world.capture()
    second = await world.capture()
    assert world.ledger.requests[-1] == (BANK, ["GrantDraft", "WithdrawDraft"])
    assert second.receipt is not None
    ended = world.ledger.log(BANK).entries[second.receipt.index + 1]
    assert isinstance(ended, Withdraw)
    assert (ended.basis, ended.by, ended.reason) == (first.consent.basis, "system", "superseded")
    old = await withdrawing.get(BANK, first.consent.id, ports=world.ports)
    assert old.state(Instant(world.now)) is ConsentState.REVOKED
    assert old.ending is not None
    assert old.ending.index == ended.i


async def test_a_refusal_withdraws_what_was_given(world: World) -> None:
    first = await world.capture()
    await world.capture(choice=Choice.REFUSED)
    assert world.kinds[-2:] == ["consent.refused", "withdraw"]
    old = await withdrawing.get(BANK, first.consent.id, ports=world.ports)
    assert old.state(Instant(world.now)) is ConsentState.WITHDRAWN
    assert old.ending is not None
    assert (old.ending.by, old.ending.reason) == ("data_subject", "refused")


async def test_other_purposes_persons_and_controllers_are_left_alone(world: World) -> None:
    await world.capture()
    await world.capture(purpose="vip")
    await world.capture("bob")
    assert "withdraw" not in world.kinds
    with pytest.raises(NotFound) as caught:  # the retailer never published that notice
        await world.capture(controller=Controller("retailer"))
    assert caught.value.field == "notice_hash"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose": "loyalty"}, "purpose"),
        ({"language": "en"}, "language"),
        ({"not_after": Instant(START)}, "not_after"),
        ({"zone": "Asia/Atlantis"}, "zone"),
    ],
)
async def test_what_does_not_fit_is_named_and_leaves_no_trace(
    world: World, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await world.capture(**changes)
    assert caught.value.field == field
    assert grants(world) == []
    assert await withdrawing.of_person(BANK, subject("alice"), ports=world.ports) == []


async def test_unknown_and_closed_controllers_and_late_callers_are_refused(world: World) -> None:
    with pytest.raises(NotFound) as caught:
        await world.capture(controller=Controller("nobody"))
    assert caught.value.reason == "CONTROLLER_UNKNOWN"
    world.controllers.closed.add(BANK)
    with pytest.raises(ControllerClosed):
        await world.capture()
    asked, late = world.asked(), Instant(world.now + 1_000)
    with pytest.raises(DeadlinePassed):
        await capturing.capture(asked, actor="staff-1", ports=world.ports, now=Instant(world.now), deadline=late)
    assert await withdrawing.of_person(BANK, subject("alice"), ports=world.ports) == []


async def test_it_expires_at_its_end(world: World) -> None:
    done = await world.capture(not_after=Instant(world.now + SECOND))
    assert done.consent.state(Instant(world.now + SECOND - 1)) is ConsentState.GIVEN
    assert done.consent.state(Instant(world.now + SECOND)) is ConsentState.EXPIRED
    world.now += 2 * SECOND
    again = await world.capture()  # the expired one is ended, so that one stays live
    assert world.kinds[-2:] == ["grant", "withdraw"]
    assert again.consent.live


async def test_all_consents_of_a_person_are_listed_oldest_first(world: World) -> None:
    made = [await world.capture(), await world.capture(purpose="vip"), await world.capture(choice=Choice.REFUSED)]
    found = await withdrawing.of_person(BANK, subject("alice"), ports=world.ports)
    assert [one.id for one in found] == [one.consent.id for one in made]
    assert await withdrawing.of_person(BANK, subject("stranger"), ports=world.ports) == []
    assert await withdrawing.of_person(Controller("retailer"), subject("alice"), ports=world.ports) == []
