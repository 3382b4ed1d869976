"""Legal permissions: requested, approved by two persons, issued, revoked.

Owns: the order of the steps and what each appends: `permission.approved` records, the grant, the withdraw. Four eyes
are `model.legal`'s, the digest and the signed bytes placet.evidence's, and the log checks the approvals once more.
Never: issues late (a grant reaches the log within the deadline or not at all); a revocation does arrive late.
Source: vault.md section 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import msgspec

from placet.evidence.approvals import APPROVED
from placet.evidence.approvals import Approval as SignedApproval
from placet.evidence.canonical import b64url, encode
from placet.evidence.digests import grant_digest
from placet.evidence.drafts import GrantDraft, RecordDraft, WithdrawDraft, scope_of
from placet.evidence.terms import BasisOrdinal, EndedBy, Form, LeafIndex, Micros
from placet.kit.errors import Precondition
from placet.kit.ledger.messages import Submission, submission
from placet.permission.errors import (
    ApprovalInvalid,
    ApprovalsMissing,
    ApproverUnknown,
    IdempotencyConflict,
    LegalPermissionUnknown,
    RoleMissing,
)
from placet.permission.model.legal import (
    FOUR_EYES,
    Approval,
    Approver,
    LegalDraft,
    LegalPermission,
    LegalState,
    approvals_for_issue,
    check_approval,
    standing,
)
from placet.permission.model.receipts import Receipt, receipt_of
from placet.permission.model.vocabulary import ApproverRole
from placet.permission.ports import Controllers, Ledger, LegalPermissions


@dataclass(frozen=True, kw_only=True, slots=True)
class LegalDesk:
    """Everything that legal permissions work with; `fresh(n)` gives n random bytes."""

    permissions: LegalPermissions
    controllers: Controllers
    ledger: Ledger
    fresh: Callable[[int], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Who:
    """The holder of the token: `actor` is its `sub`."""

    actor: str
    roles: frozenset[str]


class _GrantView(msgspec.Struct):
    t: int
    basis: int
    not_before: int


async def register_approver(controller: str, who: Who, public_key: bytes, desk: LegalDesk) -> Approver:
    """Register the key with which the caller signs approvals; a known approver keeps their id.

    Raises SamePerson when another actor registered this key.
    """
    ident = str(UUID(bytes=desk.fresh(16), version=4))
    return await desk.permissions.register_approver(
        controller, Approver(actor=who.actor, id=ident, public_key=public_key)
    )


async def request(
    controller: str, ident: str, draft: LegalDraft, who: Who, desk: LegalDesk, *, deadline: int
) -> tuple[LegalPermission, str]:
    """Draft a legal permission; return it with the origin of the log, which is part of what approvers sign.

    Safe to repeat. Raises IdempotencyConflict when the id was used for another draft, NotFound without a log.
    """
    origin = await desk.controllers.origin(controller, deadline=deadline)
    content = encode(record_of(ident, draft))
    digest = sha256(b"placet/legal/v1\0" + content).digest()
    salt = desk.fresh(32)
    grant = _grant(draft, sha256(salt + content).digest(), ())
    fresh = LegalPermission(
        id=ident,
        requester=who.actor,
        draft=draft,
        digest=digest,
        draft_digest=grant_digest(grant),
        record=content,
        salt=salt,
    )
    stored = await desk.permissions.add(controller, fresh)
    if stored.digest != digest:
        raise IdempotencyConflict("id", ident)
    return stored, origin


async def approve(
    controller: str,
    ident: str,
    approval: tuple[ApproverRole, int, bytes],
    who: Who,
    desk: LegalDesk,
    *,
    now: int,
    deadline: int,
) -> tuple[Receipt, int]:
    """Approve a draft with (role, lapse, signature); return the receipt and how many approvals stand.

    Raises RoleMissing, ApproverUnknown, SamePerson, StateInvalid, ApprovalInvalid when the signature does not verify.
    """
    role, expires, signature = approval
    if role not in who.roles:
        raise RoleMissing(role)
    permission = await get(controller, ident, desk)
    approver = await desk.permissions.approver(controller, who.actor)
    if approver is None:
        raise ApproverUnknown
    signed = SignedApproval(
        approver=approver.id,
        draft=permission.draft_digest,
        expires=Micros(expires),
        key=approver.public_key,
        role=role,
        signature=signature,
    )
    if not _repeats(permission, signed):
        check_approval(permission, approver, role, expires, now)
    if not signed.signed_under(await desk.controllers.origin(controller, deadline=deadline)):
        raise ApprovalInvalid("signature", "The signature is not that of your registered key over this draft and role.")
    appended = await desk.ledger.append(controller, [_approval(ident, signed)], deadline=deadline)
    receipt = receipt_of(appended)
    kept = Approval(
        approver=approver.id,
        role=role,
        key=approver.public_key,
        expires=expires,
        signature=signature,
        index=receipt.index,
    )
    permission = await desk.permissions.approve(controller, ident, kept)
    return receipt, len(standing(permission.approvals, now))


async def issue(
    controller: str, ident: str, desk: LegalDesk, *, now: int, deadline: int
) -> tuple[LegalPermission, Receipt]:
    """Issue an approved draft: from its entry on it is a basis. Repeated, it is the same entry.

    Raises ApprovalsMissing below two approvers (one for at most 900 s), StateInvalid, Unavailable.
    """
    permission = await get(controller, ident, desk)
    first = permission.state is LegalState.DRAFT
    approvals = approvals_for_issue(permission, now) if first else permission.approvals
    commitment = sha256(permission.salt + permission.record).digest()
    grant = _grant(permission.draft, commitment, sorted(approval.index for approval in approvals))
    key = b"legal:" + sha256(ident.encode()).digest()
    appended = await desk.ledger.append(
        controller, [submission(grant, key=key, digest=permission.digest)], deadline=deadline
    )
    try:
        receipt = receipt_of(appended)
    except Precondition as refused:
        if "APPROVALS_MISSING" in refused.metadata.values():
            raise ApprovalsMissing(len(approvals), FOUR_EYES, refused.message) from refused
        raise
    if first:
        entry = msgspec.json.decode(receipt.entry, type=_GrantView)
        permission = permission.issued(
            basis=entry.basis, granted=receipt.index, leaf=receipt.leaf, begins=entry.not_before
        )
        await desk.permissions.issue(controller, permission, at=entry.t)
    return permission, receipt


async def revoke(controller: str, ident: str, reason: str, desk: LegalDesk, *, deadline: int) -> Receipt:
    """Revoke a legal permission; in force once this returns, and it reaches the log even if this raises Unavailable.

    Repeated, the first revocation's entry comes back. Raises StateInvalid for a draft.
    """
    permission = await get(controller, ident, desk)
    revoked = permission.revoked(reason, ended=permission.ended)
    basis = BasisOrdinal(revoked.basis or 0)
    withdraw = WithdrawDraft(basis=basis, by=EndedBy.CONTROLLER, reason=revoked.revoked_for)
    ending = submission(withdraw, key=b"revoke:" + sha256(ident.encode()).digest())
    if permission.state is not LegalState.REVOKED:
        await desk.permissions.revoke(controller, revoked, ending)
    return receipt_of(await desk.permissions.deliver(controller, revoked, ending, deadline=deadline))


async def get(controller: str, ident: str, desk: LegalDesk) -> LegalPermission:
    """Return a legal permission with its approvals. Raises LegalPermissionUnknown."""
    permission = await desk.permissions.get(controller, ident)
    if permission is None:
        raise LegalPermissionUnknown(ident)
    return permission


def record_of(ident: str, draft: LegalDraft) -> dict[str, object]:
    """Return what is committed to off-log: the whole draft and its id."""
    return {
        "authority": draft.authority,
        "code": draft.code.value,
        "document_sha256": b64url(draft.document_sha256),
        "egress": draft.egress,
        "id": ident,
        "law": draft.law,
        "max_events": draft.max_events,
        "not_after": draft.not_after,
        "not_before": draft.not_before,
        "operations": sorted(draft.operations),
        "purposes": sorted(draft.purposes),
        "sites": sorted(draft.sites),
    }


def _grant(draft: LegalDraft, commitment: bytes, approvals: list[int] | tuple[()]) -> GrantDraft:
    return GrantDraft(
        form=Form.LEGAL_PERMISSION,
        subject=None,
        purposes=scope_of(draft.purposes),
        operations=scope_of(draft.operations),
        sites=scope_of(draft.sites),
        egress=draft.egress,
        not_before=Micros(draft.not_before),
        not_after=Micros(draft.not_after) if draft.not_after else None,
        needs=(),
        max_events=draft.max_events or None,
        approvals=tuple(LeafIndex(index) for index in approvals),
        record=b64url(commitment),
        notice=None,
        law=draft.law,
        authority=draft.authority,
    )


def _approval(ident: str, signed: SignedApproval) -> Submission:
    data = {
        "approver": signed.approver,
        "draft": b64url(signed.draft),
        "expires": signed.expires,
        "key": b64url(signed.key),
        "role": signed.role,
        "signature": b64url(signed.signature),
    }
    named = f"{ident}\0{signed.approver}\0{signed.role}\0{signed.expires}\0".encode()
    key = b"approval:" + sha256(named + signed.key).digest()
    return submission(RecordDraft(type=APPROVED, data=data), key=key)


def _repeats(permission: LegalPermission, signed: SignedApproval) -> bool:
    return any(
        (one.approver, one.role, one.expires, one.signature)
        == (signed.approver, signed.role, signed.expires, signed.signature)
        for one in permission.approvals
    )
