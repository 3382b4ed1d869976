"""Someone who can write the database still cannot use a template elsewhere, nor unnoticed."""

from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

import pytest
from integration.vault.world import MODEL, OTHER_MODEL, World, face
from sqlmodel import Session, col, select

from placet.kit.errors import Kind, PlacetError
from placet.vault.tables import ControllerKeyRow, DataKeyRow, TemplateRow

Row = TypeVar("Row", TemplateRow, DataKeyRow)
Attack = Callable[[Session], None]


def _one(session: Session, table: type[Row], basis: int) -> Row:
    query = select(table).where(col(table.controller) == "bank", col(table.basis) == basis)
    return session.exec(query).one()


def copy_template_and_key_to_another_basis(session: Session) -> None:
    victim, mine = _one(session, TemplateRow, 0), _one(session, TemplateRow, 1)
    mine.blob, mine.nonce, mine.kek_version = victim.blob, victim.nonce, victim.kek_version
    session.add(mine)
    swap_the_data_key(session)


def copy_template_with_its_id_to_another_basis(session: Session) -> None:
    copy_template_and_key_to_another_basis(session)
    victim, mine = _one(session, TemplateRow, 0), _one(session, TemplateRow, 1)
    victim_id, victim.template_id = victim.template_id, str(uuid4())
    session.add(victim)
    session.flush()
    mine.template_id = victim_id
    session.add(mine)


def turn_a_bit(session: Session) -> None:
    mine = _one(session, TemplateRow, 1)
    mine.blob = bytes([mine.blob[0] ^ 1]) + mine.blob[1:]
    session.add(mine)


def swap_the_data_key(session: Session) -> None:
    mine = _one(session, DataKeyRow, 1)
    mine.blob = _one(session, DataKeyRow, 0).blob
    session.add(mine)


def lose_the_controllers_key(session: Session) -> None:
    row = session.get_one(ControllerKeyRow, ("bank", "templates", 1))
    row.blob = row.blob[::-1]
    session.add(row)


@pytest.mark.parametrize(
    "attack",
    [
        copy_template_and_key_to_another_basis,
        copy_template_with_its_id_to_another_basis,
        turn_a_bit,
        swap_the_data_key,
        lose_the_controllers_key,
    ],
)
async def test_a_changed_or_moved_row_does_not_open(world: World, attack: Attack) -> None:
    victim, mine = world.ledger.grant("bank"), world.ledger.grant("bank")
    await world.enrol("bank", victim, face(1))
    await world.enrol("bank", mine, face(2))
    await world.database.write(attack)
    request, permit = uuid4(), world.permit("bank", mine, "verify")
    for _ in range(2):  # a repeated request gets the same refusal
        with pytest.raises(PlacetError) as caught:
            await world.run_match(world.command("bank", permit, face(1), id=request))
        assert (caught.value.kind, caught.value.reason) == (Kind.CORRUPT, "STORAGE_CORRUPT")
    await world.until(lambda: len(world.ledger.outcomes("bank")) == 3)
    assert world.ledger.outcomes("bank")[-1] == (world.ledger.uses("bank")[-1].i, "error")


async def test_a_whole_controllers_rows_do_not_open_under_another_controller(world: World) -> None:
    victim = world.ledger.grant("bank")
    mine = world.ledger.grant("retailer")
    await world.enrol("bank", victim, face(1))

    def move(session: Session) -> None:
        for table in (TemplateRow, DataKeyRow, ControllerKeyRow):
            for row in session.exec(select(table)).all():
                session.delete(row)
                session.flush()
                session.add(table(**{**row.model_dump(), "controller": "retailer"}))

    await world.database.write(move)
    with pytest.raises(PlacetError) as caught:
        await world.match("retailer", mine, face(1))
    assert caught.value.reason == "STORAGE_CORRUPT"


async def test_a_template_relabelled_as_another_models_does_not_open(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1), model=OTHER_MODEL)

    def relabel(session: Session) -> None:
        row = session.exec(select(TemplateRow)).one()
        row.model_sha256 = MODEL
        session.add(row)

    await world.database.write(relabel)
    with pytest.raises(PlacetError) as caught:
        await world.match("bank", basis, face(1))
    assert caught.value.reason == "STORAGE_CORRUPT"


async def test_untouched_rows_open(world: World) -> None:
    # Negative control: reading and writing rows unchanged breaks nothing.
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))

    def rewrite(session: Session) -> None:
        for table in (TemplateRow, DataKeyRow, ControllerKeyRow):
            for row in session.exec(select(table)).all():
                session.delete(row)
                session.flush()
                session.add(table(**row.model_dump()))

    await world.database.write(rewrite)
    assert (await world.match("bank", basis, face(1))).score == 100
