"""SQL for the hot path: a transaction and its statements on the driver itself, the same for SQLite and PostgreSQL.

SQLAlchemy's expression layer and execution context cost several times what a statement itself does, at every group of
entries; connections are still its own (settings, pool, errors). Names of tables and columns come from `tables.py`;
values always travel as parameters. Lists are padded to a power of two, so that a handful of texts serves every length
and the driver keeps them prepared.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table

from placet.kit.failpoints import Write

# A statement takes a bounded number of parameters (SQLite: 32,766).
CHUNK: Final = 1_024


class Session:
    """Statements on one connection of the driver (DB-API 2.0); their placeholders are `?`."""

    __slots__ = ("_driver", "_style")

    def __init__(self, driver: Any, paramstyle: str) -> None:
        self._driver = driver
        self._style = paramstyle

    @classmethod
    def over(cls, connection: Connection) -> "Session":
        """Return a session inside the transaction of a connection of SQLAlchemy's."""
        return cls(connection.connection.driver_connection, connection.dialect.paramstyle)

    def run(self, text: str, *parameters: Any) -> Any:
        """Execute a statement and return the driver's cursor."""
        return self._driver.execute(_native(text, self._style), parameters)

    def rows_in(self, text: str, fixed: Sequence[Any], values: Iterable[Any], order: str = "") -> list[tuple[Any, ...]]:
        """Return the rows of `text` + ` IN (values)` + `order`; `fixed` are the parameters before the list."""
        wanted = list(dict.fromkeys(values))
        found: list[tuple[Any, ...]] = []
        for begin in range(0, len(wanted), CHUNK):
            part = wanted[begin : begin + CHUNK]
            width = 1 << (len(part) - 1).bit_length()
            part.extend(part[-1:] * (width - len(part)))
            found.extend(self._driver.execute(_in_text(text, width, order, self._style), (*fixed, *part)))
        return found

    def insert(self, table: Table, rows: Sequence[tuple[Any, ...]], *, replace: tuple[str, ...] = ()) -> None:
        """Insert rows given as tuples in the order of the columns; on a known key overwrite the columns `replace`."""
        if rows:
            self._driver.cursor().executemany(_insert_text(table, replace, self._style), rows)


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a transaction that may write: durable when the block has been left, undone if it raised."""
    held = engine.raw_connection()
    try:
        driver: Any = held.driver_connection
        if engine.dialect.name == "sqlite":
            driver.execute("BEGIN IMMEDIATE")  # PostgreSQL's driver begins by itself
        try:
            yield Session(driver, engine.dialect.paramstyle)
            with Write.LEDGER_COMMIT:
                driver.commit()
        except BaseException:
            driver.rollback()
            raise
    finally:
        held.close()


@cache
def _native(text: str, paramstyle: str) -> str:
    return text if paramstyle == "qmark" else text.replace("?", "%s")


@cache
def _in_text(text: str, width: int, order: str, paramstyle: str) -> str:
    return _native(f"{text} IN ({', '.join('?' * width)}){order}", paramstyle)


@cache
def _insert_text(table: Table, replace: tuple[str, ...], paramstyle: str) -> str:
    columns = [column.name for column in table.columns]
    text = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    if replace:
        keys = ", ".join(column.name for column in table.primary_key.columns)
        text += f" ON CONFLICT ({keys}) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in replace)
    return _native(text, paramstyle)
