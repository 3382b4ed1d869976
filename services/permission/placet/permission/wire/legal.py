"""Legal permissions from and to protobuf.

Owns: the mapping of drafts, approvals and what is answered. Bounds are the model's. Never: checks who may do what.
"""

from placet.api.permission.v1 import permission_pb2 as pb
from placet.evidence import bundle
from placet.evidence.terms import LeafIndex
from placet.permission.errors import missing
from placet.permission.model.fields import check_bytes, check_int, check_result, check_uuid
from placet.permission.model.legal import Approval, LegalDraft, LegalPermission, LegalState
from placet.permission.model.receipts import Receipt
from placet.permission.model.vocabulary import ApproverRole
from placet.permission.wire.words import APPROVER_ROLES, LEGAL_CODES, OPERATIONS, number_of, word, words

_STATES = {
    LegalState.DRAFT: pb.LEGAL_STATE_DRAFT,
    LegalState.ISSUED: pb.LEGAL_STATE_ISSUED,
    LegalState.REVOKED: pb.LEGAL_STATE_REVOKED,
}


def draft_from_pb(request: pb.RequestLegalPermissionRequest) -> tuple[str, LegalDraft]:
    """Return id and draft of a request. Raises Invalid naming `id` or `draft.<field>`."""
    if not request.HasField("draft"):
        raise missing("draft", "the draft")
    draft = request.draft
    return check_uuid("id", request.id), LegalDraft(
        code=word(LEGAL_CODES, draft.code, "draft.code"),
        authority=draft.authority,
        document_sha256=draft.document_sha256,
        purposes=tuple(draft.purposes),
        operations=words(OPERATIONS, draft.operations, "draft.operations"),
        sites=tuple(draft.sites),
        egress=draft.egress,
        not_before=draft.not_before,
        not_after=draft.not_after,
        max_events=draft.max_events,
        law=draft.law,
    )


def draft_to_pb(draft: LegalDraft) -> pb.LegalDraft:
    """Return a draft as it travels."""
    return pb.LegalDraft(
        code=number_of(LEGAL_CODES, draft.code),  # type: ignore[arg-type]
        authority=draft.authority,
        document_sha256=draft.document_sha256,
        purposes=draft.purposes,
        operations=[number_of(OPERATIONS, operation) for operation in draft.operations],  # type: ignore[misc]
        sites=draft.sites,
        egress=draft.egress,
        not_before=draft.not_before,
        not_after=draft.not_after,
        max_events=draft.max_events,
        law=draft.law,
    )


def approval_from_pb(request: pb.ApproveLegalPermissionRequest) -> tuple[str, tuple[ApproverRole, int, bytes]]:
    """Return the id, and (role, lapse in microseconds, signature) of an approval. Raises Invalid naming the field."""
    return check_uuid("id", request.id), (
        word(APPROVER_ROLES, request.role, "role"),
        check_int("expires", request.expires),
        check_bytes("signature", request.signature, 64),
    )


def revocation_from_pb(request: pb.RevokeLegalPermissionRequest) -> tuple[str, str]:
    """Return id and reason code of a revocation. Raises Invalid naming the field."""
    return check_uuid("id", request.id), check_result("reason", request.reason)


def permission_to_pb(permission: LegalPermission) -> pb.GetLegalPermissionResponse:
    """Return a legal permission as it travels."""
    return pb.GetLegalPermissionResponse(
        id=permission.id,
        draft=draft_to_pb(permission.draft),
        state=_STATES[permission.state],
        approvals=[_approval_to_pb(approval) for approval in permission.approvals],
        basis=permission.basis,
    )


def _approval_to_pb(approval: Approval) -> pb.Approval:
    return pb.Approval(
        approver=approval.approver,
        role=number_of(APPROVER_ROLES, approval.role),  # type: ignore[arg-type]
        index=approval.index,
        expires=approval.expires,
    )


def withdrawal_receipt(receipt: Receipt) -> bytes:
    """Return the receipt of a revocation as placet.receipt/1: what convicts a log that hides it."""
    entry = bundle.ProvenEntry(index=LeafIndex(receipt.index), entry=receipt.entry, proof=receipt.proof)
    return bundle.format_evidence(bundle.Receipt(checkpoint=receipt.checkpoint, withdraw=entry)).encode()
