"""Migrations of a service's database: in order, all or none, once, whoever else runs them at the same time."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import inspect

from placet.kit.db.engine import Engines, open_engines
from placet.kit.db.errors import DatabaseFault, SchemaDiffers
from placet.kit.db.migrating import migrate, require_migrated

REVISION = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = {id!r}, {before!r}
def upgrade():
    op.create_table({table!r}, sa.Column("id", sa.Integer, primary_key=True))
    {more}
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of migrations with its first revision."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "some_migrations").mkdir()
    (tmp_path / "some_migrations" / "__init__.py").touch()
    add(tmp_path, "a1", None)
    yield "some_migrations"
    sys.modules.pop("some_migrations", None)


def add(folder: Path, revision: str, before: str | None, more: str = "") -> None:
    text = REVISION.format(id=revision, before=before, table=f"table_{revision}", more=more)
    (folder / "some_migrations" / f"r_{revision}.py").write_text(text)


@pytest.fixture
def engines(url: str) -> Iterator[Engines]:
    made = open_engines(url)
    yield made
    made.dispose()


def tables(engines: Engines) -> set[str]:
    return set(inspect(engines.writer).get_table_names()) - {"alembic_version"}


def test_each_runs_once_and_in_order(engines: Engines, package: str, tmp_path: Path) -> None:
    assert migrate(engines.writer, package) == ["a1"]
    add(tmp_path, "b2", "a1")
    add(tmp_path, "c3", "b2", more="op.drop_table('table_b2')")
    with pytest.raises(SchemaDiffers, match="has schema revision a1, this release needs c3"):
        require_migrated(engines.reader, package)
    assert migrate(engines.writer, package) == ["b2", "c3"]
    assert migrate(engines.writer, package) == []
    assert tables(engines) == {"table_a1", "table_c3"}
    require_migrated(engines.reader, package)


def test_one_that_fails_leaves_nothing_of_any(engines: Engines, package: str, tmp_path: Path) -> None:
    migrate(engines.writer, package)
    add(tmp_path, "b2", "a1")
    add(tmp_path, "c3", "b2", more="op.execute('SELECT * FROM nowhere')")
    with pytest.raises(DatabaseFault):
        migrate(engines.writer, package)
    assert tables(engines) == {"table_a1"}
    add(tmp_path, "c3", "b2")
    assert migrate(engines.writer, package) == ["b2", "c3"]


def test_a_database_of_a_later_release_is_left_alone(engines: Engines, package: str, tmp_path: Path) -> None:
    add(tmp_path, "b2", "a1")
    migrate(engines.writer, package)
    (tmp_path / "some_migrations" / "r_b2.py").unlink()
    for run in (migrate, require_migrated):
        with pytest.raises(SchemaDiffers, match="revision b2, this release needs a1"):
            run(engines.writer, package)


def test_two_that_start_at_once_do_not_meet(url: str, package: str) -> None:
    together = threading.Barrier(2)

    def run(_: int) -> list[str]:
        engines = open_engines(url)
        together.wait(10)
        try:
            return migrate(engines.writer, package)
        finally:
            engines.dispose()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(run, range(2))) == [[], ["a1"]]
