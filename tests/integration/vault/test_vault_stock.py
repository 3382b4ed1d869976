"""The vault numbers what it stores and destroys, in the same transaction, without a gap."""

import pytest
from integration.vault.world import World, face
from sqlmodel import delete

from placet.api.vault.v1 import stock_pb2 as pb
from placet.evidence.terms import BasisOrdinal, Micros
from placet.kit.bus.serving import Request
from placet.kit.errors import PlacetError
from placet.vault.consumer import answer_stock
from placet.vault.handlers.destroy import bases_ended
from placet.vault.model import BasesEnded, DestroyReason
from placet.vault.tables import StockRow, TemplateRow


async def ask(world: World, after: int = 0, limit: int = 100, controller: str = "bank") -> pb.StockResponse:
    request = pb.StockRequest(controller=controller, after=after, limit=limit)
    answer = answer_stock(world.store)
    return pb.StockResponse.FromString(await answer(Request("placet.bank.vault.stock", request.SerializeToString())))


def told(stock: pb.StockResponse) -> list[tuple[int, int, bool]]:
    return [(one.number, one.basis, one.stored) for one in stock.changes]


async def test_every_change_has_the_next_number(world: World) -> None:
    assert (await ask(world)).last == 0
    one, two = world.ledger.grant("bank"), world.ledger.grant("bank")
    await world.enrol("bank", one, face(1))
    await world.enrol("bank", two, face(2))
    await world.enrol("bank", one, face(3))  # takes the place of the first
    await world.destroy("bank", two)
    ended = BasesEnded(id="m", controller="bank", bases=(one,), reason=DestroyReason.CONSENT_WITHDRAWN)
    await bases_ended(ended, store=world.store, now=Micros(world.clock()))
    await bases_ended(ended, store=world.store, now=Micros(world.clock()))
    found = await ask(world)
    assert told(found) == [
        (1, one, True), (2, two, True), (3, one, False), (4, one, True), (5, two, False), (6, one, False),
    ]  # fmt: skip
    assert found.last == 6
    assert [change.at for change in found.changes] == sorted(change.at for change in found.changes)
    assert await world.rows(TemplateRow) == []


async def test_pages_go_on_where_the_last_one_ended(world: World) -> None:
    bases = [world.ledger.grant("bank") for _ in range(3)]
    for basis in bases:
        await world.enrol("bank", basis, face(basis))
    first = await ask(world, limit=2)
    assert (told(first), first.last) == ([(1, bases[0], True), (2, bases[1], True)], 3)
    assert told(await ask(world, after=2)) == [(3, bases[2], True)]
    assert told(await ask(world, after=3)) == []


async def test_a_use_that_stores_nothing_is_no_change(world: World) -> None:
    basis = world.ledger.grant("bank")
    await world.enrol("bank", basis, face(1))
    await world.match("bank", basis, face(1))
    await world.destroy("bank", BasisOrdinal(99))
    assert (await ask(world)).last == 1


async def test_what_was_stored_before_there_were_numbers_gets_them_once(world: World) -> None:
    one, two = world.ledger.grant("bank"), world.ledger.grant("bank")
    await world.enrol("bank", one, face(1))
    await world.enrol("bank", two, face(2))
    await world.database.write(lambda session: session.connection().execute(delete(StockRow)))
    assert await world.store.number_older() == 2
    assert await world.store.number_older() == 0
    found = await ask(world)
    assert [change.number for change in found.changes] == [1, 2]
    assert {(change.basis, change.stored) for change in found.changes} == {(one, True), (two, True)}
    await world.destroy("bank", one)
    assert told(await ask(world, after=2)) == [(3, one, False)]


async def test_another_controllers_question_is_refused(world: World) -> None:
    for wrong in ({"controller": "retailer"}, {"limit": 0}, {"limit": 10_001}):
        with pytest.raises(PlacetError):
            await ask(world, **wrong)  # type: ignore[arg-type]
    with pytest.raises(PlacetError):
        await answer_stock(world.store)(Request("placet.bank.vault.stock", b"\xff"))
    basis = world.ledger.grant("retailer")
    await world.enrol("retailer", basis, face(1))
    assert (await ask(world)).last == 0
