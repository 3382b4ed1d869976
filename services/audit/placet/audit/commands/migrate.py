"""`placet ledger migrate`: bring the audit database to this release, and give the service's role what it needs."""

from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy import make_url

from placet.audit import migrations
from placet.audit.grants import grant
from placet.kit.db.engine import open_engines
from placet.kit.db.migrating import migrate as run
from placet.kit.errors import PlacetError


def migrate(
    database: Annotated[
        str, typer.Option(envvar="PLACET_DATABASE_URL", help="SQLAlchemy URL, with the role that owns the tables.")
    ],
    service_role: Annotated[
        str | None, typer.Option(help="PostgreSQL role of the service: gets the rights that it needs and no other.")
    ] = None,
) -> None:
    """Run the migrations that the database does not have yet. Stop the audit service first."""
    out = Console()
    if service_role is not None and make_url(database).get_backend_name() != "postgresql":
        out.print("--service-role is for PostgreSQL; SQLite knows no roles", style="red")
        raise typer.Exit(2)
    try:
        done = _migrate(database, service_role)
    except PlacetError as error:
        out.print(error.message, style="red")
        raise typer.Exit(2) from None
    out.print(f"ran revision {', '.join(done)}" if done else "the database is up to date")
    if service_role is not None:
        out.print(f"{service_role} may read and append; nothing else")
    elif done and make_url(database).get_backend_name() == "postgresql":
        out.print("the service has no right to new tables yet: run this again with --service-role")


def _migrate(database: str, service_role: str | None) -> list[str]:
    engines = open_engines(database)
    try:
        done = run(engines.writer, migrations.__name__)
        if service_role is not None:
            grant(engines.writer, service_role)
        return done
    finally:
        engines.dispose()
