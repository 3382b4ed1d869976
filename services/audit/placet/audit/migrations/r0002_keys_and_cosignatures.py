"""Revision 0002: the further keys of a log (ADR 0015), and in PostgreSQL what witnesses signed (ADR 0011).

For a while revision 0001 made these tables itself, so a database that says 0001 has them or lacks them: each is made
where it is missing, and kept as it is where it stands. On PostgreSQL run `placet ledger migrate` with `--service-role`
again, as after every revision: the service's role has no right to a new table before. Beside SQLite cosignatures are in
a database of their own, which the service makes.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables that are not there."""
    _keys()
    if op.get_bind().dialect.name == "postgresql":
        _witnesses()


def _keys() -> None:
    op.create_table(
        "log_key",
        Column("log", Integer(), primary_key=True, autoincrement=False, nullable=False),
        Column("number", Integer(), primary_key=True, autoincrement=False, nullable=False),
        Column("vkey", String(), nullable=False),
        Column("overlap", BigInteger(), nullable=False),
        Column("since", BigInteger(), nullable=True),
        Column("until", BigInteger(), nullable=False),
        if_not_exists=True,
    )


def _witnesses() -> None:
    op.create_table(
        "witnessed",
        *_checkpoint(),
        Column("root", LargeBinary(), nullable=False),
        Column("note", String(), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "cosignature",
        *_checkpoint(),
        Column("vkey", String(), primary_key=True, nullable=False),
        Column("line", String(), nullable=False),
        if_not_exists=True,
    )


def _checkpoint() -> "tuple[Column[str], Column[int]]":
    return (
        Column("origin", String(), primary_key=True, nullable=False),
        Column("size", BigInteger(), primary_key=True, autoincrement=False, nullable=False),
    )
