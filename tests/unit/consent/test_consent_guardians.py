"""Minors: who may be a guardian, what a child's consent needs, and that it stops with any of its guardianships."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from fakes.consent_world import BANK, CHILD_BORN, DAY, SECOND, START, World
from sqlmodel import select

from placet.consent.errors import (
    ControllerClosed,
    GuardianInactive,
    GuardianRequired,
    IdempotencyConflict,
    Invalid,
    NotFound,
    SamePerson,
)
from placet.consent.handlers import guardians
from placet.consent.handlers import withdraw as withdrawing
from placet.consent.model.vocabulary import Choice, ConsentState, EndedBy, GuardianshipState, Instant
from placet.consent.policy.ages import reached_at, zone
from placet.consent.tables import GuardianshipRow
from placet.evidence import canonical
from placet.evidence.entries import Grant, Record, Withdraw

OF_AGE = reached_at(CHILD_BORN, 14, zone("zone", "Asia/Shanghai"))


async def test_two_persons_make_a_guardianship(world: World) -> None:
    opened = (await world.open_guardianship(actor="anna")).guardianship
    assert opened.state is GuardianshipState.OPENED
    assert world.kinds == ["notice.published"]  # not yet in force, not yet recorded
    with pytest.raises(SamePerson):
        await world.confirm(opened.id, actor="anna")
    confirmed = (await world.confirm(opened.id, actor="bert")).guardianship
    assert confirmed.state is GuardianshipState.CONFIRMED
    (entry,) = [one for one in world.ledger.log(BANK).entries if isinstance(one, Record) and "guardian" in one.type]
    assert entry.data.keys() == {"commitment", "opened_by", "confirmed_by"}
    assert entry.data["opened_by"] != entry.data["confirmed_by"]
    row = await _row(world, GuardianshipRow)
    assert entry.data["commitment"] == canonical.b64url(canonical.commitment(row.salt, canonical.decode(row.record)))
    assert await world.confirm(opened.id, actor="bert") == await world.confirm(opened.id, actor="carl")
    with pytest.raises(SamePerson):
        await world.confirm(opened.id, actor="anna")
    assert world.kinds.count("guardianship.confirmed") == 1


async def _row(world: World, table: Any) -> Any:
    return await world.store.database.read(lambda session: session.exec(select(table)).first())


async def test_actor_ids_are_random_and_stable_for_a_controller(world: World) -> None:
    for minor in ("c1", "c2"):
        await world.confirm((await world.open_guardianship(minor=minor)).guardianship.id)
    records = [one for one in world.ledger.log(BANK).entries if isinstance(one, Record)]
    one, two = (record.data for record in records if record.type.startswith("guardianship"))
    assert (one["opened_by"], one["confirmed_by"]) == (two["opened_by"], two["confirmed_by"])
    assert b"staff" not in b"".join(world.ledger.log(BANK).data)


async def test_it_ends_when_asked_but_not_after_the_minor_is_of_age(world: World) -> None:
    until = await world.open_guardianship()
    sooner = await world.open_guardianship(guardian="father", not_after=Instant(OF_AGE - DAY))
    later = await world.open_guardianship(guardian="aunt", not_after=Instant(OF_AGE + DAY))
    assert until.guardianship.not_after == OF_AGE == later.guardianship.not_after
    assert sooner.guardianship.not_after == OF_AGE - DAY


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"minor_birth_date": date(2012, 3, 2)}, "minor_birth_date"),  # 14 today
        ({"minor_birth_date": date(1990, 1, 1)}, "minor_birth_date"),
        ({"minor_birth_date": date(2027, 1, 1)}, "minor_birth_date"),
        ({"not_after": Instant(START)}, "not_after"),
        ({"zone": "Asia/Atlantis"}, "zone"),
    ],
)
async def test_only_for_a_minor_and_only_for_the_future(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await world.open_guardianship(**changes)
    assert caught.value.field == field


async def test_the_day_before_the_fourteenth_birthday_counts(world: World) -> None:
    view = await world.open_guardianship(minor_birth_date=date(2012, 3, 3))
    assert view.guardianship.not_after > world.now


async def test_a_minor_is_no_guardian_in_whichever_order_it_becomes_known(world: World) -> None:
    await world.guardianship()
    with pytest.raises(Invalid) as caught:
        await world.open_guardianship(minor="baby", guardian="child")
    assert caught.value.field == "guardian"
    # Known as a guardian first, then brought as a minor.
    with pytest.raises(Invalid) as caught:
        await world.open_guardianship(minor="mother", guardian="granny")
    assert caught.value.field == "minor"
    # Both opened before either is confirmed.
    first = await world.open_guardianship(minor="x", guardian="y")
    with pytest.raises(Invalid):
        await world.open_guardianship(minor="z", guardian="x")
    second = await world.open_guardianship(minor="y", guardian="w")
    with pytest.raises(Invalid) as caught:
        await world.confirm(first.guardianship.id)
    assert caught.value.field == "guardian"
    await world.confirm(second.guardianship.id)
    with pytest.raises(Invalid):
        await world.confirm(first.guardianship.id)


async def test_a_minor_by_their_own_refusal_is_no_guardian_either(world: World) -> None:
    await world.capture("kid", birth_date=CHILD_BORN, choice=Choice.REFUSED)
    with pytest.raises(Invalid) as caught:
        await world.open_guardianship(guardian="kid")
    assert caught.value.field == "guardian"


async def test_opening_again_is_the_same_and_another_content_a_conflict(world: World) -> None:
    asked = world.opening()
    first = await guardians.open_(asked, actor="anna", **world.until)
    assert await guardians.open_(asked, actor="bert", **world.until) == first
    assert first.guardianship.opened_by == "anna"
    with pytest.raises(IdempotencyConflict):
        await guardians.open_(world.opening(id=asked.id, guardian="aunt"), actor="anna", **world.until)


async def test_a_child_needs_a_guardian(world: World) -> None:
    with pytest.raises(GuardianRequired) as caught:
        await world.capture("child", birth_date=CHILD_BORN)
    assert caught.value.field == "guardianships"
    assert "grant" not in world.kinds
    # From the birthday on they decide alone.
    world.now = OF_AGE
    await world.capture("child", birth_date=CHILD_BORN)


async def test_a_child_may_say_no_alone(world: World) -> None:
    done = await world.capture("child", birth_date=CHILD_BORN, choice=Choice.REFUSED)
    assert done.consent.state(Instant(world.now)) is ConsentState.REFUSED
    await world.guardianship()
    await world.capture("child", choice=Choice.REFUSED)


async def test_the_consent_needs_guardianships_of_its_own_subject(world: World) -> None:
    mother = await world.guardianship()
    father = await world.guardianship(guardian="father")
    one = await world.capture("child", birth_date=CHILD_BORN, guardianships=(mother, father))
    two = await world.capture("child", birth_date=CHILD_BORN, guardianships=(mother,), purpose="vip")
    a, b, first, c, second = (one for one in world.ledger.log(BANK).entries if isinstance(one, Grant))
    assert [g.form for g in (a, b, c)] == ["guardianship"] * 3
    assert (first.needs, second.needs) == ((a.basis, b.basis), (c.basis,))
    assert a.subject == b.subject == first.subject != second.subject == c.subject
    assert len({a.record, b.record, c.record, first.record, second.record}) == 5
    assert one.consent.guarding.needs == first.needs
    assert two.consent.guarding.active(Instant(world.now))
    assert world.ledger.requests[-4:] == [
        (BANK, ["GrantDraft", "GrantDraft"]),
        (BANK, ["GrantDraft"]),
        (BANK, ["GrantDraft"]),
        (BANK, ["GrantDraft"]),
    ]
    view = await guardians.get(BANK, mother, ports=world.ports)  # type: ignore[arg-type]
    assert [basis.ordinal for basis in view.bases] == [a.basis, c.basis]


async def test_the_log_does_not_tell_the_birthday(world: World) -> None:
    mother = await world.guardianship()
    ends = []
    for purpose in ("kyc", "vip"):
        await world.child_consents(mother, purpose=purpose)
    for grant in world.ledger.log(BANK).entries:
        if isinstance(grant, Grant) and grant.form == "guardianship":
            assert grant.not_after is not None
            ends.append(grant.not_after)
    assert all(OF_AGE - 30 * DAY <= end <= OF_AGE for end in ends)
    assert OF_AGE not in ends
    assert len(set(ends)) == 2  # nor are two consents of one child linked by it
    # An end that was asked for is no birthday.
    asked = await world.guardianship(guardian="aunt", not_after=Instant(OF_AGE - DAY))
    done = await world.child_consents(asked)
    assert done.consent.guarding.until == OF_AGE - DAY


@pytest.mark.parametrize("left", [1, SECOND, 3600 * SECOND])
async def test_shortly_before_the_birthday_it_is_still_granted(world: World, left: int) -> None:
    mother = await world.guardianship()
    world.now = OF_AGE - left
    done = await world.child_consents(mother)
    assert done.receipt is not None
    assert done.consent.guarding.until is not None
    assert world.now < done.consent.guarding.until <= OF_AGE


async def test_it_expires_with_the_guardianship(world: World) -> None:
    mother = await world.guardianship()
    done = await world.child_consents(mother)
    until = done.consent.guarding.until
    assert until is not None
    assert done.consent.state(Instant(until - 1)) is ConsentState.GIVEN
    assert done.consent.state(until) is ConsentState.EXPIRED


async def test_every_guardianship_named_must_stand(world: World) -> None:
    mother = await world.guardianship()
    opened = (await world.open_guardianship(guardian="father")).guardianship.id
    withdrawn = await world.guardianship(guardian="aunt")
    await world.withdraw_guardianship(withdrawn)
    short = await world.guardianship(guardian="uncle", not_after=Instant(world.now + SECOND))
    world.now += SECOND
    for other in (opened, withdrawn, short):
        with pytest.raises(GuardianInactive) as caught:
            await world.capture("child", birth_date=CHILD_BORN, guardianships=(mother, other))
        assert caught.value.metadata["guardianship"] == other
    with pytest.raises(NotFound) as unknown:
        await world.child_consents(str(uuid4()))
    assert unknown.value.field == "guardianships[0]"
    assert "grant" not in world.kinds


async def test_a_guardianship_of_another_child_or_birth_date_will_not_do(world: World) -> None:
    mother = await world.guardianship()
    with pytest.raises(Invalid) as caught:
        await world.capture("brother", birth_date=CHILD_BORN, guardianships=(mother,))
    assert caught.value.field == "guardianships[0]"
    with pytest.raises(Invalid) as caught:
        await world.capture("child", birth_date=date(2013, 1, 16), guardianships=(mother,))
    assert caught.value.field == "birth_date"


async def test_an_adult_names_no_guardian(world: World) -> None:
    mother = await world.guardianship()
    for birth in (None, date(1990, 1, 1), date(2012, 3, 2)):
        with pytest.raises(Invalid) as caught:
            await world.capture("alice", birth_date=birth, guardianships=(mother,))
        assert caught.value.field == "guardianships"


async def test_a_child_on_record_cannot_pass_as_an_adult(world: World) -> None:
    await world.guardianship()
    with pytest.raises(GuardianRequired):
        await world.capture("child")
    with pytest.raises(Invalid) as caught:
        await world.capture("child", birth_date=date(1990, 1, 1))
    assert caught.value.field == "birth_date"
    # Also once the guardianship is withdrawn: the documents were seen.
    ident = await world.guardianship(guardian="father")
    await world.withdraw_guardianship(ident)
    with pytest.raises(GuardianRequired):
        await world.capture("child")


async def test_a_mere_opening_binds_nobody(world: World) -> None:
    await world.open_guardianship(minor="alice")  # a slip at the counter
    await world.capture("alice")


async def test_what_a_minor_gave_as_an_adult_ends_once_their_age_is_checked(world: World) -> None:
    alone = await world.capture("child")
    other = await world.capture("alice")
    mother = await world.guardianship()
    assert world.ledger.requests[-1] == (BANK, ["RecordDraft", "WithdrawDraft"])
    ended = await withdrawing.get(BANK, alone.consent.id, ports=world.ports)
    assert ended.ending is not None
    assert (ended.ending.by, ended.ending.reason) == ("system", "minor_without_guardian")
    left = await withdrawing.get(BANK, other.consent.id, ports=world.ports)
    assert left.ending is None
    guarded = await world.child_consents(mother)
    await world.guardianship(guardian="father")
    assert (await withdrawing.get(BANK, guarded.consent.id, ports=world.ports)).ending is None


async def test_withdrawing_ends_every_basis_in_one_append_and_names_what_stopped(world: World) -> None:
    mother = await world.guardianship()
    father = await world.guardianship(guardian="father")
    one = await world.child_consents(mother)
    two = await world.capture("child", birth_date=CHILD_BORN, guardianships=(mother, father), purpose="vip")
    done = await world.withdraw_guardianship(mother)
    assert world.ledger.requests[-1] == (BANK, ["WithdrawDraft", "WithdrawDraft", "RecordDraft"])
    ended = [world.ledger.log(BANK).entries[receipt.index] for receipt in done.receipts]
    assert all(isinstance(entry, Withdraw) and entry.by == "guardian" for entry in ended)
    assert [basis.ended for basis in done.view.bases] == [entry.i for entry in ended]
    assert done.stopped == (one.consent.id, two.consent.id)
    assert done.last is not None
    assert world.kinds[-1] == "guardianship.withdrawn"
    for ident in done.stopped:
        consent = await withdrawing.get(BANK, ident, ports=world.ports)
        assert consent.state(Instant(world.now)) is ConsentState.WITHDRAWN
        assert not consent.guarding.active(Instant(world.now))
    assert await world.withdraw_guardianship(mother, by=EndedBy.CONTROLLER) == done
    later = await world.withdraw_guardianship(father)
    assert later.stopped == ()  # it had stopped already


async def test_what_had_ended_before_did_not_stop_with_it(world: World) -> None:
    mother = await world.guardianship()
    one = await world.child_consents(mother)
    two = await world.child_consents(mother, purpose="vip")
    await world.withdraw(one.consent.id)
    world.now += SECOND
    done = await world.withdraw_guardianship(mother)
    assert done.stopped == (two.consent.id,)
    assert len(done.receipts) == 2
    world.now += SECOND
    await world.withdraw(two.consent.id)
    assert await world.withdraw_guardianship(mother) == done


async def test_withdrawing_what_nothing_needs_is_recorded_and_what_was_never_confirmed_is_not(world: World) -> None:
    mother = await world.guardianship()
    done = await world.withdraw_guardianship(mother)
    assert (done.receipts, done.stopped) == ((), ())
    assert done.last is not None
    opened = (await world.open_guardianship(guardian="father")).guardianship.id
    silent = await world.withdraw_guardianship(opened)
    assert silent.last is None
    assert silent.view.guardianship.state is GuardianshipState.WITHDRAWN
    with pytest.raises(GuardianInactive):
        await world.confirm(opened)
    assert world.kinds == ["notice.published", "guardianship.confirmed", "guardianship.withdrawn"]


async def test_a_new_guardianship_and_consent_replace_what_stopped(world: World) -> None:
    mother = await world.guardianship()
    first = await world.child_consents(mother)
    await world.withdraw_guardianship(mother)
    again = await world.child_consents(await world.guardianship())
    assert again.consent.state(Instant(world.now)) is ConsentState.GIVEN
    old = await withdrawing.get(BANK, first.consent.id, ports=world.ports)
    assert old.ending is not None
    assert old.ending.reason == "superseded"


async def test_a_closed_controller_opens_and_confirms_nothing_but_takes_withdrawals(world: World) -> None:
    mother = await world.guardianship()
    opened = (await world.open_guardianship(guardian="father")).guardianship.id
    world.controllers.closed.add(BANK)
    with pytest.raises(ControllerClosed):
        await world.open_guardianship(guardian="aunt")
    with pytest.raises(ControllerClosed):
        await world.confirm(opened)
    await world.withdraw_guardianship(mother)
