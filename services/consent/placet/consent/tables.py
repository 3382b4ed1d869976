"""The rows of the consent service, with the invariants of the model as constraints.

Owns: what is stored. Salts and off-log records stand in columns of their own, so that they can be destroyed.
Never: another service's tables; a name, a document, face data. Times are unix microseconds.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from placet.kit.bus.inbox import Inbox
from placet.kit.bus.outbox import Outbox

_SERIAL = BigInteger().with_variant(Integer, "sqlite")


class Table(SQLModel, registry=registry()):
    """Base of this service's rows: its own registry keeps them apart from other services in one process."""


# Messages for others, and which messages of others were dealt with.
outbox = Outbox(Table.metadata)
inbox = Inbox(Table.metadata)


def _big(**kwargs: Any) -> Any:
    return Field(sa_type=BigInteger, **kwargs)


def _bytes(**kwargs: Any) -> Any:
    return Field(sa_type=LargeBinary, **kwargs)


def _serial() -> Any:
    return Field(default=None, primary_key=True, sa_type=_SERIAL)


class ControllerRow(Table, table=True):
    """A controller met before."""

    __tablename__ = "controller"

    controller: str = Field(primary_key=True)


class PersonRow(Table, table=True):
    """The link from a subject reference to everything else: erasing it erases the person."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("controller", "subject"), {"sqlite_autoincrement": True})

    id: int | None = _serial()
    controller: str
    subject: bytes = _bytes()


class ActorRow(Table, table=True):
    """The random id under which the ledger knows a member of staff."""

    __tablename__ = "actor"

    controller: str = Field(primary_key=True)
    sub: str = Field(primary_key=True)
    actor: str = Field(unique=True)


class NoticeRow(Table, table=True):
    """A version of a notice."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("controller", "notice", "version"),)

    controller: str = Field(primary_key=True)
    content_hash: bytes = _bytes(primary_key=True)
    notice: str
    version: int
    # Invariant: the canonical form whose SHA-256 is content_hash.
    content: bytes = _bytes()
    published_at: int = _big()
    step: int = _big()
    position: int | None = _big(default=None)


class ServedRow(Table, table=True):
    """That a notice was shown."""

    __tablename__ = "served"

    controller: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    person: int = _big(foreign_key="person.id")
    notice_hash: bytes = _bytes()
    language: str
    channel: str
    device: str | None = None
    rendered_hash: bytes | None = _bytes(default=None)
    served_at: int = _big()
    digest: bytes = _bytes()


