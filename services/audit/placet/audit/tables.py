"""The rows of the audit service. Entries, tiles and idempotency keys are append-only: triggers refuse UPDATE and
DELETE, and on PostgreSQL the service's role may neither (`migrations`, `grants.py`).

One row of `log` holds a log's head; a commit moves it by compare-and-swap on (size, epoch), which is what keeps two
holders of a lease from ever making two heads. `WITHOUT ROWID` clusters rows by their key, so a group of entries is
one page run. Formats: ledger.md sections 3 to 5 and 7. Never holds personal data.
"""

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlalchemy import Table as CoreTable
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

CLUSTERED = {"sqlite_with_rowid": False}


class Table(SQLModel, registry=registry()):
    """Base of this service's rows: its own registry keeps them apart from other services in one process."""


def of(row: type[SQLModel]) -> CoreTable:
    """Return the Core table of a row class: what statements are written against."""
    found = row.__table__  # type: ignore[attr-defined]
    assert isinstance(found, CoreTable)
    return found


def _position(*, primary_key: bool = False) -> Column[int]:
    return Column(BigInteger, primary_key=primary_key, autoincrement=False, nullable=False)


class LogRow(Table, table=True):
    """A controller's log: identity, head and lease."""

    __tablename__ = "log"

    id: int | None = Field(default=None, primary_key=True)
    controller: str = Field(unique=True)
    origin: str = Field(unique=True)
    vkey: str
    created_at: int = Field(sa_column=_position())
    closed_at: int | None = Field(default=None, sa_type=BigInteger)
    # Invariant: entries 0 .. size-1 exist and no other; `prev`, `at` (its time) and `state` describe the last of them.
    size: int = Field(sa_column=_position())
    prev: bytes = Field(sa_type=LargeBinary)
    at: int = Field(sa_column=_position())
    state: int | None = Field(default=None, sa_type=BigInteger)
    bases: int = Field(sa_column=_position())
    status_root: bytes = Field(sa_type=LargeBinary)
    # Invariant: epoch grows by one whenever the holder changes.
    epoch: int = Field(default=0, sa_column=_position())
    holder: str | None = None
    lease_until: int = Field(default=0, sa_column=_position())


class LogKeyRow(Table, table=True):
    """A further key of a log (the first is in `log`): asked for, and in force once its `key.rotated` is appended."""

    __tablename__ = "log_key"

    log: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    vkey: str
    overlap: int = Field(sa_column=_position())
    # Invariant: set in the transaction that appends the entry `since`, once.
    since: int | None = Field(default=None, sa_type=BigInteger)
    until: int = Field(default=0, sa_column=_position())


class EntryRow(Table, table=True):
    """The bytes of one entry, as hashed."""

    __tablename__ = "entry"
    # No foreign key to the log: each group moves the log's head in the same transaction, and checking it for each
    # entry costs PostgreSQL as much as the entry.
    __table_args__ = (CLUSTERED | {"postgresql_partition_by": "RANGE (idx)"},)

    log: int = Field(primary_key=True)
    idx: int = Field(sa_column=_position(primary_key=True))
    body: bytes = Field(sa_type=LargeBinary)


class TileRow(Table, table=True):
    """A full tile: 256 hashes, and the hash that it has one tile level higher."""

    __tablename__ = "tile"
    # Covers the query for many roots, whose rows lie far apart in a long log.
    __table_args__ = (Index("tile_roots", "log", "level", "number", "root"),)

    log: int = Field(primary_key=True)
    level: int = Field(primary_key=True)
    number: int = Field(sa_column=_position(primary_key=True))
    root: bytes = Field(sa_type=LargeBinary)
    hashes: bytes = Field(sa_type=LargeBinary)


class BasisRow(Table, table=True):
    """The interval of a basis in log positions, and where its grant stands: a leaf of the status tree."""

    __tablename__ = "basis"
    __table_args__ = (CLUSTERED,)

    log: int = Field(primary_key=True)
    ordinal: int = Field(sa_column=_position(primary_key=True))
    granted: int = Field(sa_column=_position())
    ended: int | None = Field(default=None, sa_type=BigInteger)
    history: bytes = Field(sa_type=LargeBinary)
    # Allowed events under it: only kept where the grant limits them.
    events: int = Field(default=0, sa_column=_position())


class BasisChangeRow(Table, table=True):
    """An amend or withdraw entry of a basis."""

    __tablename__ = "basis_change"
    __table_args__ = (Index("basis_change_by_index", "log", "idx"), CLUSTERED)

    log: int = Field(primary_key=True)
    ordinal: int = Field(sa_column=_position(primary_key=True))
    idx: int = Field(sa_column=_position(primary_key=True))


class UseRow(Table, table=True):
    """A use entry of an event."""

    __tablename__ = "event_use"
    __table_args__ = (CLUSTERED,)

    log: int = Field(primary_key=True)
    event: int = Field(sa_column=_position(primary_key=True))
    idx: int = Field(sa_column=_position(primary_key=True))
    allowed: bool


class KeyRow(Table, table=True):
    """What a service's idempotency key stands for."""

    __tablename__ = "idempotency"
    __table_args__ = (CLUSTERED,)

    log: int = Field(primary_key=True)
    service: str = Field(primary_key=True)
    key: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    idx: int = Field(sa_column=_position())
    # The caller's digest, and the seal of the row (`rowseal.py`).
    digest: bytes = Field(sa_type=LargeBinary)


class DecisionRow(Table, table=True):
    """The first entry of each distinct decision."""

    __tablename__ = "decision"
    __table_args__ = (CLUSTERED,)

    log: int = Field(primary_key=True)
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    idx: int = Field(sa_column=_position())


APPEND_ONLY = (EntryRow, TileRow, BasisChangeRow, UseRow, KeyRow, DecisionRow)
