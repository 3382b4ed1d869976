"""Entries on PostgreSQL go to partitions that are there before they are needed, and nobody waits for one to be made."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from contract.audit.conftest import on_postgres
from integration.audit.audit_databases import AuditPostgres
from integration.audit.rig import Rig, decision, entry_of, event
from sqlalchemy import text

from placet.audit import partitions as partitions_module
from placet.audit.errors import HeadMoved
from placet.audit.fsck import fsck
from placet.audit.partitions import LEAST, Partitions
from placet.audit.store import SqlJournal
from placet.kit.db.errors import ConstraintViolated
from placet.kit.errors import PlacetError

pytestmark = on_postgres
ROOM = text("SELECT entry_room()")
COUNTS = text("SELECT tableoid::regclass::text, count(*), min(idx), max(idx) FROM entry GROUP BY 1 ORDER BY 3")


def room(rig: Rig) -> int:
    with rig.engines.reader.connect() as connection:
        return int(connection.execute(ROOM).scalar_one())


def size(rig: Rig) -> int:
    return rig.sequencer.recover().size


def append(rig: Rig, count: int) -> None:
    rig.send(*(event(rig.now, None) for _ in range(count)), decisions=[decision()])


@pytest.fixture
def postgres(audit_server: AuditPostgres, rig: Rig) -> AuditPostgres:
    """The database of the rig, with no partition but the first: those that other tests made are dropped."""
    names = "SELECT format('DROP TABLE %I', relname) FROM pg_inherits JOIN pg_class ON oid = inhrelid "
    with psycopg.connect(audit_server.admin, autocommit=True) as connection:
        for (statement,) in connection.execute(names + "WHERE inhparent = 'entry'::regclass AND relname <> 'entry_0'"):
            connection.execute(statement)
    rig.partitions.room = LEAST
    return audit_server


def test_groups_cross_partitions_as_if_there_were_none(rig: Rig, postgres: AuditPostgres) -> None:
    basis = rig.grant()
    while size(rig) < 3 * LEAST:
        rig.send(*(event(rig.now, basis) for _ in range(100)), decisions=[decision()])
    with rig.engines.reader.connect() as connection:
        found = [tuple(row) for row in connection.execute(COUNTS)]
    for number, (name, count, first, last) in enumerate(found[:-1]):
        assert (name, count) == (f"entry_{number * LEAST}", LEAST)
        assert (first, last) == (number * LEAST, number * LEAST + LEAST - 1)
    assert len(found) >= 3
    bodies = rig.bodies()
    journal = SqlJournal(rig.engines, rig.log, -1)
    assert journal.page(LEAST - 2, LEAST + 2) == bodies[LEAST - 2 : LEAST + 2]
    assert list(journal.entries([LEAST - 1, LEAST, 2 * LEAST])) == [LEAST - 1, LEAST, 2 * LEAST]
    rig.restart()
    assert rig.bodies() == bodies
    assert entry_of(rig.event(basis)).verdict == "allow"
    assert fsck(rig.engines, rig.log, keys=rig.keys, vkey=rig.log.vkey, progress=lambda *_: None) == []


def test_one_group_may_fill_several_partitions_that_nobody_made_ahead(rig: Rig, postgres: AuditPostgres) -> None:
    append(rig, 512)
    assert size(rig) > 2 * LEAST
    assert room(rig) >= size(rig)


def test_without_a_partition_there_is_no_append(rig: Rig, postgres: AuditPostgres) -> None:
    """Negative control: nothing of the group is kept, and with the partitions the same log goes on."""
    made, rig.partitions = rig.partitions, None  # type: ignore[assignment]
    rig.restart()
    before = size(rig)
    with pytest.raises(ConstraintViolated):
        append(rig, 300)
    assert size(rig) == before
    rig.partitions = made
    rig.restart()
    append(rig, 300)


def test_a_whole_partition_is_free_ahead_of_the_longest_log(rig: Rig, postgres: AuditPostgres) -> None:
    partitions = Partitions(rig.engines.writer, LEAST)
    append(rig, 100)
    partitions.ahead()
    assert room(rig) == partitions.room == 2 * LEAST
    append(rig, 300)
    partitions.ahead()
    assert room(rig) - size(rig) >= LEAST
    wide = Partitions(rig.engines.writer, 4 * LEAST)  # another setting from now on
    before = room(rig)
    wide.ahead()
    assert room(rig) == before + 4 * LEAST


async def test_the_service_looks_ahead_by_itself(
    rig: Rig, postgres: AuditPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions_module, "EVERY_S", 0.05)
    partitions = Partitions(rig.engines.writer, LEAST)
    task = asyncio.create_task(partitions.run())
    async with asyncio.timeout(10):
        while room(rig) < 2 * LEAST:
            await asyncio.sleep(0.02)
    append(rig, 300)
    async with asyncio.timeout(10):
        while room(rig) - size(rig) < LEAST:
            await asyncio.sleep(0.02)
    task.cancel()


def test_making_one_waits_for_nobody_and_nobody_waits_for_it(rig: Rig, postgres: AuditPostgres) -> None:
    """With readers and a group under way on one side, and a partition being made on the other."""
    with psycopg.connect(postgres.service) as reader, psycopg.connect(postgres.service) as maker:
        reader.execute("SELECT count(*) FROM entry")
        reader.execute("INSERT INTO entry VALUES (99, 1, 'x')")  # ... and stays in its transaction
        maker.execute("SET lock_timeout = '2s'")
        maker.execute("SELECT extend_entries(%s, %s)", (3 * LEAST, LEAST))  # ... and stays in its own
        append(rig, 100)
        assert len(rig.bodies()) == size(rig)
        maker.commit()
        with psycopg.connect(postgres.owner, options="-c lock_timeout=200") as plain:  # negative control
            bounds = f"FROM ({9 * LEAST}) TO ({10 * LEAST})"
            with pytest.raises(psycopg.errors.LockNotAvailable):
                plain.execute(f"CREATE TABLE entry_more PARTITION OF entry FOR VALUES {bounds}")  # type: ignore[call-overload]
        reader.rollback()
    assert room(rig) == 3 * LEAST


def test_replicas_that_make_the_same_partitions_at_once_make_them_once(rig: Rig, postgres: AuditPostgres) -> None:
    together = threading.Barrier(4)

    def make(_: int) -> int:
        one = Partitions(rig.engines.writer, LEAST)
        together.wait(10)
        one.ensure(4 * LEAST)
        return one.room

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(make, range(4))) == {4 * LEAST}
    assert room(rig) == 4 * LEAST


@pytest.mark.parametrize(("upto", "width"), [(1 << 40, LEAST), (LEAST, 1), (LEAST, 0)])
def test_the_service_cannot_make_partitions_without_bound(
    rig: Rig, postgres: AuditPostgres, upto: int, width: int
) -> None:
    with psycopg.connect(postgres.service) as connection, pytest.raises(psycopg.errors.RaiseException):
        connection.execute("SELECT extend_entries(%s, %s)", (upto, width))


def test_others_cannot_make_them_at_all(postgres: AuditPostgres) -> None:
    with psycopg.connect(postgres.admin) as connection:
        connection.execute("CREATE ROLE stranger")
        connection.execute("GRANT USAGE ON SCHEMA public TO stranger")
        connection.execute("SET ROLE stranger")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT extend_entries(1, 256)")
        connection.rollback()


def test_an_old_holder_makes_no_room_for_what_it_may_not_append(rig: Rig, postgres: AuditPostgres) -> None:
    old = rig.sequencer
    rig.restart()
    with pytest.raises(HeadMoved):
        rig.send(*(event(rig.now, None) for _ in range(300)), decisions=[decision()], sequencer=old)
    assert room(rig) == LEAST


def test_trouble_while_looking_ahead_is_not_the_end(rig: Rig, postgres: AuditPostgres) -> None:
    """An administrator's lock delays a partition, and only until the lock timeout; appends that have room go on."""
    with psycopg.connect(postgres.owner) as admin:
        admin.execute("LOCK TABLE entry IN SHARE UPDATE EXCLUSIVE MODE")
        with rig.engines.writer.begin() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(Exception, match="lock timeout"):
                connection.exec_driver_sql("SELECT extend_entries(512, 256)")
            connection.rollback()
        append(rig, 50)
    rig.partitions.ahead()
    assert room(rig) == 2 * LEAST
    assert not isinstance(rig.event(None), PlacetError)
