"""The rows of one table in the order of the entries they belong to, read as the entries pass.

Any number of rows in little memory. Values come as the driver has them: what was tampered with in SQLite may be of
another type than its column.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, CursorResult

from placet.audit.checking.findings import Findings

Values: TypeAlias = Sequence[Any]
AT_ONCE: Final = 1_000


def streamed(connection: Connection, query: str, *parameters: object) -> CursorResult[Any]:
    """Return the rows of a query a thousand at a time; placeholders are `?`."""
    if connection.dialect.paramstyle != "qmark":
        query = query.replace("?", "%s")
    return connection.exec_driver_sql(query, parameters, execution_options={"yield_per": AT_ONCE})


class Rows:
    """A query whose first column is a position, ascending; each row is taken once, none is passed over in silence."""

    def __init__(self, connection: Connection, found: Findings, part: str, query: str, *parameters: object) -> None:
        """Begin to read; placeholders are `?`."""
        self.part = part
        self._found = found
        self._read = streamed(connection, query, *parameters)
        self._rows = iter(self._read)
        self._next: Values | None = next(self._rows, None)

    def take(self, position: int) -> list[Values]:
        """Return the rows at a position; those before it that were not taken belong to nothing, which is noted."""
        taken: list[Values] = []
        while self._next is not None:
            at = self._next[0]
            if isinstance(at, int) and at > position:
                break
            if at == position and isinstance(at, int):
                taken.append(self._next)
            else:
                self._stray()
            self._next = next(self._rows, None)
        return taken

    def next(self) -> Values | None:
        """Return the next row, whatever its position; None if none is left."""
        row = self._next
        if row is not None:
            self._next = next(self._rows, None)
        return row

    def end(self) -> None:
        """Note every row that is left."""
        while self._next is not None:
            self._stray()
            self._next = next(self._rows, None)

    def close(self) -> None:
        """Read no more: a statement that is left open keeps the database file open."""
        self._read.close()

    def _stray(self) -> None:
        assert self._next is not None
        self._found.add(self.part, self._next[0], "a row stands here that no entry gives")
