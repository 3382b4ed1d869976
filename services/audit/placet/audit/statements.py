"""SQL for the hot path: written once, with the driver's own placeholders, the same for SQLite and PostgreSQL.

The expression layer costs several times what the statement itself does, at every group of entries. Names of tables
and columns come from `tables.py`; values always travel as parameters. Lists are padded to a power of two, so that a
handful of texts serves every length and the driver keeps them prepared.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Table

# A statement takes a bounded number of parameters (SQLite: 32,766).
CHUNK: Final = 1_024


def run(connection: Connection, text: str, *parameters: Any) -> Any:
    """Execute a statement whose placeholders are `?`."""
    return connection.exec_driver_sql(_native(text, connection.dialect.paramstyle), parameters)


def rows_in(
    connection: Connection, text: str, fixed: Sequence[Any], values: Iterable[Any], order: str = ""
) -> list[tuple[Any, ...]]:
    """Return the rows of `text` + ` IN (values)` + `order`; `fixed` are the parameters before the list."""
    wanted = list(dict.fromkeys(values))
    found: list[tuple[Any, ...]] = []
    for begin in range(0, len(wanted), CHUNK):
        part = wanted[begin : begin + CHUNK]
        width = 1 << (len(part) - 1).bit_length()
        part.extend(part[-1:] * (width - len(part)))
        statement = _in_text(text, width, order, connection.dialect.paramstyle)
        found.extend(connection.exec_driver_sql(statement, (*fixed, *part)).all())
    return found


def insert(
    connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]], *, replace: tuple[str, ...] = ()
) -> None:
    """Insert rows given as tuples in the order of the columns; on a known key overwrite the columns in `replace`."""
    if rows:
        connection.exec_driver_sql(_insert_text(table, replace, connection.dialect.paramstyle), list(rows))


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
