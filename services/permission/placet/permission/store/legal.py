"""`ports.LegalPermissions` over SQL.

Owns: one transaction for each step, with what others must be told in the same one: the withdraw on its way to the log,
the messages `permission.issued` and `permission.revoked`. Never: talks to the ledger or the bus itself.
"""

import logging
from collections.abc import Callable
from hashlib import sha256

import msgspec
from sqlmodel import Session, col, select

from placet.kit.bus.dispatcher import OutboxDispatcher
from placet.kit.bus.messages import Message
from placet.kit.bus.outbox import OWN_TURN_US, OutboxRow
from placet.kit.db.database import Database
from placet.kit.db.errors import DuplicateKey
from placet.kit.errors import NotFound, PlacetError
from placet.kit.ledger.messages import Submission
from placet.kit.ledger.port import Ledger
from placet.kit.ledger.receipts import Appended, Receipt
from placet.permission.errors import SamePerson
from placet.permission.model.basis import BasisFacts
from placet.permission.model.legal import Approval, Approver, LegalPermission, LegalState
from placet.permission.store.books import MemoryBooks, advance
from placet.permission.store.rows import approval_of, approval_row, approver_of, permission_of, permission_row
from placet.permission.tables import OUTBOX, ApprovalRow, ApproverRow, LegalPermissionRow

_log = logging.getLogger(__name__)
# What `about` says of the outbox row that carries a revocation.
REVOKE = "revoke:"


class SqlLegalPermissions:
    """Approvers, drafts, approvals, issued permissions; `clock` gives unix microseconds."""

    def __init__(
        self,
        database: Database,
        books: MemoryBooks,
        *,
        ledger: Ledger,
        dispatcher: OutboxDispatcher,
        clock: Callable[[], int],
    ) -> None:
        self._database = database
        self._books = books
        self._ledger = ledger
        self._dispatcher = dispatcher
        self._clock = clock

    async def approver(self, controller: str, actor: str) -> Approver | None:
        """Return an approver, as the port promises."""
        row = await self._database.read(lambda session: session.get(ApproverRow, (controller, actor)))
        return None if row is None else approver_of(row)

    async def register_approver(self, controller: str, approver: Approver) -> Approver:
        """Store an approver's key, as the port promises."""
        try:
            return await self._database.write(lambda session: _register(session, controller, approver))
        except DuplicateKey:
            raise SamePerson("Somebody else registered this key: each approver needs a key of their own.") from None

    async def get(self, controller: str, ident: str) -> LegalPermission | None:
        """Return a legal permission, as the port promises."""
        return await self._database.read(lambda session: _get(session, controller, ident))

    async def add(self, controller: str, permission: LegalPermission) -> LegalPermission:
        """Store a draft, as the port promises."""
        try:
            return await self._database.write(lambda session: _add(session, controller, permission))
        except DuplicateKey:  # another replica stored the same at this moment
            return await self._database.write(lambda session: _add(session, controller, permission))

    async def approve(self, controller: str, ident: str, approval: Approval) -> LegalPermission:
        """Store an approval, as the port promises."""
        return await self._database.write(lambda session: _approve(session, controller, ident, approval))

    async def issue(self, controller: str, permission: LegalPermission, *, at: int) -> None:
        """Keep that it is issued, as the port promises."""
        now = self._clock()
        message = _message(controller, "issued", permission.id, (permission.granted, permission.basis), at)
        await self._settle(
            controller, permission, lambda session: _issue(session, controller, permission, message, now)
        )

    async def revoke(self, controller: str, permission: LegalPermission, submission: Submission) -> None:
        """Keep that it is revoked, as the port promises."""
        now = self._clock()
        await self._settle(
            controller, permission, lambda session: _revoke(session, controller, permission, submission, now)
        )

    async def deliver(
        self, controller: str, permission: LegalPermission, submission: Submission, *, deadline: int
    ) -> Appended:
        """Bring a revocation into the log, as the port promises."""
        try:
            return await self._dispatcher.deliver(row_id(controller, permission.id), deadline=deadline)
        except NotFound:  # in the log for long: the row was pruned
            return await self._ledger.append(controller, [submission], deadline=deadline)

    async def _settle(
        self, controller: str, permission: LegalPermission, work: Callable[[Session], int | None]
    ) -> None:
        facts: BasisFacts = permission.facts()
        async with self._books.changing(controller):
            version = await self._database.write(work)
            if version is not None:
                self._books.applied(controller, version, lambda book: book.put_permission(facts))
        self._dispatcher.kick()


