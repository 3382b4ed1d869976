"""A damaged search index neither keeps the ledger down nor stays damaged: it is made anew, at the start and later.

Nor does one that cannot be written for a while: it is waited for.
"""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from integration.audit.rig import Rig
from sqlalchemy.exc import DBAPIError

from placet.audit import indexing
from placet.audit.checking.search import check_search
from placet.audit.indexing import Indexer, open_search
from placet.audit.search import SearchIndex
from placet.kit.db.database import Database
from placet.kit.db.engine import open_engines


async def indexed(rig: Rig, database: Database) -> SearchIndex:
    """Let the service's indexer run until it has all entries."""
    index = SearchIndex(database.engines.writer)
    index.create()
    indexer = Indexer(rig.engines, index)
    running = asyncio.create_task(indexer.run([rig.log]))
    async with asyncio.timeout(10):
        while not complete(index, rig):
            assert not running.done(), running
            await asyncio.sleep(0.02)
    running.cancel()
    return index


def complete(index: SearchIndex, rig: Rig) -> bool:
    try:
        return index.complete_to(rig.log.id) == len(rig.bodies())
    except DBAPIError:
        return False


@pytest.fixture
def filled(rig: Rig) -> Rig:
    basis = rig.grant()
    for _ in range(200):
        rig.event(basis)
    return rig


async def test_a_file_that_is_no_database_is_replaced_when_the_service_starts(filled: Rig, tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    path.write_bytes(b"no database" * 1_000)
    database = await open_search(f"sqlite:///{path}")
    index = await indexed(filled, database)
    assert check_search(filled.engines, index, filled.log, progress=lambda *_: None) == []
    await database.close()


async def test_pages_that_cannot_be_read_are_replaced_while_the_service_runs(filled: Rig, tmp_path: Path) -> None:
    path = tmp_path / "search.db"
    first = await open_search(f"sqlite:///{path}")
    await indexed(filled, first)
    await first.close()
    content = bytearray(path.read_bytes())
    content[4_096:] = bytes(len(content) - 4_096)
    path.write_bytes(content)
    filled.event(None)
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.DatabaseError):
        connection.execute("SELECT * FROM progress").fetchall()
    database = await open_search(f"sqlite:///{path}")
    index = await indexed(filled, database)
    assert check_search(filled.engines, index, filled.log, progress=lambda *_: None) == []
    await database.close()


class Tried(SearchIndex):
    """An index that counts how often it was asked where to go on."""

    times = 0

    def complete_to(self, log: int) -> int:
        self.times += 1
        return super().complete_to(log)


async def test_an_index_that_another_has_locked_is_waited_for(
    filled: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that is stopped while it feeds the index that both share must not end the other's indexing."""
    monkeypatch.setattr(indexing, "AGAIN_S", 0.05)
    path = tmp_path / "search.db"
    engines = open_engines(f"sqlite:///{path}", busy_timeout_ms=50)
    index = Tried(engines.writer)
    index.create()
    running = asyncio.create_task(Indexer(filled.engines, index).run([filled.log]))
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(30):
            while index.times < 2:
                assert not running.done(), running
                await asyncio.sleep(0.02)
        other.execute("ROLLBACK")
    async with asyncio.timeout(30):
        while not complete(index, filled):
            assert not running.done(), running
            await asyncio.sleep(0.02)
    running.cancel()
    engines.dispose()
