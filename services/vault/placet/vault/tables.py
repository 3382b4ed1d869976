"""The vault's tables.

Owns: the rows and their constraints, on a registry of their own (`Table.metadata`).
Never: a name, a customer number, an image, a vector in the clear, a token. Positions and ordinals are the ledger's.
Times are microseconds since 1970 UTC. Opened with `secure_delete`: what is deleted is overwritten (vault.md section 3).
"""

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from placet.kit.bus.inbox import Inbox
from placet.kit.bus.outbox import Outbox

# SQLite numbers a row by itself only when its key is an INTEGER; PostgreSQL needs a BIGINT.
_SERIAL = BigInteger().with_variant(Integer(), "sqlite")


class Table(SQLModel, registry=registry()):
    """Base of this service's tables."""


class ControllerKeyRow(Table, table=True):
    """A controller's key, wrapped under version `root_version` of the root key."""

    __tablename__ = "controller_key"

    controller: str = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    root_version: int
    blob: bytes = Field(sa_type=LargeBinary)


class DataKeyRow(Table, table=True):
    """The data key of a basis, wrapped under version `kek_version` of its controller's key."""

    __tablename__ = "data_key"

    controller: str = Field(primary_key=True)
    basis: int = Field(primary_key=True, sa_type=BigInteger)
    kek_version: int
    blob: bytes = Field(sa_type=LargeBinary)


class TemplateRow(Table, table=True):
    """One encrypted template. Invariant: at most one a model under a basis."""

    __tablename__ = "template"
    __table_args__ = (UniqueConstraint("controller", "basis", "model_sha256"),)

    controller: str = Field(primary_key=True)
    template_id: str = Field(primary_key=True)
    basis: int = Field(sa_type=BigInteger)
    model_id: str
    model_sha256: bytes = Field(sa_type=LargeBinary)
    dimension: int
    quality: int
    captured_at: int = Field(sa_type=BigInteger)
    # Of the controller's key when this was sealed: part of the additional data, not changed by a rewrap.
    kek_version: int
    nonce: bytes = Field(sa_type=LargeBinary)
    blob: bytes = Field(sa_type=LargeBinary)
    enrolled_at: int = Field(sa_type=BigInteger)


class UseRow(Table, table=True):
    """One request to use a secret. Invariant: one a (controller, id); `result` is written once, and erased only."""

    __tablename__ = "use"
    __table_args__ = (
        UniqueConstraint("controller", "id"),
        Index("use_attempts", "controller", "basis", "operation", "begun_at"),
        Index("use_begun", "begun_at"),
        CheckConstraint("(result IS NULL) OR (result IN ('enrolled', 'match', 'no_match', 'error'))", "use_result"),
        # SQLite must not give the number of a dropped use again: tombstones compare with it.
        {"sqlite_autoincrement": True},
    )

    seq: int | None = Field(default=None, primary_key=True, sa_type=_SERIAL)
    controller: str
    id: str
    operation: str
    digest: bytes = Field(sa_type=LargeBinary)
    basis: int = Field(sa_type=BigInteger)
    event: int = Field(sa_type=BigInteger)
    begun_at: int = Field(sa_type=BigInteger)
    result: str | None = None
    template_id: str | None = None
    score: int | None = None
    error: str | None = None


class TombstoneRow(Table, table=True):
    """What stays of a basis whose templates were destroyed. Invariant: `final` never goes back, `seq` only grows."""

    __tablename__ = "tombstone"

    controller: str = Field(primary_key=True)
    basis: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(sa_type=BigInteger)
    final: bool


class ErasureRow(Table, table=True):
    """One destroyed template, and the index of its `vault.template_destroyed` entry once that is in the ledger."""

    __tablename__ = "erasure"
    __table_args__ = (Index("erasure_basis", "controller", "basis"),)

    controller: str = Field(primary_key=True)
    template_id: str = Field(primary_key=True)
    basis: int = Field(sa_type=BigInteger)
    reason: str
    blob_sha256: bytes = Field(sa_type=LargeBinary)
    destroyed_at: int = Field(sa_type=BigInteger)
    entry: int | None = Field(default=None, sa_type=BigInteger)


class StockRow(Table, table=True):
    """That a template was stored or destroyed, numbered 1, 2, 3, ... without a gap: what others count from (R8).

    Invariant: a template is stored once and gone once, in this order.
    """

    __tablename__ = "stock"
    __table_args__ = (UniqueConstraint("controller", "template_id", "stored"),)

    controller: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    template_id: str
    basis: int = Field(sa_type=BigInteger)
    stored: bool
    at: int = Field(sa_type=BigInteger)


OUTBOX = Outbox(Table.metadata)
INBOX = Inbox(Table.metadata)
