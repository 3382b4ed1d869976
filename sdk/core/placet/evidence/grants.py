"""The rules of `placet/rules/1` for grants, amends and withdraws: what can be refused (ledger.md section 5).

A grant: the fields fit its form; it ends after it begins; every guardianship it needs is active, is one, and is of the
same subject; a legal permission has two distinct approvers, or one if it lasts at most 900 s (break-glass). An amend:
strictly narrower, of a basis that stands. A withdraw: of a basis that exists; ended twice is no error.
Left out: what the off-log record says, and whose the approvers' keys are.
"""

from typing import Final, NoReturn

from placet.evidence.approvals import Approval, approval_of
from placet.evidence.digests import grant_digest
from placet.evidence.drafts import AmendDraft, GrantDraft, WithdrawDraft
from placet.evidence.errors import AdmissionRefused, FieldError
from placet.evidence.kinds import Amend, Grant, Withdraw
from placet.evidence.reasons import Refusal
from placet.evidence.terms import SECOND, BasisOrdinal, Form, LeafIndex, Micros, value
from placet.evidence.view import Basis, Position, View

BACKDATING: Final = 120 * SECOND
"""How far before its own `t` a grant may begin unless it is imported."""
BREAK_GLASS: Final = 900 * SECOND
"""How long a legal permission with a single approver may last."""
APPROVERS: Final = 2
ALL: Final = "*"


@value
class AlreadyEnded:
    """The basis was withdrawn before: answer with the receipt of that withdraw, append nothing."""

    index: LeafIndex


def admit_grant(draft: GrantDraft, at: Position, view: View) -> Grant:
    """Return the grant at this position, with the next ordinal; raises AdmissionRefused."""
    _require_fields_of_form(draft)
    not_before = draft.not_before if draft.imported else Micros(max(draft.not_before, at.t - BACKDATING))
    if draft.not_after is not None and draft.not_after <= max(not_before, at.t):
        raise AdmissionRefused(Refusal.VALIDITY, "grant.not_after", "it must lie after not_before and after now")
    for ordinal in draft.needs:
        _require_guardianship(draft, ordinal, at, view)
    if draft.form == Form.LEGAL_PERMISSION:
        _require_approvals(draft, not_before, at, view)
    return Grant(
        i=at.i,
        prev=at.prev,
        t=at.t,
        basis=BasisOrdinal(view.bases),
        form=draft.form,
        subject=draft.subject,
        purposes=draft.purposes,
        operations=draft.operations,
        sites=draft.sites,
        egress=draft.egress,
        not_before=not_before,
        not_after=draft.not_after,
        needs=draft.needs,
        max_events=draft.max_events,
        approvals=draft.approvals,
        record=draft.record,
        notice=draft.notice,
        law=draft.law,
        authority=draft.authority,
        imported=draft.imported,
    )


def admit_amend(draft: AmendDraft, at: Position, view: View) -> Amend:
    """Return the amend at this position; raises AdmissionRefused unless it narrows a basis that stands."""
    basis = _existing(draft.basis, "amend.basis", view)
    if basis.ended is not None:
        raise AdmissionRefused(
            Refusal.BASIS_ENDED, "amend.basis", f"basis {draft.basis} was withdrawn at entry {basis.ended}; grant anew"
        )
    _require_narrower(draft, basis)
    return Amend(
        i=at.i,
        prev=at.prev,
        t=at.t,
        basis=draft.basis,
        purposes=draft.purposes,
        operations=draft.operations,
        sites=draft.sites,
        egress=draft.egress,
        not_after=draft.not_after,
    )


def admit_withdraw(draft: WithdrawDraft, at: Position, view: View) -> Withdraw | AlreadyEnded:
    """Return the withdraw at this position, or AlreadyEnded; raises AdmissionRefused if there is no such basis."""
    basis = _existing(draft.basis, "withdraw.basis", view)
    if basis.ended is not None:
        return AlreadyEnded(index=basis.ended)
    return Withdraw(i=at.i, prev=at.prev, t=at.t, basis=draft.basis, by=draft.by, reason=draft.reason)


def valid_at(basis: Basis, t: Micros) -> bool:
    """Tell whether the time lies within the basis; whether it was withdrawn is another question."""
    return basis.not_before <= t and (basis.not_after is None or t < basis.not_after)


def _existing(ordinal: BasisOrdinal, field: str, view: View) -> Basis:
    basis = view.basis(ordinal)
    if basis is None:
        raise AdmissionRefused(Refusal.BASIS_UNKNOWN, field, f"there is no basis {ordinal} in this log")
    return basis


