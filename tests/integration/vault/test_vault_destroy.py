"""Destruction: by role, by message, by what the ledger says; against everything that is on its way at the time."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from integration.vault.world import World, face
from sqlalchemy import select

from placet.evidence.canonical import b64url
from placet.evidence.terms import BasisOrdinal, Form, Micros
from placet.kit.bus.messages import Message, encode_message
from placet.kit.bus.outbox import RowKind
from placet.kit.errors import Invalid, Kind, PlacetError
from placet.kit.ledger.messages import Submission
from placet.vault import policy
from placet.vault.consumer import ended_by
from placet.vault.handlers.destroy import bases_ended
from placet.vault.handlers.holdings import holdings
from placet.vault.tables import OUTBOX, DataKeyRow, TemplateRow, UseRow


async def refused(call: Any) -> PlacetError:
    with pytest.raises(PlacetError) as caught:
        await call
    return caught.value


def message(kind: str, basis: int, *, service: str = "consent", id: str = "m1", **data: Any) -> Message:  # noqa: A002
    return Message(id=id, controller="bank", service=service, kind=kind, at=1, index=9, basis=basis, data=data)


async def ended(world: World, told: Message) -> None:
    await bases_ended(ended_by(told), store=world.store, now=Micros(world.clock()))


async def test_destruction_by_role_is_proven_and_may_be_repeated(world: World) -> None:
    basis = world.ledger.grant("bank")
    enrolled = await world.enrol("bank", basis, face(1))
    (stored,) = await world.store.templates("bank", basis)
    (receipt,) = await world.destroy("bank", basis, "purpose_ended")
    (record,) = world.ledger.destroyed("bank")
    assert record == {
        "basis": basis,
        "reason": "purpose_ended",
        "template_id": str(enrolled.template_id),
        "blob_sha256": b64url(hashlib.sha256(stored.nonce + stored.blob).digest()),
    }
    assert world.ledger.entry("bank", receipt.index).kind == "record"
    assert (await world.rows(TemplateRow), await world.rows(DataKeyRow)) == ([], [])
    look = await holdings("bank", basis, ports=world.ports)
    assert (look.holdings, look.destroyed) == ((), receipt.index)
    (again,) = await world.destroy("bank", basis, "another_reason")
    assert again.index == receipt.index
    assert again.tree_size >= receipt.tree_size
    assert (await refused(world.match("bank", basis, face(1)))).reason == "TEMPLATE_DESTROYED"
    assert await world.destroy("bank", BasisOrdinal(99)) == ()
    world.ledger.replay("bank")


async def test_after_destruction_by_role_a_standing_basis_may_be_enrolled_again(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    await world.destroy("bank", basis)
    second = await world.enrol("bank", basis, face(2))
    assert (await world.match("bank", basis, face(2))).match
    world.clock.forward(1)
    (receipt,) = await world.destroy("bank", basis)
    assert world.ledger.destroyed("bank")[-1]["template_id"] == str(second.template_id)
    assert receipt.index > 0


async def test_every_template_of_a_basis_goes_and_no_other(world: World) -> None:
    one, two = world.ledger.grant("bank"), world.ledger.grant("bank")
    for model in (b"\1" * 32, b"\2" * 32):
        await world.enrol("bank", one, face(1), model=model)
    await world.enrol("bank", two, face(2))
    assert len(await world.destroy("bank", one)) == 2
    assert (await world.match("bank", two, face(2))).match


async def test_with_the_ledger_down_the_template_goes_at_once_and_the_record_comes_later(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    world.ledger.down = True
    assert (await refused(world.destroy("bank", basis))).kind is Kind.UNAVAILABLE
    assert await world.rows(TemplateRow) == []
    assert world.ledger.destroyed("bank") == []
    assert (await holdings("bank", basis, ports=world.ports)).destroyed is None
    await world.restart()
    world.ledger.down = False
    world.clock.forward(60)
    world.dispatcher.kick()
    await world.until(lambda: world.ledger.destroyed("bank"))
    (receipt,) = await world.destroy("bank", basis)
    assert len(world.ledger.destroyed("bank")) == 1
    assert (await holdings("bank", basis, ports=world.ports)).destroyed == receipt.index


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (lambda basis: message("withdrawn", basis), "consent_withdrawn"),
        (lambda basis: message("revoked", basis, service="permission"), "permission_revoked"),
        (lambda basis: message("guardianship_withdrawn", 7, stopped=[5, basis]), "guardianship_withdrawn"),
    ],
)
async def test_each_message_that_ends_a_basis_destroys_for_ever(
    world: World, told: Callable[[int], Message], reason: str
) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    permit, matching = world.permit("bank", basis, "enrol"), world.permit("bank", basis, "verify")
    await ended(world, told(basis))
    await world.until(lambda: world.ledger.destroyed("bank"))
    assert world.ledger.destroyed("bank")[0]["reason"] == reason
    uses = len(world.ledger.uses("bank"))
    for call in (
        world.run_enrol(world.command("bank", permit, face(2))),
        world.run_match(world.command("bank", matching, face(1))),
    ):
        error = await refused(call)
        assert (error.kind, error.reason) == (Kind.PRECONDITION, "TEMPLATE_DESTROYED")
    assert len(world.ledger.uses("bank")) == uses


async def test_a_message_that_comes_twice_destroys_once(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    for _ in range(3):
        await ended(world, message("withdrawn", basis))
    await world.until(lambda: world.ledger.destroyed("bank"))
    await asyncio.sleep(0.1)
    assert len(world.ledger.destroyed("bank")) == 1


@pytest.mark.parametrize("data", [{}, {"stopped": None}, {"stopped": "3"}, {"stopped": [True]}, {"stopped": [-1]}])
def test_a_guardianship_message_without_its_consents_is_not_taken_for_none(data: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        ended_by(message("guardianship_withdrawn", 7, **data))
    assert caught.value.field == "message.data.stopped"
    assert ended_by(message("guardianship_withdrawn", 7, stopped=[])).bases == ()


def test_a_message_must_name_its_basis_and_be_of_a_known_kind() -> None:
    with pytest.raises(Invalid, match="name its basis"):
        ended_by(Message(id="m", controller="bank", service="consent", kind="withdrawn", at=1))
    with pytest.raises(Invalid, match="no message that ends"):
        ended_by(message("granted", 1))


def between_ledger_and_answer(world: World, then: Callable[[], Awaitable[object]]) -> None:
    """Do something after the next use stands in the ledger and before the vault hears of it."""

    async def hook(submissions: Sequence[Submission]) -> None:
        if any(one.kind == "use" for one in submissions):
            world.ledger.before_answer = None
            await then()

    world.ledger.before_answer = hook


@pytest.mark.parametrize("how", ["withdrawn", "role"])
async def test_an_enrolment_allowed_before_a_destruction_is_never_stored_after_it(world: World, how: str) -> None:
    basis = world.ledger.grant("bank")

    async def destroyed() -> None:
        if how == "withdrawn":
            world.ledger.withdraw("bank", basis)
            await ended(world, message("withdrawn", basis))
        else:
            await world.destroy("bank", basis)

    between_ledger_and_answer(world, destroyed)
    request, permit = uuid4(), world.permit("bank", basis, "enrol")
    error = await refused(world.run_enrol(world.command("bank", permit, face(1), id=request)))
    assert error.reason == "TEMPLATE_DESTROYED"
    assert (await world.rows(TemplateRow), await world.rows(DataKeyRow)) == ([], [])
    (use,) = world.ledger.uses("bank")
    assert use.verdict == "allow"
    await world.until(lambda: world.ledger.outcomes("bank"))
    assert world.ledger.outcomes("bank") == [(use.i, "error")]
    again = await refused(world.run_enrol(world.command("bank", permit, face(1), id=request)))
    assert again.reason == "TEMPLATE_DESTROYED"
    world.ledger.replay("bank")


async def test_without_the_tombstone_it_would_be_stored(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # Negative control of the test above.
    monkeypatch.setattr(policy, "storable", lambda use, tombstone: True)
    basis = world.ledger.grant("bank")
    between_ledger_and_answer(world, lambda: ended(world, message("withdrawn", basis)))
    await world.run_enrol(world.command("bank", world.permit("bank", basis, "enrol"), face(1)))
    assert len(await world.rows(TemplateRow)) == 1


async def test_a_message_that_comes_before_the_enrolment_stops_it(world: World) -> None:
    basis = world.ledger.grant("bank")
    permit = world.permit("bank", basis, "enrol")
    await ended(world, message("withdrawn", basis))
    assert (await refused(world.run_enrol(world.command("bank", permit, face(1))))).reason == "TEMPLATE_DESTROYED"
    assert world.ledger.uses("bank") == []


async def test_a_template_destroyed_under_a_comparison_is_not_compared(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    between_ledger_and_answer(world, lambda: ended(world, message("withdrawn", basis)))
    request, permit = uuid4(), world.permit("bank", basis, "verify")
    error = await refused(world.run_match(world.command("bank", permit, face(1), id=request)))
    assert error.reason == "TEMPLATE_DESTROYED"
    await world.until(lambda: len(world.ledger.outcomes("bank")) == 2)
    assert world.ledger.outcomes("bank")[-1] == (world.ledger.uses("bank")[-1].i, "error")


async def test_answers_are_forgotten_with_the_template(world: World) -> None:
    basis = world.ledger.grant("bank")
    enrolling, matching = uuid4(), uuid4()
    permits = world.permit("bank", basis, "enrol"), world.permit("bank", basis, "verify")
    await world.run_enrol(world.command("bank", permits[0], face(1), id=enrolling))
    await world.run_match(world.command("bank", permits[1], face(1), id=matching))
    await ended(world, message("withdrawn", basis))
    for row in await world.rows(UseRow):
        assert (row.result, row.score, row.template_id, row.error) == ("error", None, None, "TEMPLATE_DESTROYED")
    for call in (
        world.run_enrol(world.command("bank", permits[0], face(1), id=enrolling)),
        world.run_match(world.command("bank", permits[1], face(1), id=matching)),
    ):
        assert (await refused(call)).reason == "TEMPLATE_DESTROYED"


async def test_a_denial_that_says_the_basis_is_withdrawn_destroys_without_a_message(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    permit = world.permit("bank", basis, "verify")
    world.ledger.withdraw("bank", basis)
    error = await refused(world.run_match(world.command("bank", permit, face(1))))
    assert (error.reason, error.metadata["reasons"]) == ("USE_DENIED", "BASIS_WITHDRAWN")
    assert await world.rows(TemplateRow) == []
    await world.until(lambda: world.ledger.destroyed("bank"))
    assert world.ledger.destroyed("bank")[0]["reason"] == "basis_ended"


async def test_a_guardians_withdrawal_stops_the_minors_template(world: World) -> None:
    subject = b64url(uuid4().bytes)
    guardian = world.ledger.grant("bank", form=Form.GUARDIANSHIP, subject=subject)
    basis = world.ledger.grant("bank", needs=[guardian], subject=subject)
    await world.enrol("bank", basis, face(1))
    permit = world.permit("bank", basis, "verify")
    world.ledger.withdraw("bank", guardian)
    error = await refused(world.run_match(world.command("bank", permit, face(1))))
    assert error.metadata["reasons"] == "GUARDIAN_WITHDRAWN"
    assert await world.rows(TemplateRow) == []
    await ended(world, message("guardianship_withdrawn", guardian, stopped=[basis]))
    await world.until(lambda: world.ledger.destroyed("bank"))
    await asyncio.sleep(0.1)
    assert len(world.ledger.destroyed("bank")) == 1


async def test_an_expired_permit_is_no_reason_to_destroy(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    permit = world.permit("bank", basis, "verify")
    await world.run_match(world.command("bank", permit, face(1)))
    assert (await refused(world.run_match(world.command("bank", permit, face(1))))).reason == "USE_DENIED"
    assert len(await world.rows(TemplateRow)) == 1


async def test_others_are_told_once_the_record_stands(world: World) -> None:
    basis = world.ledger.grant("bank")
    enrolled = await world.enrol("bank", basis, face(1))
    (receipt,) = await world.destroy("bank", basis)

    query = select(OUTBOX.table).where(OUTBOX.table.c.kind == RowKind.MESSAGE.value)
    (row,) = await world.database.read(lambda session: session.connection().execute(query).all())
    assert row.subject == "placet.msg.bank.vault.template_destroyed"
    assert str(receipt.index).encode() in row.payload
    assert str(enrolled.template_id).encode() in row.payload


async def test_a_message_over_the_stream_destroys(world: World) -> None:
    world.consuming = True
    await world.restart()
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    told = message("withdrawn", basis, id=uuid4().hex)
    await world.others.publish(
        told.subject, encode_message(told), message_id=told.id, deadline=world.clock() + 5_000_000
    )
    await world.until(lambda: world.ledger.destroyed("bank"))
    assert await world.rows(TemplateRow) == []


async def test_a_message_is_dealt_with_while_the_vault_is_sealed(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    world.keyring.seal()
    await ended(world, message("withdrawn", basis))
    assert await world.rows(TemplateRow) == []


async def test_sealed_nothing_is_answered(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    enrolling, matching = world.permit("bank", basis, "enrol"), world.permit("bank", basis, "verify")
    entries = len(world.ledger.log("bank").entries)
    world.keyring.seal()
    for call in (
        world.run_enrol(world.command("bank", enrolling, face(1))),
        world.run_match(world.command("bank", matching, face(1))),
        world.destroy("bank", basis),
        holdings("bank", basis, ports=world.ports),
    ):
        error = await refused(call)
        assert (error.kind, error.reason) == (Kind.PRECONDITION, "VAULT_SEALED")
    await asyncio.sleep(0.05)
    assert len(world.ledger.log("bank").entries) <= entries + 2  # the outcome of the enrolment and its state
    world.keyring.unseal()
    assert (await world.run_match(world.command("bank", matching, face(1)))).match
