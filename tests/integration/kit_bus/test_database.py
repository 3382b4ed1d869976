"""The services' database on real SQLite files and a real PostgreSQL: settings, transactions, errors."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, select

from placet.kit.db import engine as engine_module
from placet.kit.db.database import Database
from placet.kit.db.engine import open_engines
from placet.kit.db.errors import (
    ConstraintViolated,
    DatabaseFault,
    DatabaseUnavailable,
    DuplicateKey,
    SerializationFailure,
    UnsafeDatabase,
)
from placet.kit.errors import Corrupt, Exhausted, Invalid


class Table(SQLModel, registry=registry()):
    """One service's tables."""


class Thing(Table, table=True):
    __tablename__ = "thing"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)


class Part(Table, table=True):
    __tablename__ = "part"
    id: int | None = Field(default=None, primary_key=True)
    thing: int = Field(foreign_key="thing.id")


class OtherTable(SQLModel, registry=registry()):
    """Another service's tables in the same process."""


class OtherThing(OtherTable, table=True):
    __tablename__ = "thing"
    id: int | None = Field(default=None, primary_key=True)
    weight: int = 0


@pytest.fixture
async def things(database: Database) -> Database:
    await database.create_all(Table.metadata)
    return database


def add(name: str) -> Any:
    return lambda session: session.add(Thing(name=name))


def names(session: Session) -> list[str]:
    return list(session.exec(select(Thing.name).order_by(col(Thing.id))))


async def test_what_was_written_is_read(things: Database) -> None:
    await things.write(add("a"))
    assert await things.read(names) == ["a"]
    thing = await things.read(lambda session: session.exec(select(Thing)).one())
    assert thing.name == "a"  # usable after its session is gone


async def test_an_exception_rolls_everything_back(things: Database) -> None:
    def fail(session: Session) -> None:
        session.add(Thing(name="a"))
        session.flush()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await things.write(fail)
    assert await things.read(names) == []


async def test_two_services_may_have_tables_of_one_name(tmp_path: Path) -> None:
    assert Table.metadata is not OtherTable.metadata
    assert not SQLModel.metadata.tables
    first = await Database.open(f"sqlite:///{tmp_path}/1.db")
    second = await Database.open(f"sqlite:///{tmp_path}/2.db")
    await first.create_all(Table.metadata)
    await second.create_all(OtherTable.metadata)
    await first.write(add("a"))
    await second.write(lambda session: session.add(OtherThing(weight=3)))
    assert await second.read(lambda session: session.exec(select(OtherThing.weight)).all()) == [3]
    await first.close()
    await second.close()


async def test_readers_cannot_write(things: Database) -> None:
    def write(session: Session) -> None:
        session.add(Thing(name="a"))
        session.flush()

    with pytest.raises(DatabaseUnavailable, match=r"may not write|does not accept writes"):
        await things.read(write)


async def test_a_unique_violation_is_a_duplicate_key(things: Database) -> None:
    await things.write(add("a"))
    with pytest.raises(DuplicateKey) as duplicate:
        await things.write(add("a"))
    assert "name" in duplicate.value.constraint
    assert "name" not in str(duplicate.value)


async def test_foreign_keys_are_enforced(things: Database) -> None:
    with pytest.raises(ConstraintViolated):
        await things.write(lambda session: session.add(Part(thing=404)))


async def test_a_programming_error_shows_neither_sql_nor_parameters(things: Database) -> None:
    with pytest.raises(DatabaseFault) as fault:
        await things.write(lambda session: session.connection().execute(text("INSERT INTO nowhere VALUES ('secret')")))
    assert "secret" not in str(fault.value)
    with pytest.raises(DuplicateKey) as duplicate:
        await things.write(lambda session: session.add_all([Thing(name="person"), Thing(name="person")]))
    assert "person" not in str(duplicate.value) + str(duplicate.value.__cause__).split("DETAIL")[0]


async def test_writes_are_one_after_the_other(url: str) -> None:
    """The read in a write sees all earlier writes: also with several writer threads and several processes' pools."""
    pools = [await Database.open(url) for _ in range(2)]
    await pools[0].create_all(Table.metadata)

    def number(session: Session) -> None:
        count = len(session.exec(select(Thing)).all())
        session.add(Thing(name=str(count)))

    async def write(pool: Database) -> None:
        while True:
            try:
                await pool.write(number)
                return
            except SerializationFailure:
                continue

    await asyncio.gather(*(write(pools[n % 2]) for n in range(40)))
    assert sorted(await pools[0].read(names), key=int) == [str(n) for n in range(40)]
    for pool in pools:
        await pool.close()


async def test_a_cancelled_caller_does_not_stop_a_write_that_has_begun(things: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(session: Session) -> None:
        session.add(Thing(name="a"))
        begun.set()
        go_on.wait(5)

    task = asyncio.create_task(things.write(slow))
    await asyncio.to_thread(begun.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    end = time.monotonic() + 5
    while await things.read(names) != ["a"]:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_waiting_writes_are_bounded(sqlite_url: str) -> None:
    database = Database(open_engines(sqlite_url), waiting=3)
    await database.create_all(Table.metadata)
    go_on = threading.Event()
    running = [asyncio.create_task(database.write(lambda _: go_on.wait(5))) for _ in range(3)]
    await asyncio.sleep(0.05)
    with pytest.raises(Exhausted) as full:
        await database.write(add("a"))
    assert full.value.retry_after
    go_on.set()
    await asyncio.gather(*running)
    await database.write(add("a"))
    await database.close()


# --- SQLite: settings


async def test_sqlite_is_set_up_to_keep_what_it_acknowledges(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url, secure_delete=True)

    def settings(session: Session) -> dict[str, object]:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        connection = session.connection()
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas}

    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5_000, "secure_delete": 1}
    assert await database.write(settings) == expected
    assert await database.read(settings) == expected
    await database.close()


