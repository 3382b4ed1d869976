"""What was appended can only be read: by the database itself, whoever asks, and by the rights of the service's role."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from integration.audit.audit_databases import SERVICE, AuditPostgres
from integration.audit.rig import Rig, decision, event, use
from sqlalchemy.exc import IntegrityError

from placet.audit import grants
from placet.audit.errors import RoleTooStrong
from placet.audit.tables import APPEND_ONLY, Table, of
from placet.kit.db.engine import open_engines

TABLES = [of(row).name for row in APPEND_ONLY]
CHANGES = [
    *(f"DELETE FROM {table}" for table in TABLES),
    *(f"UPDATE {table} SET log = 9" for table in TABLES),
    "UPDATE entry SET body = (SELECT prev FROM log)",
]
EMPTYING = [f"TRUNCATE {table}" for table in TABLES]
PARTITIONS = ["DELETE FROM entry_0", "UPDATE entry_256 SET log = 9", "TRUNCATE entry_256"]


def fill(rig: Rig) -> None:
    """Put a row into every table, and a second partition to use."""
    rig.send(use(rig.event(rig.grant(), permit=1).results[0].index), service="vault")
    rig.withdraw(0)
    rig.send(*(event(rig.now, None) for _ in range(300)), decisions=[decision()])


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    rig = Rig(tmp_path_factory.mktemp("sqlite"))
    fill(rig)
    yield rig
    rig.close()


@pytest.fixture(scope="module")
def postgres(audit_server: AuditPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditPostgres]:
    audit_server.empty()
    rig = Rig(tmp_path_factory.mktemp("postgres"), audit_server.service)
    fill(rig)
    rig.close()
    yield audit_server
    audit_server.empty()


def attempt(url: str, *statements: str) -> int:
    """Run statements and return how many rows the last one changed, without keeping that."""
    with psycopg.connect(url) as connection:
        for statement in statements:
            changed = connection.execute(statement).rowcount  # type: ignore[call-overload]
        connection.rollback()
        return int(changed)


@contextmanager
def granted(postgres: AuditPostgres, rights: str) -> Iterator[None]:
    """Give the service's role more than it should have."""
    postgres.run(f"GRANT {rights} TO {SERVICE}")
    try:
        yield
    finally:
        postgres.run(f"REVOKE {rights} FROM {SERVICE}")


@pytest.mark.parametrize("statement", CHANGES)
def test_sqlite_refuses_to_change_what_was_appended(sqlite: Rig, statement: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"), sqlite.engines.writer.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize("statement", [*CHANGES, *EMPTYING, *PARTITIONS])
def test_the_service_has_no_right_to_change_what_was_appended(postgres: AuditPostgres, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attempt(postgres.service, statement)


@pytest.mark.parametrize("statement", [*CHANGES, *EMPTYING, *PARTITIONS])
def test_not_even_the_owner_changes_what_was_appended(postgres: AuditPostgres, statement: str) -> None:
    """The triggers: also with every right, and also when a partition is named."""
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        attempt(postgres.owner, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE entry DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON entry",
        "DROP TABLE entry_0",
        "ALTER TABLE entry DETACH PARTITION entry_0",
        "CREATE TABLE more (a int)",
        "CREATE OR REPLACE FUNCTION refuse_changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "SET session_replication_role = replica",
        "SET ROLE placet_audit_owner",
        "INSERT INTO entry_0 SELECT * FROM entry",
        "UPDATE log SET origin = 'elsewhere'",
        "UPDATE log SET vkey = 'another'",
        "DELETE FROM log",
        "UPDATE basis SET granted = 0",
        "DELETE FROM basis",
        "TRUNCATE basis",
        "UPDATE alembic_version SET version_num = '9'",
        "CREATE TEMPORARY TABLE entry (a int)",
    ],
)
def test_the_service_can_neither_switch_that_off_nor_change_what_a_log_is(
    postgres: AuditPostgres, statement: str
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        attempt(postgres.service, statement)


def test_without_the_trigger_the_owner_could(postgres: AuditPostgres) -> None:
    """Negative control: it is the trigger that stops the owner, and every table has rows to lose."""
    for table in TABLES:
        parts = ("entry", "entry_0", "entry_256") if table == "entry" else (table,)
        off = [f"ALTER TABLE {part} DISABLE TRIGGER ALL" for part in parts]
        assert attempt(postgres.owner, *off, f"DELETE FROM {table}") > 0


def test_a_service_that_was_given_more_is_stopped_by_the_trigger_and_refuses_to_run(postgres: AuditPostgres) -> None:
    """Negative control: with the right to delete, the role is no protection any more, and that is noticed."""
    engines = open_engines(postgres.service)
    grants.require_least(engines.reader)
    for rights in ("DELETE ON entry", "UPDATE (root) ON tile", "TRUNCATE ON idempotency", "TRIGGER ON decision"):
        with granted(postgres, rights), pytest.raises(RoleTooStrong, match=rights.rpartition(" ")[2]):
            grants.require_least(engines.reader)
    with granted(postgres, "DELETE ON entry"), pytest.raises(psycopg.errors.RaiseException):
        attempt(postgres.service, "DELETE FROM entry")
    engines.dispose()


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_a_service_with_another_role_than_its_own_refuses_to_run(postgres: AuditPostgres, role: str) -> None:
    engines = open_engines(getattr(postgres, role))
    with pytest.raises(RoleTooStrong, match=r"deploy/postgres/roles\.sql"):
        grants.require_least(engines.reader)
    engines.dispose()


def test_granting_again_takes_away_what_was_given_besides(postgres: AuditPostgres) -> None:
    postgres.run(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {SERVICE}")
    owner, service = open_engines(postgres.owner), open_engines(postgres.service)
    with pytest.raises(RoleTooStrong):
        grants.require_least(service.reader)
    grants.grant(owner.writer, SERVICE)
    grants.require_least(service.reader)
    owner.dispose()
    service.dispose()


def test_every_table_is_either_append_only_or_says_what_may_change() -> None:
    assert {*TABLES, *grants.CHANGEABLE} == set(Table.metadata.tables)


def test_sqlite_knows_no_roles(sqlite: Rig) -> None:
    grants.require_least(sqlite.engines.reader)


def test_the_parts_of_a_url_are_kept(tmp_path: Path, postgres: AuditPostgres) -> None:
    """The search index's schema is named in its URL."""
    engines = open_engines(postgres.search)
    with engines.reader.connect() as connection:
        found = connection.exec_driver_sql("SELECT current_schema(), current_setting('lock_timeout')").one()
    assert tuple(found) == ("search", "5s")
    engines.dispose()
