"""Rows <-> model.

Owns: the mapping of each row, both ways. Never: a query.
"""

from collections.abc import Iterable
from typing import Any

from placet.evidence.canonical import decode, unb64url
from placet.permission.model.legal import Approval, Approver, LegalDraft, LegalPermission, LegalState
from placet.permission.model.registers import Change, ItemKind
from placet.permission.model.vocabulary import ApproverRole, LegalCode, Operation
from placet.permission.tables import ApprovalRow, ApproverRow, LegalPermissionRow, RegisterChangeRow


def change_of(row: RegisterChangeRow) -> Change:
    """Return the change of a row."""
    return Change(
        kind=ItemKind(row.kind),
        id=row.item,
        version=row.version,
        digest=row.digest,
        record=row.record,
        salt=row.salt,
        index=row.position,
    )


def change_row(controller: str, change: Change) -> RegisterChangeRow:
    """Return the row of a change that is not in the log yet."""
    return RegisterChangeRow(
        controller=controller,
        kind=change.kind.value,
        item=change.id,
        version=change.version,
        digest=change.digest,
        record=change.record,
        salt=change.salt,
    )


def approver_of(row: ApproverRow) -> Approver:
    """Return the approver of a row."""
    return Approver(actor=row.actor, id=row.ident, public_key=row.public_key)


def approval_of(row: ApprovalRow) -> Approval:
    """Return the approval of a row."""
    return Approval(
        approver=row.approver,
        role=ApproverRole(row.role),
        key=row.public_key,
        expires=row.expires,
        signature=row.signature,
        index=row.position,
    )


def approval_row(controller: str, permission: str, approval: Approval) -> ApprovalRow:
    """Return the row of an approval."""
    return ApprovalRow(
        controller=controller,
        permission=permission,
        approver=approval.approver,
        role=approval.role.value,
        public_key=approval.key,
        expires=approval.expires,
        signature=approval.signature,
        position=approval.index,
    )


def permission_of(row: LegalPermissionRow, approvals: Iterable[ApprovalRow]) -> LegalPermission:
    """Return the legal permission of its rows."""
    return LegalPermission(
        id=row.ident,
        requester=row.requester,
        draft=_draft_of(row.record),
        digest=row.digest,
        draft_digest=row.draft_digest,
        record=row.record,
        salt=row.salt,
        state=LegalState(row.state),
        approvals=tuple(approval_of(approval) for approval in approvals),
        basis=row.basis,
        granted=row.granted,
        leaf=row.leaf,
        begins=row.begins,
        revoked_for=row.revoked_for,
        ended=row.ended,
    )


def permission_row(controller: str, permission: LegalPermission) -> LegalPermissionRow:
    """Return the row of a draft."""
    return LegalPermissionRow(
        controller=controller,
        ident=permission.id,
        requester=permission.requester,
        digest=permission.digest,
        draft_digest=permission.draft_digest,
        record=permission.record,
        salt=permission.salt,
    )


def _draft_of(record: bytes) -> LegalDraft:
    """Return the draft that `handlers.legal.record_of` described."""
    values: dict[str, Any] = decode(record)
    return LegalDraft(
        code=LegalCode(values["code"]),
        authority=values["authority"],
        document_sha256=unb64url(values["document_sha256"]),
        purposes=tuple(values["purposes"]),
        operations=tuple(map(Operation, values["operations"])),
        sites=tuple(values["sites"]),
        egress=values["egress"],
        not_before=values["not_before"],
        not_after=values["not_after"],
        max_events=values["max_events"],
        law=values["law"],
    )