async def test_only_a_projection_may_lose_its_newest_rows(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url, rebuildable=True)
    read = "PRAGMA synchronous"
    assert await database.write(lambda session: session.connection().exec_driver_sql(read).scalar()) == 1
    await database.close()


@pytest.mark.parametrize(
    ("pragma", "value"), [("synchronous", "NORMAL"), ("journal_mode", "DELETE"), ("foreign_keys", "OFF")]
)
async def test_a_connection_with_another_setting_is_refused(
    sqlite_url: str, pragma: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = engine_module._PRAGMAS[pragma][1]
    monkeypatch.setitem(engine_module._PRAGMAS, pragma, (value, expected))
    with pytest.raises(UnsafeDatabase, match=pragma):
        await Database.open(sqlite_url)


async def test_writers_take_the_lock_when_they_begin(sqlite_url: str) -> None:
    engines = open_engines(sqlite_url)
    statements: list[str] = []
    event.listen(engines.writer, "before_cursor_execute", lambda *args: statements.append(args[2]))
    database = Database(engines)
    await database.create_all(Table.metadata)
    assert statements[0] == "BEGIN IMMEDIATE"
    await database.close()


@pytest.mark.parametrize("bad", ["sqlite://", "sqlite:///:memory:", "mysql://x/y"])
async def test_databases_that_keep_nothing_are_refused(bad: str) -> None:
    with pytest.raises(Invalid) as refused:
        await Database.open(bad)
    assert refused.value.field == "database_url"


# --- SQLite: what can happen to a file


def path_of(url: str) -> Path:
    name = make_url(url).database
    assert name is not None
    return Path(name)


async def test_a_locked_file_is_unavailable_within_the_timeout(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url, busy_timeout_ms=200)
    await database.create_all(Table.metadata)
    other = sqlite3.connect(path_of(sqlite_url), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable, match="locked"):
        await database.write(add("a"))
    assert 0.1 < time.monotonic() - began < 2
    assert await database.read(names) == []  # readers do not wait for writers
    other.execute("ROLLBACK")
    await database.write(add("a"))
    other.close()
    await database.close()


async def test_a_full_disk_is_unavailable_and_writes_nothing(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url)
    await database.create_all(Table.metadata)
    await database.write(lambda session: session.connection().exec_driver_sql("PRAGMA max_page_count = 8"))
    with pytest.raises(DatabaseUnavailable, match="no space"):
        await database.write(lambda session: session.add_all([Thing(name=str(n) * 1_000) for n in range(100)]))
    assert await database.read(names) == []
    await database.write(add("a"))
    await database.close()


async def test_a_damaged_file_is_corrupt(sqlite_url: str) -> None:
    database = await Database.open(sqlite_url)
    await database.create_all(Table.metadata)
    await database.write(lambda session: session.add_all([Thing(name=f"{n} " * 500) for n in range(200)]))
    await database.close()
    path = path_of(sqlite_url)
    data = bytearray(path.read_bytes())
    data[4096 : len(data) // 2] = b"\xa5" * (len(data) // 2 - 4096)
    path.write_bytes(data)
    with pytest.raises(Corrupt):
        await (await Database.open(sqlite_url)).read(names)
    path.write_bytes(b"this is no database" * 1_000)
    with pytest.raises(Corrupt):
        await Database.open(sqlite_url)


async def test_a_directory_that_cannot_be_written_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.open("sqlite:////proc/placet.db")


# --- PostgreSQL


async def test_postgres_that_does_not_wait_for_the_disk_is_refused(postgres_url: str) -> None:
    engines = open_engines(postgres_url)
    with engines.writer.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(
            text(f'ALTER DATABASE "{engines.writer.url.database}" SET synchronous_commit = off')
        )
    engines.dispose()
    with pytest.raises(UnsafeDatabase, match="synchronous_commit"):
        await Database.open(postgres_url)


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_postgres_that_may_lose_pages_is_refused(postgres_url: str, setting: str) -> None:
    """Settings of the whole server."""
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        try:
            await set_for_all(admin, setting, "off")
            with pytest.raises(UnsafeDatabase, match=setting):
                await Database.open(postgres_url)
        finally:
            await set_for_all(admin, setting, "on")
    await (await Database.open(postgres_url)).close()


async def set_for_all(admin: psycopg.Connection[Any], setting: str, value: str) -> None:
    admin.execute(f"ALTER SYSTEM SET {setting} = {value}")  # type: ignore[call-overload]
    admin.execute("SELECT pg_reload_conf()")
    while admin.execute(f"SHOW {setting}").fetchone() != (value,):  # type: ignore[call-overload]
        await asyncio.sleep(0.01)


async def test_a_lost_postgres_connection_is_unavailable_and_comes_back(postgres_url: str) -> None:
    database = await Database.open(postgres_url)
    await database.create_all(Table.metadata)

    def killed(session: Session) -> None:
        session.add(Thing(name="a"))
        session.flush()
        session.connection().execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailable):
        await database.write(killed)
    await database.write(add("b"))
    assert await database.read(names) == ["b"]
    await database.close()


async def test_no_postgres_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.open("postgresql://nobody@127.0.0.1:1/none")