class ConsentRow(Table, table=True):
    """One decision of one person on one purpose."""

    __tablename__ = "consent"
    __table_args__ = (
        ForeignKeyConstraint(["controller", "notice_hash"], ["notice.controller", "notice.content_hash"]),
        UniqueConstraint("controller", "basis"),
        # Invariant: one live consent for each (person, purpose).
        Index(
            "consent_one_live",
            "person",
            "purpose",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
        Index("consent_person", "person"),
        CheckConstraint("NOT live OR (choice = 'given' AND ending_step IS NULL AND NOT barred)", name="live_is_open"),
        CheckConstraint("(basis IS NULL) = (granted IS NULL)", name="position_is_whole"),
        CheckConstraint("choice = 'given' OR basis IS NULL", name="refusal_has_no_basis"),
    )

    controller: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    person: int = _big(foreign_key="person.id")
    purpose: str
    choice: str
    # JSON lists.
    operations: str
    sites: str
    egress: bool
    not_before: int = _big()
    not_after: int | None = _big(default=None)
    max_events: int | None = _big(default=None)
    notice_hash: bytes = _bytes()
    notice_served: str | None = None
    language: str
    channel: str
    expression: str
    alternative: str | None = None
    birth_date: str | None = None
    zone: str
    imported: bool
    decided_at: int = _big()
    digest: bytes = _bytes()
    step: int = _big()
    last_step: int = _big()
    # JSON lists of guardianship ids and of ordinals.
    guardianships: str
    needs: str
    guarded_until: int | None = _big(default=None)
    guard_ended_by: str | None = None
    basis: int | None = _big(default=None)
    granted: int | None = _big(default=None)
    leaf_hash: bytes | None = _bytes(default=None)
    live: bool
    barred: bool
    ended_by: str | None = None
    end_reason: str | None = None
    ended_at: int | None = _big(default=None)
    ending_step: int | None = _big(default=None)
    ended: int | None = _big(default=None)
    signed_receipt: str | None = None
    salt: bytes | None = _bytes(default=None)
    record: bytes | None = _bytes(default=None)


class AmendmentRow(Table, table=True):
    """A change that narrowed a consent."""

    __tablename__ = "amendment"
    __table_args__ = (ForeignKeyConstraint(["controller", "consent"], ["consent.controller", "consent.id"]),)

    controller: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    consent: str
    digest: bytes = _bytes()
    step: int = _big()


class GuardianshipRow(Table, table=True):
    """Guardian and minor."""

    __tablename__ = "guardianship"
    __table_args__ = (
        Index("guardianship_minor", "minor"),
        Index("guardianship_guardian", "guardian"),
        CheckConstraint("minor <> guardian", name="two_persons"),
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> opened_by", name="two_members_of_staff"),
        CheckConstraint("(confirmed_by IS NULL) = (step IS NULL)", name="confirmation_is_recorded"),
    )

    controller: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    minor: int = _big(foreign_key="person.id")
    guardian: int = _big(foreign_key="person.id")
    kind: str
    minor_birth_date: str
    zone: str
    proof_sha256: bytes = _bytes()
    not_after: int = _big()
    end_asked: bool
    digest: bytes = _bytes()
    opened_by: str
    opened_at: int = _big()
    confirmed_by: str | None = None
    confirmed_at: int | None = _big(default=None)
    step: int | None = _big(default=None)
    ending: int | None = _big(default=None)
    withdrawn_at: int | None = _big(default=None)
    withdrawn_by: str | None = None
    salt: bytes | None = _bytes(default=None)
    record: bytes | None = _bytes(default=None)


class GuardianshipBasisRow(Table, table=True):
    """One grant of form guardianship, made for one consent."""

    __tablename__ = "guardianship_basis"
    __table_args__ = (
        UniqueConstraint("controller", "guardianship", "consent"),
        UniqueConstraint("controller", "ordinal"),
        ForeignKeyConstraint(["controller", "guardianship"], ["guardianship.controller", "guardianship.id"]),
    )

    grant_step: int = _big(primary_key=True, sa_column_kwargs={"autoincrement": False})
    controller: str
    guardianship: str
    consent: str
    withdrawal: int | None = _big(default=None)
    ordinal: int | None = _big(default=None)
    ended: int | None = _big(default=None)
    salt: bytes | None = _bytes(default=None)
    record: bytes | None = _bytes(default=None)


class StepRow(Table, table=True):
    """One intended entry of the log, and its first receipt once it is there: the ledger's rows of the outbox."""

    __tablename__ = "step"
    __table_args__ = (
        Index(
            "step_pending",
            "controller",
            "person",
            "id",
            sqlite_where=text("pending"),
            postgresql_where=text("pending"),
        ),
        # The highest position of a controller is read with each new step and each lookup.
        Index("step_position", "controller", "position"),
        # Invariant: a step is pending, or in the log, or barred.
        CheckConstraint("pending = (position IS NULL AND bar IS NULL)", name="pending_is_open"),
        CheckConstraint("position IS NULL OR bar IS NULL", name="in_the_log_or_barred"),
        {"sqlite_autoincrement": True},
    )

    id: int | None = _serial()
    controller: str
    # 0: the controller's own, nobody's.
    person: int = _big()
    action: str
    key: bytes = _bytes(unique=True)
    draft: str
    consent: str | None = None
    guardianship: str | None = None
    basis_of: int | None = _big(default=None)
    needs_of: str
    accepted_at: int = _big()
    # One above the controller's highest position when this was accepted. Invariant: not above the position it will get.
    floor: int = _big()
    pending: bool
    basis: int | None = _big(default=None)
    position: int | None = _big(default=None)
    entry: bytes | None = _bytes(default=None)
    leaf_hash: bytes | None = _bytes(default=None)
    # Hashes of 32 bytes, one after the other.
    proof: bytes | None = _bytes(default=None)
    checkpoint: str | None = None
    tree_size: int | None = _big(default=None)
    # JSON.
    bar: str | None = None
