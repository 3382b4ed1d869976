"""The search index: a projection of the log in a database of its own. It may be deleted at any time and is rebuilt.

One row for each entry, with the few facts an auditor searches by; the entry itself stays in the log. Reasons are a
bit mask in the order of `placet.evidence.reasons`, since an event may be denied for several. Never the authority for
anything.
"""

from sqlalchemy import BigInteger, Column, Index
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class SearchTable(SQLModel, registry=registry()):
    """Base of the index's rows."""


class FoundRow(SearchTable, table=True):
    """What one entry can be found by; null where its kind has no such field."""

    __tablename__ = "found"
    __table_args__ = (
        Index("found_by_basis", "log", "basis", "idx"),
        Index("found_by_device", "log", "device", "idx"),
        Index("found_by_purpose", "log", "purpose", "idx"),
        Index("found_by_kind", "log", "kind", "verdict", "idx"),
        Index("found_by_time", "log", "at", "idx"),
        {"sqlite_with_rowid": False},
    )

    log: int = Field(primary_key=True)
    idx: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: int = Field(sa_type=BigInteger)
    kind: str
    verdict: str | None = None
    reasons: int = Field(default=0, sa_type=BigInteger)
    purpose: str | None = None
    site: str | None = None
    device: str | None = None
    basis: int | None = Field(default=None, sa_type=BigInteger)


class ProgressRow(SearchTable, table=True):
    """Up to which index a log has been indexed."""

    __tablename__ = "progress"

    log: int = Field(primary_key=True)
    # Invariant: a row of `found` exists for each index below it, and for none from it on.
    complete_to: int = Field(sa_type=BigInteger)
