"""Bringing a service's database to the schema of its release: revisions in order, in one transaction (Alembic).

A service has a package `migrations` with one module for each revision. SQLite belongs to its service, which brings it
up to date when it starts. In PostgreSQL the tables belong to a role that the service does not have: an operator runs
the migrations, and the service only checks that it finds the revision it was written for.
"""

from importlib import import_module
from pathlib import Path
from typing import Final

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from placet.kit.db.errors import SchemaDiffers, mapped

_SCHEMA_LOCK: Final = int.from_bytes(b"placet")


def migrate(engine: Engine, package: str) -> list[str]:
    """Run the revisions of `package` that the database does not have, all or none; return their ids.

    Raises SchemaDiffers if the database is at a revision that this release does not know.
    """
    script = _script(package)
    with mapped(), engine.begin() as connection:
        one_at_a_time(connection)
        context = MigrationContext.configure(connection)
        found = context.get_current_revision()
        _require_known(script, found)
        steps = list(script.iterate_revisions("head", found or "base"))[::-1]
        with Operations.context(context):
            for step in steps:
                step.module.upgrade()
        if steps:
            context.stamp(script, "head")
    return [step.revision for step in steps]


def one_at_a_time(connection: Connection) -> None:
    """Wait until nobody else changes the schema, and let nobody until this transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})


def require_migrated(engine: Engine, package: str) -> None:
    """Raise SchemaDiffers unless the database is at the newest revision of `package`."""
    script = _script(package)
    with mapped(), engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    needed = script.get_current_head()
    if found != needed:
        raise SchemaDiffers(found, needed)


def _require_known(script: ScriptDirectory, found: str | None) -> None:
    known = {step.revision for step in script.walk_revisions()}
    if found is not None and found not in known:
        raise SchemaDiffers(found, script.get_current_head())


def _script(package: str) -> ScriptDirectory:
    folder = str(Path(import_module(package).__path__[0]))
    return ScriptDirectory(folder, version_locations=[folder])