def _require_fields_of_form(draft: GrantDraft) -> None:
    """Only a legal permission has approvals, and it alone has no subject; a guardianship covers nothing."""
    legal = draft.form == Form.LEGAL_PERMISSION
    if (draft.subject is None) is not legal:
        _refuse_form(draft, "subject", "is null for a legal permission and only there")
    if draft.approvals and not legal:
        _refuse_form(draft, "approvals", "must be empty; only a legal permission is approved")
    if draft.form == Form.GUARDIANSHIP:
        for field in ("purposes", "operations", "sites", "needs"):
            if getattr(draft, field):
                _refuse_form(draft, field, "must be empty; a guardianship covers nothing by itself")
        if draft.egress:
            _refuse_form(draft, "egress", "must be false")
        if draft.max_events is not None:
            _refuse_form(draft, "max_events", "must be null")


def _refuse_form(draft: GrantDraft, field: str, why: str) -> None:
    raise AdmissionRefused(Refusal.FORM_FIELDS, f"grant.{field}", f"in a {draft.form} {field} {why}")


def _require_guardianship(draft: GrantDraft, ordinal: BasisOrdinal, at: Position, view: View) -> None:
    needed = view.basis(ordinal)
    if needed is None:
        raise AdmissionRefused(Refusal.NEEDS_UNKNOWN, "grant.needs", f"there is no basis {ordinal} in this log")
    if needed.form != Form.GUARDIANSHIP:
        raise AdmissionRefused(Refusal.NEEDS_FORM, "grant.needs", f"basis {ordinal} is no guardianship")
    if needed.subject != draft.subject:
        raise AdmissionRefused(Refusal.NEEDS_SUBJECT, "grant.needs", f"guardianship {ordinal} is of another subject")
    if needed.ended is not None or not valid_at(needed, at.t):
        raise AdmissionRefused(Refusal.NEEDS_INACTIVE, "grant.needs", f"guardianship {ordinal} has ended or expired")


def _require_approvals(draft: GrantDraft, not_before: Micros, at: Position, view: View) -> None:
    digest = grant_digest(draft)
    approvals = [_approval(index, digest, at, view) for index in draft.approvals]
    brief = draft.not_after is not None and draft.not_after - not_before <= BREAK_GLASS
    if len(approvals) < APPROVERS and not (approvals and brief):
        raise AdmissionRefused(
            Refusal.APPROVALS_MISSING,
            "grant.approvals",
            "a legal permission needs two approvals, or one if it lasts at most 900 seconds",
        )
    for part in ("approver", "key", "role"):
        if len({getattr(approval, part) for approval in approvals}) < len(approvals):
            raise AdmissionRefused(
                Refusal.APPROVERS_NOT_DISTINCT, "grant.approvals", f"two approvals have the same {part}"
            )


def _approval(index: LeafIndex, digest: bytes, at: Position, view: View) -> Approval:
    """Return the approval at `index` once it is signed, is of this draft and has not expired."""
    record = view.approval(index)
    if record is None:
        _refuse_approval(Refusal.APPROVAL_UNKNOWN, index, "is no earlier permission.approved record")
    try:
        approval = approval_of(record.data)
    except FieldError as error:
        raise AdmissionRefused(
            Refusal.APPROVAL_MALFORMED, "grant.approvals", f"entry {index}: {error.field} {error.message}"
        ) from error
    if approval.draft != digest:
        _refuse_approval(Refusal.APPROVAL_OF_ANOTHER_DRAFT, index, "approves another draft; any edit voids approvals")
    if at.t >= approval.expires:
        _refuse_approval(Refusal.APPROVAL_EXPIRED, index, "has expired; have it approved again")
    if not approval.signed_under(view.origin):
        _refuse_approval(Refusal.APPROVAL_SIGNATURE, index, "has a signature that is not its key's for this log")
    return approval


def _refuse_approval(reason: Refusal, index: LeafIndex, why: str) -> NoReturn:
    raise AdmissionRefused(reason, "grant.approvals", f"entry {index} {why}")


def _require_narrower(draft: AmendDraft, basis: Basis) -> None:
    asked = (draft.purposes, draft.operations, draft.sites, draft.egress, draft.not_after)
    if all(field is None for field in asked):
        raise AdmissionRefused(Refusal.AMEND_EMPTY, "amend", "at least one field must not be null")
    for field in ("purposes", "operations", "sites"):
        ids = getattr(draft, field)
        if ids is not None and not _proper_subset(frozenset(ids), getattr(basis, field)):
            _refuse_wider(field, "must be a proper, non-empty subset of what the basis has")
    if draft.egress is not None and (draft.egress or not basis.egress):
        _refuse_wider("egress", "can only change from true to false")
    if draft.not_after is not None and basis.not_after is not None and draft.not_after >= basis.not_after:
        _refuse_wider("not_after", f"must be earlier than {basis.not_after}")


def _proper_subset(ids: frozenset[str], of: frozenset[str]) -> bool:
    if ALL in of:
        return bool(ids) and ALL not in ids
    return bool(ids) and ids < of


def _refuse_wider(field: str, why: str) -> NoReturn:
    raise AdmissionRefused(Refusal.AMEND_NOT_NARROWER, f"amend.{field}", f"{field} {why}")
