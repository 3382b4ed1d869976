"""The same log on SQLite and on PostgreSQL, there as the service's own role and with partitions that a test fills."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from integration.audit.audit_databases import AuditPostgres, audit_postgres, audit_server
from integration.audit.rig import Rig

__all__ = ["audit_postgres", "audit_server"]

DiskFull: TypeAlias = Callable[[], AbstractContextManager[None]]
NO_SPACE = {
    "sqlite": "CREATE TRIGGER no_space BEFORE INSERT ON idempotency BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    "postgresql": """
        CREATE OR REPLACE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION SQLSTATE '53100' USING MESSAGE = 'disk full'; END $$;
        CREATE TRIGGER no_space BEFORE INSERT ON idempotency FOR EACH STATEMENT EXECUTE FUNCTION no_space()
    """,
}
SPACE = {"sqlite": "DROP TRIGGER no_space", "postgresql": "DROP TRIGGER no_space ON idempotency"}


# What only one kind can show.
on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty audit database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'audit.db'}"
    postgres: AuditPostgres = request.getfixturevalue("audit_postgres")
    return postgres.service


@pytest.fixture
def rig(tmp_path: Path, database_url: str) -> Iterator[Rig]:
    """A log `bank` with its first two entries."""
    made = Rig(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def disk_full(rig: Rig, request: pytest.FixtureRequest) -> DiskFull:
    """Return how to have the last inserts of a group fail, for as long as a block lasts."""
    kind = rig.engines.writer.dialect.name

    def run(statement: str) -> None:
        if kind == "postgresql":
            request.getfixturevalue("audit_server").run(statement)
            return
        with rig.engines.writer.begin() as connection:
            connection.exec_driver_sql(statement)

    @contextmanager
    def full() -> Iterator[None]:
        run(NO_SPACE[kind])
        try:
            yield
        finally:
            run(SPACE[kind])

    return full
