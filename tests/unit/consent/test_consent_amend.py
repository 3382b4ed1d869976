"""Amending: only ever narrower, in force once it returns, once for each amendment id."""

from typing import Any
from uuid import uuid4

import pytest
from fakes.consent_world import BANK, SECOND, START, World

from placet.consent.errors import BasisEnded, IdempotencyConflict, Invalid, NotFound, StateInvalid
from placet.consent.model.vocabulary import Choice, Instant, Operation
from placet.evidence.entries import Amend


async def test_each_part_can_be_narrowed_and_the_rest_stays(world: World) -> None:
    given = await world.capture(not_after=Instant(START + 100 * SECOND))
    ident = given.consent.id
    one = await world.amend(ident, operations=(Operation.VERIFY,))
    two = await world.amend(ident, sites=("a", "b"))
    three = await world.amend(ident, sites=("b",), end_egress=True)
    four = await world.amend(ident, not_after=Instant(START + 50 * SECOND))
    entries = [one for one in world.ledger.log(BANK).entries if isinstance(one, Amend)]
    said = [(e.purposes, e.operations, e.sites, e.egress, e.not_after) for e in entries]
    assert said == [
        (None, ("verify",), None, None, None),
        (None, None, ("a", "b"), None, None),
        (None, None, ("b",), False, None),
        (None, None, None, None, START + 50 * SECOND),
    ]
    assert [done.receipt.index for done in (one, two, three, four)] == [e.i for e in entries]
    scope = four.consent.scope
    assert (scope.operations, scope.sites, scope.egress) == (("verify",), ("b",), False)
    # The ledger agrees with what is shown.
    basis = world.ledger.log(BANK).state.basis(given.consent.basis)  # type: ignore[arg-type]
    assert basis is not None
    assert (basis.operations, basis.sites, basis.egress, basis.not_after) == (
        frozenset({"verify"}),
        frozenset({"b"}),
        False,
        START + 50 * SECOND,
    )


@pytest.mark.parametrize(
    ("given", "changes", "field"),
    [
        ({}, {"operations": (Operation.ENROL, Operation.VERIFY)}, "operations"),
        ({}, {"operations": (Operation.EXPORT,)}, "operations"),
        ({}, {"sites": ("*",)}, "sites"),
        ({"sites": ("a",)}, {"sites": ("a",)}, "sites"),
        ({"sites": ("a",)}, {"sites": ("b",)}, "sites"),
        ({"sites": ("a",)}, {"sites": ("*",)}, "sites"),
        ({"egress": False}, {"end_egress": True}, "end_egress"),
        ({"not_after": Instant(START + SECOND)}, {"not_after": Instant(START + SECOND)}, "not_after"),
        ({}, {"not_after": Instant(START)}, "not_after"),
        ({"not_before": Instant(START + 9 * SECOND)}, {"not_after": Instant(START + 9 * SECOND)}, "not_after"),
    ],
)
async def test_what_does_not_narrow_is_refused(
    world: World, given: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    consent = (await world.capture(**given)).consent
    with pytest.raises(Invalid) as caught:
        await world.amend(consent.id, **changes)
    assert caught.value.field == field
    assert "amend" not in world.kinds


async def test_repeating_is_the_same_answer_and_another_content_a_conflict(world: World) -> None:
    consent = (await world.capture()).consent
    amendment = str(uuid4())
    first = await world.amend(consent.id, amendment=amendment, end_egress=True)
    assert await world.amend(consent.id, amendment=amendment, end_egress=True) == first
    with pytest.raises(IdempotencyConflict) as caught:
        await world.amend(consent.id, amendment=amendment, sites=("a",))
    assert caught.value.field == "amendment"
    assert world.kinds.count("amend") == 1
    await world.withdraw(consent.id)
    assert (await world.amend(consent.id, amendment=amendment, end_egress=True)).receipt == first.receipt


async def test_what_has_ended_or_never_was_cannot_be_amended(world: World) -> None:
    consent = (await world.capture()).consent
    await world.withdraw(consent.id)
    with pytest.raises(BasisEnded):
        await world.amend(consent.id, end_egress=True)
    short = (await world.capture(not_after=Instant(world.now + SECOND))).consent
    world.now += SECOND
    with pytest.raises(BasisEnded):
        await world.amend(short.id, end_egress=True)
    refused = (await world.capture(choice=Choice.REFUSED)).consent
    with pytest.raises(StateInvalid):
        await world.amend(refused.id, end_egress=True)
    with pytest.raises(NotFound):
        await world.amend(str(uuid4()), end_egress=True)
