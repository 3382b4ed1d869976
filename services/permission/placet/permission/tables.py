"""The rows of this service's database, and the invariants that the database itself keeps.

Owns: register changes with what opens their commitments, approvers, legal permissions and approvals, permit keys and
where they are pinned, articles of decisions. Never: consents, templates, or anything of a person but the token subjects
of staff. Times are microseconds since 1970 UTC, hashes and keys raw bytes.
"""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from placet.kit.bus.outbox import Outbox


class Table(SQLModel, registry=registry()):
    """Base of this service's tables: their metadata is theirs alone."""


def _bytes(**kwargs: Any) -> Any:
    return Field(sa_type=LargeBinary, **kwargs)


def _big(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


class RegisterHeadRow(Table, table=True):
    """How often the registers or legal permissions of a controller changed: what replicas compare."""

    __tablename__ = "register_heads"

    controller: str = Field(primary_key=True)
    version: int = _big()


class RegisterChangeRow(Table, table=True):
    """One change of a register item. Salt and record open the commitment in the log; destroying them erases it."""

    __tablename__ = "register_changes"
    # Invariant: one change of an item is in force, and only one that is in the log.
    __table_args__ = (
        Index(
            "register_changes_current",
            "controller",
            "kind",
            "item",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
        CheckConstraint("NOT current OR position IS NOT NULL", name="current_is_in_the_log"),
    )

    controller: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    item: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    digest: bytes = _bytes(primary_key=True)
    record: bytes = _bytes()
    salt: bytes = _bytes()
    position: int | None = _big(default=None)
    current: bool = False


class ApproverRow(Table, table=True):
    """Who may sign approvals, and with which key."""

    __tablename__ = "approvers"
    # Invariant: one key belongs to one actor, one actor has one id.
    __table_args__ = (UniqueConstraint("controller", "public_key"), UniqueConstraint("controller", "ident"))

    controller: str = Field(primary_key=True)
    actor: str = Field(primary_key=True)
    ident: str
    public_key: bytes = _bytes()


class LegalPermissionRow(Table, table=True):
    """A legal permission; `record` is its draft, and with `salt` opens the commitment in the log."""

    __tablename__ = "legal_permissions"
    # Invariant: a draft has no position, everything else has one.
    __table_args__ = (
        UniqueConstraint("controller", "basis"),
        CheckConstraint("(state = 'draft') = (basis IS NULL)", name="draft_is_no_basis"),
        CheckConstraint("(basis IS NULL) = (granted IS NULL)", name="basis_has_a_grant"),
    )

    controller: str = Field(primary_key=True)
    ident: str = Field(primary_key=True)
    requester: str
    digest: bytes = _bytes()
    draft_digest: bytes = _bytes()
    record: bytes = _bytes()
    salt: bytes = _bytes()
    state: str = "draft"
    basis: int | None = _big(default=None)
    granted: int | None = _big(default=None)
    leaf: bytes | None = _bytes(default=None)
    begins: int | None = _big(default=None)
    revoked_for: str = ""
    ended: int | None = _big(default=None)


class ApprovalRow(Table, table=True):
    """An approval that is in the log and has not been replaced."""

    __tablename__ = "approvals"
    # Invariant: distinct approvers, roles and keys for one permission.
    __table_args__ = (
        UniqueConstraint("controller", "permission", "role"),
        UniqueConstraint("controller", "permission", "public_key"),
    )

    controller: str = Field(primary_key=True)
    permission: str = Field(primary_key=True)
    approver: str = Field(primary_key=True)
    role: str
    public_key: bytes = _bytes()
    expires: int = _big()
    signature: bytes = _bytes()
    position: int = _big()


class PermitKeyRow(Table, table=True):
    """The public half of every key that ever signed a permit, of all replicas."""

    __tablename__ = "permit_keys"

    kid: str = Field(primary_key=True)
    public_key: bytes = _bytes()


class PinRow(Table, table=True):
    """Where the log of a controller names a permit key (`key.rotated`)."""

    __tablename__ = "pins"

    controller: str = Field(primary_key=True)
    kid: str = Field(primary_key=True)
    position: int = _big()


class ArticlesRow(Table, table=True):
    """Who permitted and who forbade in a decision entry, and the packs' hashes, as a JSON list each."""

    __tablename__ = "decision_articles"

    controller: str = Field(primary_key=True)
    position: int = _big(primary_key=True)
    permitted: str
    forbidden: str
    policies: str


# What must still reach the log or others; a row is written in the transaction of the change that it follows from.
OUTBOX = Outbox(Table.metadata)