class _EntryTime(msgspec.Struct):
    t: int


def row_id(controller: str, ident: str) -> str:
    """Return the id of the outbox row that carries a revocation: 64 characters, one for each permission."""
    return sha256(f"{REVOKE}{controller}\0{ident}".encode()).hexdigest()


def _message(controller: str, kind: str, ident: str, stands: tuple[int | None, int | None], at: int) -> Message:
    """Return a message about a permission; `stands`: index of the entry, ordinal of the basis."""
    once = sha256(f"permission.{kind}\0{controller}\0{ident}".encode()).hexdigest()
    index, basis = stands
    return Message(id=once, controller=controller, service="permission", kind=kind, at=at, index=index, basis=basis)


def _register(session: Session, controller: str, approver: Approver) -> Approver:
    row = session.get(ApproverRow, (controller, approver.actor))
    if row is None:
        row = ApproverRow(controller=controller, actor=approver.actor, ident=approver.id, public_key=b"")
    row.public_key = approver.public_key
    session.add(row)
    session.flush()
    return approver_of(row)


def _get(session: Session, controller: str, ident: str) -> LegalPermission | None:
    row = session.get(LegalPermissionRow, (controller, ident))
    return None if row is None else permission_of(row, _approvals(session, controller, ident))


def _approvals(session: Session, controller: str, ident: str) -> list[ApprovalRow]:
    query = select(ApprovalRow).where(col(ApprovalRow.controller) == controller, col(ApprovalRow.permission) == ident)
    return list(session.exec(query.order_by(col(ApprovalRow.position))))


def _add(session: Session, controller: str, permission: LegalPermission) -> LegalPermission:
    stored = _get(session, controller, permission.id)
    if stored is not None:
        return stored
    session.add(permission_row(controller, permission))
    return permission


def _approve(session: Session, controller: str, ident: str, approval: Approval) -> LegalPermission:
    """Replace what the new approval takes the place of: the same approver's, or a lapsed one of the same role."""
    for row in _approvals(session, controller, ident):
        if row.approver == approval.approver or row.role == approval.role or row.public_key == approval.key:
            if approval_of(row).index > approval.index:
                break  # a repeated older request: the newer approval stays
            session.delete(row)
    else:
        session.flush()
        session.add(approval_row(controller, ident, approval))
        session.flush()
    found = _get(session, controller, ident)
    assert found is not None
    return found


def _issue(session: Session, controller: str, permission: LegalPermission, message: Message, now: int) -> int | None:
    row = _row(session, controller, permission)
    if row.state != LegalState.DRAFT:
        return None
    row.state, row.basis, row.granted = LegalState.ISSUED, permission.basis, permission.granted
    row.leaf, row.begins = permission.leaf, permission.begins
    session.add(row)
    OUTBOX.put_message(session, message, now=now)
    return advance(session, controller)


def _revoke(
    session: Session, controller: str, permission: LegalPermission, submission: Submission, now: int
) -> int | None:
    row = _row(session, controller, permission)
    if row.state != LegalState.ISSUED:
        return None
    row.state, row.revoked_for = LegalState.REVOKED, permission.revoked_for
    session.add(row)
    OUTBOX.put_append(
        session,
        controller,
        submission,
        id=row_id(controller, permission.id),
        now=now,
        about=f"{REVOKE}{permission.id}",
        own_turn_us=OWN_TURN_US,
    )
    return advance(session, controller)


def settle(session: Session, row: OutboxRow, outcome: Receipt | PlacetError) -> None:
    """Take in that an outbox row reached the log: of a revocation, keep its index and tell the others.

    Runs in the transaction that marks the row as delivered, once a row.
    """
    kind, _, ident = row.about.partition(":")
    if isinstance(outcome, PlacetError):
        _log.error("the ledger refused an entry for good", extra={"about": kind, "error": repr(outcome)})
    elif f"{kind}:" == REVOKE:
        found = session.get(LegalPermissionRow, (row.controller, ident))
        assert found is not None
        found.ended = outcome.index
        session.add(found)
        at = msgspec.json.decode(outcome.entry, type=_EntryTime).t
        message = _message(row.controller, "revoked", ident, (outcome.index, found.basis), at)
        OUTBOX.put_message(session, message, now=at)


def _row(session: Session, controller: str, permission: LegalPermission) -> LegalPermissionRow:
    row = session.get(LegalPermissionRow, (controller, permission.id))
    assert row is not None
    return row
