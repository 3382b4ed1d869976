"""The outbox: what a service must still tell the ledger or others, kept in the transaction that changed its state.

Owns the table `outbox` of a service and its rows: `ledger` rows (one submission to a controller's log) and `message`
rows (one message for JetStream). A row is written with the state it follows from, or not at all; the dispatcher
delivers it, as often as it takes. Its id is the JetStream message id, its submission's key the idempotency key: so
delivering twice is harmless. Never opens a connection or a transaction of its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from msgspec import Raw
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlmodel import Session

from placet.evidence.drafts import DecisionDraft
from placet.kit.bus.messages import Message, encode_message
from placet.kit.errors import NotFound
from placet.kit.failpoints import Write
from placet.kit.ledger.messages import AppendRequest, Submission, decode_request, encode_decision, encode_request

# A row that its writer delivers itself is left alone by the background for this long.
OWN_TURN_US: Final = 3_000_000


class RowKind(StrEnum):
    """Where a row goes."""

    LEDGER = "ledger"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One thing to deliver. Times are unix microseconds; `about` is the writer's own note of what it concerns."""

    seq: int
    id: str
    kind: RowKind
    controller: str
    subject: str  # of a message; empty for the ledger
    payload: bytes
    about: str
    created_at: int
    not_before: int
    attempts: int
    done_at: int | None
    failure: str | None  # why it was refused for good

    def request(self) -> AppendRequest:
        """Return the submission (and its decision, if it has one) of a ledger row."""
        return decode_request(self.payload)


class Outbox:
    """One service's outbox; make it beside the service's tables: `outbox = Outbox(Table.metadata)`."""

    def __init__(self, metadata: MetaData, name: str = "outbox") -> None:
        micros = BigInteger().with_variant(Integer, "sqlite")
        self.table = Table(
            name,
            metadata,
            Column("seq", micros, primary_key=True, autoincrement=True),
            Column("id", String(64), nullable=False, unique=True),
            Column("kind", String(8), nullable=False),
            Column("controller", String(64), nullable=False),
            Column("subject", String(512), nullable=False),
            Column("payload", LargeBinary, nullable=False),
            Column("about", String(256), nullable=False),
            Column("created_at", micros, nullable=False),
            Column("not_before", micros, nullable=False),
            Column("attempts", Integer, nullable=False),
            Column("done_at", micros),
            Column("failure", String(1_024)),
            CheckConstraint("kind IN ('ledger', 'message')", name=f"{name}_kind"),
            # Invariant: a failure is final.
            CheckConstraint("failure IS NULL OR done_at IS NOT NULL", name=f"{name}_failed_is_done"),
            sqlite_autoincrement=True,
        )
        pending = text("done_at IS NULL")
        Index(f"{name}_pending", self.table.c.seq, sqlite_where=pending, postgresql_where=pending)

    def put_message(self, session: Session, message: Message, *, now: int) -> OutboxRow:
        """Have a message published once this transaction is committed; a message id is taken once.

        `Database.write` raises DuplicateKey if there is a row of that id. Raises Invalid if receivers would refuse the
        message.
        """
        return self._put(
            session,
            id=message.id,
            kind=RowKind.MESSAGE,
            controller=message.controller,
            subject=message.subject,
            payload=encode_message(message),
            about="",
            created_at=now,
            not_before=now,
        )

    def put_append(
        self,
        session: Session,
        controller: str,
        submission: Submission,
        *,
        id: str,  # noqa: A002
        now: int,
        about: str = "",
        decision: DecisionDraft | None = None,
        own_turn_us: int = 0,
    ) -> OutboxRow:
        """Have a submission appended once this transaction is committed.

        Whoever delivers it itself right away (`OutboxDispatcher.deliver`) gives `own_turn_us`, e.g. OWN_TURN_US: the
        background leaves the row alone for so long. `Database.write` raises DuplicateKey if there is a row of that id.
        """
        decisions = [] if decision is None else [Raw(encode_decision(decision))]
        return self._put(
            session,
            id=id,
            kind=RowKind.LEDGER,
            controller=controller,
            subject="",
            payload=encode_request(AppendRequest(0, [], decisions, [submission])),
            about=about,
            created_at=now,
            not_before=now + own_turn_us,
        )

    def _put(self, session: Session, **values: Any) -> OutboxRow:
        rest: dict[str, Any] = {"attempts": 0, "done_at": None, "failure": None}
        with Write.OUTBOX_PUT:
            result = session.connection().execute(insert(self.table).values(**values, **rest))
        key = result.inserted_primary_key
        assert key is not None
        return OutboxRow(seq=key[0], **values, **rest)

    def get(self, session: Session, id: str) -> OutboxRow:  # noqa: A002
        """Return a row; raises NotFound if there is none (any more)."""
        found = session.connection().execute(select(self.table).where(self.table.c.id == id)).first()
        if found is None:
            raise NotFound("this was delivered long ago, or never asked for", metadata={"id": id})
        return _row(found)

    def due(
        self, session: Session, now: int, *, without: Collection[tuple[str, RowKind]] = (), limit: int = 256
    ) -> list[OutboxRow]:
        """Return pending rows whose time has come, oldest first, leaving out some (controller, kind)."""
        rows = self.table.c
        query = select(self.table).where(rows.done_at.is_(None), rows.not_before <= now)
        if without:
            query = query.where(tuple_(rows.controller, rows.kind).not_in([(c, k.value) for c, k in without]))
        return [_row(found) for found in session.connection().execute(query.order_by(rows.seq).limit(limit))]

    def next_due(self, session: Session, now: int) -> int | None:
        """Return when the next pending row whose time has not come is due, None if there is none."""
        rows = self.table.c
        query = select(rows.not_before).where(rows.done_at.is_(None), rows.not_before > now)
        return session.connection().execute(query.order_by(rows.not_before).limit(1)).scalar()

    def mark_done(self, session: Session, row: OutboxRow, *, now: int, failure: str | None = None) -> bool:
        """Mark a row as done (or refused for good); True only for whoever did it first."""
        rows = self.table.c
        change = update(self.table).where(rows.seq == row.seq, rows.done_at.is_(None))
        failure = failure[:1_024] if failure else None
        with Write.OUTBOX_SETTLE:
            return session.connection().execute(change.values(done_at=now, failure=failure)).rowcount == 1

    def mark_tried(self, session: Session, rows: Sequence[OutboxRow]) -> None:
        """Count an attempt that failed for now."""
        change = update(self.table).where(self.table.c.seq.in_([row.seq for row in rows]))
        with Write.OUTBOX_TRIED:
            session.connection().execute(change.values(attempts=self.table.c.attempts + 1))

    def prune(self, session: Session, before: int) -> int:
        """Delete rows delivered before a time; return how many. What was refused for good stays."""
        rows = self.table.c
        gone = delete(self.table).where(rows.done_at < before, rows.failure.is_(None))
        with Write.OUTBOX_PRUNE:
            return session.connection().execute(gone).rowcount


def _row(found: Any) -> OutboxRow:
    values = dict(found._mapping)  # noqa: SLF001 - the documented way to a row's mapping
    return OutboxRow(**{**values, "kind": RowKind(values["kind"])})
