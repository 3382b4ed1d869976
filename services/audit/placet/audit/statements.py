"""SQL for the hot path: a transaction and its statements on the driver itself, the same for SQLite and PostgreSQL.

SQLAlchemy's expression layer and execution context cost several times what a statement itself does, at every group of
entries; connections are still its own (settings, pool, errors). Names of tables and columns come from `tables.py`;
values always travel as parameters. Lists are padded or cut to powers of two, so that a handful of texts serves every
length and the driver keeps them prepared. On PostgreSQL many rows go by COPY in binary, a third of the time of INSERTs,
and nothing is pipelined: it costs the driver more than the round trips it saves (docs/performance.md).
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Connection, Engine, Integer, LargeBinary, Table
from sqlalchemy.sql.type_api import TypeEngine

from placet.audit.errors import CommitUnknown
from placet.kit.failpoints import Write

# SQLite: a statement takes a bounded number of parameters (32,766).
CHUNK: Final = 1_024
# PostgreSQL: with fewer rows, COPY's additional round trip costs more than it saves; how many rows an INSERT has.
WORTH_A_COPY: Final = 16
WIDEST: Final = 64
_COPIED_AS: Final[dict[type[TypeEngine[Any]], str]] = {
    BigInteger: "int8",
    Integer: "int4",
    Boolean: "bool",
    LargeBinary: "bytea",
}


class Session:
    """Statements on one connection of the driver (DB-API 2.0); their placeholders are `?`."""

    __slots__ = ("_driver", "_options", "_postgres", "_style")

    def __init__(self, driver: Any, paramstyle: str) -> None:
        self._driver = driver
        self._style = paramstyle
        self._postgres = paramstyle != "qmark"
        self._options = {"binary": True} if self._postgres else {}

    @classmethod
    def over(cls, connection: Connection) -> "Session":
        """Return a session inside the transaction of a connection of SQLAlchemy's."""
        return cls(connection.connection.driver_connection, connection.dialect.paramstyle)

    def run(self, text: str, *parameters: Any) -> Any:
        """Execute a statement and return the driver's cursor."""
        return self._driver.execute(_native(text, self._style), parameters, **self._options)

    def rows_in(self, text: str, fixed: Sequence[Any], values: Iterable[Any], order: str = "") -> list[tuple[Any, ...]]:
        """Return the rows of `text` + ` IN (values)` + `order`; `fixed` are the parameters before the list."""
        wanted = list(dict.fromkeys(values))
        if not wanted:
            return []
        if self._postgres:
            statement = _any_text(text, order, whole=isinstance(wanted[0], int))
            found: list[tuple[Any, ...]] = self._driver.execute(statement, (*fixed, wanted), binary=True).fetchall()
            return found
        found = []
        for begin in range(0, len(wanted), CHUNK):
            part = wanted[begin : begin + CHUNK]
            width = 1 << (len(part) - 1).bit_length()
            part.extend(part[-1:] * (width - len(part)))
            found.extend(self._driver.execute(_in_text(text, width, order), (*fixed, *part)))
        return found

    def insert(self, table: Table, rows: Sequence[tuple[Any, ...]], *, replace: tuple[str, ...] = ()) -> None:
        """Insert rows given as tuples in the order of the columns; on a known key overwrite the columns `replace`."""
        if not self._postgres:
            if rows:
                self._driver.executemany(_insert_text(table, replace, 1, self._style), rows)
        elif len(rows) >= WORTH_A_COPY and not replace:
            self._copy(table, rows)
        else:
            for part in _powers_of_two(rows):
                statement = _insert_text(table, replace, len(part), self._style)
                self._driver.execute(statement, tuple(chain.from_iterable(part)))

    def _copy(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._driver.cursor().copy(_copy_text(table)) as copy:
            copy.set_types(_copy_types(table))
            for row in rows:
                copy.write_row(row)


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """Open a transaction that may write: durable when the block has been left, undone if it raised.

    A connection that turns out to be lost is given up: this block fails, the next one has a new connection. Raises
    CommitUnknown if it was lost while committing.
    """
    held = engine.raw_connection()
    driver: Any = held.driver_connection
    try:
        if engine.dialect.name == "sqlite":
            driver.execute("BEGIN IMMEDIATE")  # PostgreSQL's driver begins by itself
        try:
            yield Session(driver, engine.dialect.paramstyle)
        except BaseException:
            if not _lost(driver):
                driver.rollback()
            raise
        _commit(driver)
    finally:
        if _lost(driver):
            held.invalidate()
        held.close()


def _commit(driver: Any) -> None:
    try:
        _require_whole(driver)
        with Write.LEDGER_COMMIT:
            driver.commit()
    except Exception as error:
        if _lost(driver):
            raise CommitUnknown from error
        driver.rollback()
        raise


def _require_whole(driver: Any) -> None:
    """Refuse to commit after a failed statement: PostgreSQL would roll back, and say nothing of it."""
    info = getattr(driver, "info", None)
    if info is not None and info.transaction_status.name == "INERROR":
        raise RuntimeError("a statement of this transaction failed, and it was to be committed all the same")


def _lost(driver: Any) -> bool:
    """Tell whether the connection is closed: by the server, the network, or us."""
    return bool(getattr(driver, "closed", False))


@cache
def _native(text: str, paramstyle: str) -> str:
    return text if paramstyle == "qmark" else text.replace("?", "%s")


def _powers_of_two(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Cut rows into parts of 64, 32, 16, ... 1, so that few texts serve every number."""
    begin, width = 0, WIDEST
    while begin < len(rows):
        while width > len(rows) - begin:
            width >>= 1
        yield rows[begin : begin + width]
        begin += width


@cache
def _in_text(text: str, width: int, order: str) -> str:
    return f"{text} IN ({', '.join('?' * width)}){order}"


@cache
def _any_text(text: str, order: str, *, whole: bool) -> str:
    """One array as the only parameter: a third of the work of many. `whole` numbers must all be of one type."""
    return _native(text, "") + f" = ANY(%b{'::bigint[]' if whole else ''}){order}"


@cache
def _insert_text(table: Table, replace: tuple[str, ...], count: int, paramstyle: str) -> str:
    columns = [column.name for column in table.columns]
    row = f"({', '.join('?' * len(columns))})"
    text = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"  # noqa: S608
    if replace:
        keys = ", ".join(column.name for column in table.primary_key.columns)
        text += f" ON CONFLICT ({keys}) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in replace)
    return _native(text, paramstyle)


@cache
def _copy_text(table: Table) -> str:
    return f"COPY {table.name} ({', '.join(column.name for column in table.columns)}) FROM STDIN (FORMAT BINARY)"


@cache
def _copy_types(table: Table) -> list[str]:
    return [_copied_as(column.type) for column in table.columns]


def _copied_as(column: TypeEngine[Any]) -> str:
    return next((name for kind, name in _COPIED_AS.items() if isinstance(column, kind)), "text")
