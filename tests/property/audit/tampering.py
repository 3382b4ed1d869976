"""Changing a stored log past every trigger, as somebody with the file in hand can; and what is stored, to compare."""

import random
import shutil
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from placet.audit.fsck import Cosignatures, Finding, check_storage, fsck
from placet.audit.logs import Logs
from placet.kit.db.engine import open_engines
from placet.kit.db.errors import mapped
from placet.kit.errors import PlacetError
from placet.tlog.checkpoint import Checkpoint

# By table: the column that a finding names, and the part that it names.
NAMED = {
    "entry": "idx",
    "tile": "number",
    "basis": "ordinal",
    "basis_change": "idx",
    "event_use": "idx",
    "idempotency": "idx",
    "decision": "idx",
    "log": "size",
}
# The same for the database of cosignatures.
COSIGNED = {"witnessed": "size", "cosignature": "size"}
# What runs the service and follows from no entry: times of the clock, and the lease.
OPERATIONAL = ("created_at", "closed_at", "epoch", "holder", "lease_until")
Row = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A row: its table and where it stands there, by primary key."""

    table: str
    row: int


class Tampered:
    """A copy of a log's database, open without any protection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        # A flipped bit may be in the name of a type, which nothing that is stored depends on.
        self._connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        self._connection.execute("PRAGMA foreign_keys = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            self._connection.execute(f"DROP TRIGGER {name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def run(self, statement: str, *parameters: Any) -> list[Any]:
        return self._connection.execute(statement, parameters).fetchall()

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.run(f"PRAGMA table_info({table})")]

    def key(self, table: str) -> list[str]:
        return [row[1] for row in self.run(f"PRAGMA table_info({table})") if row[5]]

    def rows(self, table: str) -> list[Row]:
        found = self.run(f"SELECT * FROM {table} ORDER BY {', '.join(self.key(table))}")
        return [dict(zip(self.columns(table), row, strict=True)) for row in found]

    def change(self, table: str, row: Row, values: Mapping[str, Any]) -> None:
        sets = ", ".join(f"{column} = ?" for column in values)
        where = " AND ".join(f"{column} = ?" for column in self.key(table))
        keys = [row[column] for column in self.key(table)]
        self.run(f"UPDATE OR REPLACE {table} SET {sets} WHERE {where}", *values.values(), *keys)

    def delete(self, table: str, row: Row) -> None:
        where = " AND ".join(f"{column} = ?" for column in self.key(table))
        self.run(f"DELETE FROM {table} WHERE {where}", *[row[column] for column in self.key(table)])

    def insert(self, table: str, row: Row) -> None:
        self.run(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(row))})", *row.values())

    def dump(self, tables: Iterable[str] = NAMED) -> dict[str, list[Row]]:
        """Everything that the log is made of, with its types."""
        return {table: self.rows(table) for table in tables}


@contextmanager
def copied(source: Path, folder: Path) -> Iterator[Tampered]:
    """Copy a database and open the copy for tampering."""
    folder.mkdir(exist_ok=True)
    path = folder / source.name
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    shutil.copyfile(source, path)
    with closing(Tampered(path)) as opened:
        yield opened


def findings(
    path: Path, *checkpoints: Checkpoint, cosigned: Path | None = None, witnesses: Collection[str] | None = None
) -> list[Finding]:
    """Check a database as the command does, with nothing pinned but these checkpoints.

    `cosigned` is the database of what witnesses signed, to be checked too.
    """
    engines = open_engines(f"sqlite:///{path}")
    kept = None if cosigned is None else open_engines(f"sqlite:///{cosigned}")
    lines = None if kept is None else Cosignatures(engines=kept, witnesses=witnesses)
    try:
        found = check_storage(engines, kept)
        try:
            with mapped():
                logs = Logs(engines.reader).all()
        except PlacetError as error:  # the command says this and ends
            return [*found, Finding(part="storage", index=None, message=error.message)]
        for log in logs:
            pinned = {"checkpoints": checkpoints, "cosigned": lines}
            found += fsck(engines, log, keys=None, vkey=None, progress=lambda *_: None, **pinned)  # type: ignore[arg-type]
        return found
    finally:
        engines.dispose()
        if kept is not None:
            kept.dispose()


def other(value: Any, dice: random.Random) -> Any:
    """Return another value than this: near it, far from it, or of another type."""
    far = [dice.getrandbits(40), -1, 0, None, "x", dice.randbytes(32), 3.5]
    near: list[Any] = []
    if isinstance(value, int):
        near = [value + 1, value - 1, value ^ (1 << dice.randrange(20)), str(value) + "x"]
    elif isinstance(value, str):
        near = [value + "x", value[:-1], value.upper(), value.encode()]
    elif isinstance(value, bytes) and value:
        at = dice.randrange(len(value))
        near = [
            value[:at] + bytes([value[at] ^ (1 << dice.randrange(8))]) + value[at + 1 :],
            value[:at] + value[at + 1 :],
            value + b"x",
            dice.randbytes(len(value)),
        ]
    return dice.choice(near * 2 + far)
