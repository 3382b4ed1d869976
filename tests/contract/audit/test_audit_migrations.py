"""The migrations make exactly what the tables say, on both kinds of database; a service runs on nothing else."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from contract.audit.conftest import on_postgres
from integration.audit.audit_databases import OWNER, SERVICE, AuditPostgres
from integration.audit.rig import SECOND, Rig
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from typer.testing import CliRunner

from placet.audit import migrations
from placet.audit.app import _prepare
from placet.audit.commands import app
from placet.audit.errors import RoleTooStrong
from placet.audit.fsck import fsck
from placet.audit.logs import Logs
from placet.audit.tables import LogKeyRow, Table, of
from placet.audit.witness_tables import CosignatureRow, WitnessedRow, WitnessTable
from placet.kit.db.engine import Engines, open_engines
from placet.kit.db.errors import DatabaseFault, SchemaDiffers, mapped
from placet.kit.db.migrating import migrate, require_migrated

PACKAGE = migrations.__name__
ALL = ["0001", "0002", "0003"]
FIRST, HEAD = ALL[0], ALL[-1]


@pytest.fixture
def engines(tmp_path: Path, request: pytest.FixtureRequest, database_url: str) -> Iterator[Engines]:
    """A database without a table, as whoever may make some."""
    if database_url.startswith("sqlite"):
        made = open_engines(database_url)
    else:
        postgres: AuditPostgres = request.getfixturevalue("audit_server")
        postgres.run(f"DROP SCHEMA IF EXISTS fresh CASCADE; CREATE SCHEMA fresh AUTHORIZATION {OWNER}")
        made = open_engines(f"{postgres.owner}{'&' if '?' in postgres.owner else '?'}options=-csearch_path%3Dfresh")
    yield made
    made.dispose()


def differences(engines: Engines) -> list[object]:
    """Return in what the database differs from the tables."""
    with engines.writer.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True, "include_object": _ours}
        context = MigrationContext.configure(connection, opts=options)
        expected = [Table.metadata] if engines.serial else [Table.metadata, WitnessTable.metadata]
        return list(compare_metadata(context, expected))  # type: ignore[arg-type] # several are allowed too


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _to: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(("entry_", "alembic_")))


def test_they_make_what_the_tables_say(engines: Engines) -> None:
    assert migrate(engines.writer, PACKAGE) == ALL
    assert differences(engines) == []


def test_a_difference_would_be_seen(engines: Engines) -> None:
    """Negative control."""
    migrate(engines.writer, PACKAGE)
    with engines.writer.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE log ADD COLUMN more bigint")
        connection.exec_driver_sql("DROP TABLE decision")
    assert len(differences(engines)) == 2


def test_sqlite_has_the_same_tables_word_for_word(tmp_path: Path) -> None:
    """Also what a comparison of columns does not see: WITHOUT ROWID, primary keys, nullability."""
    found = []
    for name in ("by-migration", "by-tables"):
        engines = open_engines(f"sqlite:///{tmp_path / name}")
        if name == "by-migration":
            migrate(engines.writer, PACKAGE)
        else:
            with engines.writer.begin() as connection:
                Table.metadata.create_all(connection)
        engines.dispose()
        with sqlite3.connect(tmp_path / name) as connection:
            rows = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'alembic%'"
            )
            found.append({name: sorted(sql.replace(",", "").split("\n")) for name, sql in rows})
    assert found[0].keys() == set(Table.metadata.tables)
    assert found[0] == found[1]


_ALEMBIC = ("alembic_version",)


@on_postgres
def test_postgres_partitions_the_entries_by_index_as_the_tables_say(engines: Engines) -> None:
    migrate(engines.writer, PACKAGE)
    with engines.reader.connect() as connection:
        made = connection.exec_driver_sql("SELECT pg_get_partkeydef('entry'::regclass)").scalar_one()
    assert made == Table.metadata.tables["entry"].dialect_options["postgresql"]["partition_by"] == "RANGE (idx)"


@pytest.fixture
def at_first(engines: Engines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engines:
    """A database as revision 0001 left it, and nothing since."""
    package = tmp_path / "first_release"
    package.mkdir()
    (package / "__init__.py").touch()
    (found,) = (Path(path) for path in migrations.__path__)
    shutil.copy(next(found.glob("r0001_*.py")), package)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert migrate(engines.writer, package.name) == [FIRST]
    assert differences(engines) != []
    return engines


NEW = (of(LogKeyRow), of(WitnessedRow), of(CosignatureRow))


@pytest.mark.parametrize("made_before", [False, True], ids=["without-the-tables", "with-them"])
def test_a_database_at_the_first_revision_gets_the_tables_that_it_lacks(at_first: Engines, made_before: bool) -> None:
    """For a while revision 0001 made tables that were added to it later: both kinds are out there."""
    if made_before:
        with at_first.writer.begin() as connection:
            for table in NEW[:1] if at_first.serial else NEW:
                table.create(connection)
            connection.execute(NEW[0].insert().values(log=1, number=2, vkey="key", overlap=0, until=0))
    assert migrate(at_first.writer, PACKAGE) == ALL[1:]
    assert differences(at_first) == []
    assert migrate(at_first.writer, PACKAGE) == []
    with at_first.reader.connect() as connection:
        assert connection.execute(select(NEW[0].c.vkey)).scalars().all() == (["key"] if made_before else [])


def test_at_the_first_revision_no_command_works_on_what_is_not_there(at_first: Engines) -> None:
    """Negative control: without the second revision a key could not even be asked for."""
    with pytest.raises(SchemaDiffers, match=f"revision {FIRST}, this release needs {HEAD}"):
        require_migrated(at_first.reader, PACKAGE)
    with pytest.raises(DatabaseFault), mapped():
        Logs(at_first.writer).waiting_keys()


def test_running_them_again_does_nothing(engines: Engines) -> None:
    migrate(engines.writer, PACKAGE)
    assert migrate(engines.writer, PACKAGE) == []
    require_migrated(engines.reader, PACKAGE)


def test_a_sqlite_database_from_before_the_first_revision_is_taken_over(tmp_path: Path) -> None:
    engines = open_engines(f"sqlite:///{tmp_path / 'old.db'}")
    with engines.writer.begin() as connection:
        Table.metadata.create_all(connection)
        connection.exec_driver_sql("INSERT INTO entry VALUES (1, 0, x'00')")
    _prepare(engines)
    with pytest.raises(IntegrityError, match="append-only"), engines.writer.begin() as connection:
        connection.exec_driver_sql("DELETE FROM entry")
    engines.dispose()


def test_a_service_brings_sqlite_up_to_date_and_refuses_a_postgres_that_is_not(engines: Engines) -> None:
    if engines.serial:
        _prepare(engines)
        assert differences(engines) == []
        return
    with pytest.raises(SchemaDiffers, match=f"none, this release needs {HEAD}"):
        _prepare(engines)
    migrate(engines.writer, PACKAGE)
    with pytest.raises(RoleTooStrong):  # for it is the owner
        _prepare(engines)


def placet(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["migrate", *arguments])
    return done.exit_code, " ".join(done.output.split())


@on_postgres
def test_the_command_migrates_and_grants(engines: Engines, audit_server: AuditPostgres) -> None:
    url = engines.writer.url.set(drivername="postgresql").render_as_string(hide_password=False)
    url += f"{'&' if '?' in url else '?'}options=-csearch_path%3Dfresh"
    assert placet("--database", url, "--service-role", SERVICE) == (
        0,
        f"ran revision {', '.join(ALL)} {SERVICE} may read and append; nothing else",
    )
    assert placet("--database", url) == (0, "the database is up to date")
    with psycopg.connect(audit_server.service, options="-c search_path=fresh") as connection:
        connection.execute("SELECT extend_entries(1, 256)")
        connection.execute("INSERT INTO entry VALUES (1, 0, 'x')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM entry")


@on_postgres
def test_the_services_role_can_rotate_a_key_once_the_command_has_granted(
    at_first: Engines, audit_server: AuditPostgres, tmp_path: Path
) -> None:
    """An upgrade as an operator does it; without `--service-role` the service has no right to what is new."""
    fresh = "options=-csearch_path%3Dfresh"
    owner, service = (f"{url}{'&' if '?' in url else '?'}{fresh}" for url in (audit_server.owner, audit_server.service))
    grant_as_then(at_first)
    status, said = placet("--database", owner)
    assert (status, said.partition(" the service")[0]) == (0, f"ran revision {', '.join(ALL[1:])}")
    assert "run this again with --service-role" in said
    with pytest.raises(DatabaseFault), mapped():
        Rig(tmp_path, service)
    assert placet("--database", owner, "--service-role", SERVICE)[0] == 0
    rig = Rig(tmp_path, service)
    old, new = rig.log.vkey, rig.rotate(overlap=SECOND).vkey
    rig.event(None)
    log = rig.logs.find("bank")
    assert log is not None
    assert [key.vkey for key in log.keys] == [old, new]
    assert fsck(rig.engines, log, keys=rig.keys, vkey=old, progress=lambda *_: None) == []
    rig.close()


def grant_as_then(engines: Engines) -> None:
    """Give the service's role its rights to the tables of revision 0001."""
    with engines.writer.begin() as connection:
        connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA fresh TO {SERVICE}")
        connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA fresh TO {SERVICE}")
        connection.exec_driver_sql(f"GRANT INSERT ON log, entry TO {SERVICE}")
        connection.exec_driver_sql(f"GRANT USAGE ON SEQUENCE log_id_seq TO {SERVICE}")


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'audit.db'}"
    assert placet("--database", url, "--service-role", "x") == (
        2,
        "--service-role is for PostgreSQL; SQLite knows no roles",
    )
    assert placet("--database", url) == (0, f"ran revision {', '.join(ALL)}")
    status, said = placet("--database", "postgresql://nobody@127.0.0.1:1/none")
    assert (status, said) == (2, "the database lost its connection; nothing was written: repeat the request")
