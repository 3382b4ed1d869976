"""The rows behind the count of stored persons (R8).

Owns: how far a controller's changes in the vault were counted, whose the bases with a template are, how many persons
that makes, and the days. Never: a subject reference: a holder is the person's row number, or the basis itself. The row
of a basis is deleted with its last template; the days hold numbers only.
"""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary
from sqlmodel import Field

from placet.consent.tables import Table


def _big(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


class CountedRow(Table, table=True):
    """The number of the last change of the vault that is counted."""

    __tablename__ = "counted"

    controller: str = Field(primary_key=True)
    number: int = _big()


class StoredBasisRow(Table, table=True):
    """A basis with a stored template. Invariant: at least one."""

    __tablename__ = "stored_basis"
    __table_args__ = (
        Index("stored_basis_holder", "controller", "holder"),
        CheckConstraint("templates > 0", name="stored_is_stored"),
    )

    controller: str = Field(primary_key=True)
    basis: int = _big(primary_key=True)
    holder: str
    scope: bytes = Field(sa_type=LargeBinary)
    templates: int


class StoredScopeRow(Table, table=True):
    """How many holders of one scope have a stored template: within a scope, two holders are two persons."""

    __tablename__ = "stored_scope"
    __table_args__ = (CheckConstraint("holders >= 0", name="holders_are_counted"),)

    controller: str = Field(primary_key=True)
    scope: bytes = Field(primary_key=True, sa_type=LargeBinary)
    holders: int = _big()


class StoredDayRow(Table, table=True):
    """A day (in Asia/Shanghai) on which something changed: the most at any moment of it, and the end of it."""

    __tablename__ = "stored_day"
    __table_args__ = (
        CheckConstraint("peak_low <= peak_high AND close_low <= close_high", name="range_is_a_range"),
        CheckConstraint("close_low <= peak_low AND close_high <= peak_high", name="peak_is_the_most"),
    )

    controller: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    peak_low: int = _big()
    peak_high: int = _big()
    close_low: int = _big()
    close_high: int = _big()
