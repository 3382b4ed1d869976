"""The invariants as constraints: the database refuses what the code would never write."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.consent_world import World
from sqlmodel import Session, col, select

from placet.consent.errors import ConcurrentChange, PlacetError
from placet.consent.ports import Salted
from placet.consent.tables import ConsentRow, GuardianshipRow, StepRow
from placet.kit.db.errors import ConstraintViolated, DuplicateKey


def _set(table: Any, **values: Any) -> Callable[[Session], None]:
    def change(session: Session) -> None:
        row = session.exec(select(table).order_by(col(table.id).desc())).first()
        for name, value in values.items():
            setattr(row, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (_set(ConsentRow, live=True, ended_at=1, ending_step=1), ConstraintViolated),
        (_set(ConsentRow, live=True, barred=True), ConstraintViolated),
        (_set(ConsentRow, basis=None), ConstraintViolated),
        (_set(ConsentRow, choice="refused", live=False), ConstraintViolated),
        (_set(ConsentRow, person=999), ConstraintViolated),
        (_set(ConsentRow, notice_hash=bytes(32)), ConstraintViolated),
        (_set(GuardianshipRow, confirmed_by="staff-1"), ConstraintViolated),
        (_set(GuardianshipRow, step=None), ConstraintViolated),
        (_set(GuardianshipRow, guardian=1, minor=1), ConstraintViolated),
        (_set(StepRow, pending=True), ConstraintViolated),
        (_set(StepRow, bar="{}"), ConstraintViolated),
        (_set(StepRow, key=b"same"), None),
    ],
)
async def test_a_broken_invariant_is_refused(
    world: World, change: Callable[[Session], None], error: type[PlacetError] | None
) -> None:
    mother = await world.guardianship()
    await world.child_consents(mother)
    if error is None:
        await world.store.database.write(change)
    else:
        with pytest.raises(error):
            await world.store.database.write(change)


async def test_one_live_consent_for_each_person_and_purpose(world: World) -> None:
    one = await world.capture()
    await world.capture()

    def revive(session: Session) -> None:
        row = session.get_one(ConsentRow, ("bank", one.consent.id))
        row.live, row.ending_step = True, None

    with pytest.raises(DuplicateKey):
        await world.store.database.write(revive)


async def test_a_lost_race_of_two_replicas_is_a_conflict_to_repeat(world: World) -> None:
    one = await world.capture()

    def insert_again(records: Any) -> None:
        records.add_consent(one.consent, Salted(salt=bytes(32), record={}))

    with pytest.raises(ConcurrentChange):
        await world.store.write(insert_again)
