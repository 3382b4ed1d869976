"""Withdrawing: in force once it returns, always the first receipt, never refused to somebody who gave."""

from uuid import uuid4

import pytest
from fakes.consent_world import BANK, SECOND, World

from placet.consent.errors import Invalid, NotFound, StateInvalid
from placet.consent.handlers import withdraw as withdrawing
from placet.consent.model.commands import Withdraw
from placet.consent.model.vocabulary import Choice, ConsentId, ConsentState, Controller, EndedBy, Instant
from placet.evidence.entries import Withdraw as WithdrawEntry


@pytest.mark.parametrize(
    ("by", "state"),
    [
        (EndedBy.DATA_SUBJECT, ConsentState.WITHDRAWN),
        (EndedBy.GUARDIAN, ConsentState.WITHDRAWN),
        (EndedBy.CONTROLLER, ConsentState.REVOKED),
        (EndedBy.AUTHORITY, ConsentState.INVALIDATED),
    ],
)
async def test_whoever_ends_it_the_entry_says_so(world: World, by: EndedBy, state: ConsentState) -> None:
    given = await world.capture()
    done = await world.withdraw(given.consent.id, by=by, reason="no_longer_wanted")
    entry = world.ledger.log(BANK).entries[done.receipt.index]
    assert isinstance(entry, WithdrawEntry)
    assert (entry.basis, entry.by, entry.reason) == (given.consent.basis, by, "no_longer_wanted")
    assert done.consent.state(Instant(world.now)) is state
    assert done.consent.ending.index == entry.i


async def test_repeating_returns_the_first_receipt_whatever_is_said_then(world: World) -> None:
    given = await world.capture()
    first = await world.withdraw(given.consent.id)
    world.now += 3600 * SECOND
    await world.capture("bob")  # the log has grown
    world.ledger.down = True  # and the first receipt needs no ledger
    assert await world.withdraw(given.consent.id, by=EndedBy.CONTROLLER, reason="other") == first
    assert world.kinds.count("withdraw") == 1


async def test_what_was_superseded_returns_that_ending(world: World) -> None:
    first = await world.capture()
    await world.capture()
    done = await world.withdraw(first.consent.id)
    assert (done.consent.ending.by, done.consent.ending.reason) == ("system", "superseded")
    assert world.kinds.count("withdraw") == 1


async def test_an_expired_consent_can_still_be_withdrawn(world: World) -> None:
    given = await world.capture(not_after=Instant(world.now + SECOND))
    world.now += 2 * SECOND
    done = await world.withdraw(given.consent.id)
    assert done.consent.state(Instant(world.now)) is ConsentState.WITHDRAWN


async def test_a_closed_controller_still_takes_withdrawals(world: World) -> None:
    given = await world.capture()
    world.controllers.closed.add(BANK)
    await world.withdraw(given.consent.id)
    assert world.kinds[-1] == "withdraw"


async def test_there_is_nothing_to_withdraw_of_a_refusal(world: World) -> None:
    refused = await world.capture(choice=Choice.REFUSED)
    with pytest.raises(StateInvalid):
        await world.withdraw(refused.consent.id)


async def test_another_controllers_consent_is_not_found(world: World) -> None:
    given = await world.capture()
    for controller, ident in ((Controller("retailer"), given.consent.id), (BANK, ConsentId(str(uuid4())))):
        asked = Withdraw(controller=controller, id=ident, by=EndedBy.DATA_SUBJECT)
        with pytest.raises(NotFound) as caught:
            await withdrawing.withdraw(asked, **world.until)
        assert caught.value.field == "id"
        with pytest.raises(NotFound):
            await withdrawing.get(controller, ident, ports=world.ports)
    assert "withdraw" not in world.kinds


async def test_reading_checks_its_ids(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        await withdrawing.get(BANK, ConsentId("x"), ports=world.ports)
    assert caught.value.field == "id"
