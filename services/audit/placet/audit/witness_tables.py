"""Checkpoints that were put to witnesses, and what they signed: rows that are only ever added.

In a database of its own where the logs are in SQLite, so that keeping a cosignature never takes the writer of the logs;
in the same one where that is PostgreSQL. A log is named by its origin. Nothing here is needed to serve a log.
"""

from sqlalchemy import BigInteger, Column, LargeBinary
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class WitnessTable(SQLModel, registry=registry()):
    """Base of these rows."""


class WitnessedRow(WitnessTable, table=True):
    """A checkpoint that at least one witness cosigned, as the log signed it."""

    __tablename__ = "witnessed"

    origin: str = Field(primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    # Invariant: one root for each size; another would be a second history.
    root: bytes = Field(sa_type=LargeBinary)
    note: str


class CosignatureRow(WitnessTable, table=True):
    """One witness key's signature line under a checkpoint; `vkey` is the key in its text form."""

    __tablename__ = "cosignature"

    origin: str = Field(primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    vkey: str = Field(primary_key=True)
    line: str
