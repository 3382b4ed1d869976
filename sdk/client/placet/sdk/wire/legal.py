"""Legal permissions to and from protobuf."""

from placet.api.permission.v1 import permission_pb2 as pb
from placet.sdk.ids import micros
from placet.sdk.model.legal import LegalApproval, LegalDraft, LegalPermission
from placet.sdk.vocabulary import BasisOrdinal, LeafIndex, Micros
from placet.sdk.wire.consents import operations_to_pb
from placet.sdk.wire.words import APPROVER_ROLE, LEGAL_CODE, LEGAL_STATE, OPERATION


def draft_to_pb(draft: LegalDraft) -> pb.LegalDraft:
    """Return the message of a draft; raises Invalid naming the field."""
    return pb.LegalDraft(
        code=LEGAL_CODE.number("draft.code", draft.code),
        authority=draft.authority,
        document_sha256=draft.document_sha256,
        purposes=list(draft.purposes),
        operations=operations_to_pb(draft.operations, "draft.operations"),
        sites=list(draft.sites),
        egress=draft.egress,
        not_before=micros("draft.not_before", draft.not_before),
        not_after=micros("draft.not_after", draft.not_after),
        max_events=draft.max_events,
        law=draft.law,
    )


def draft_of(draft: pb.LegalDraft) -> LegalDraft:
    """Return a draft."""
    return LegalDraft(
        code=LEGAL_CODE.word(draft.code),
        authority=draft.authority,
        document_sha256=draft.document_sha256,
        purposes=tuple(draft.purposes),
        operations=tuple(OPERATION.word(number) for number in draft.operations),
        sites=tuple(draft.sites),
        egress=draft.egress,
        not_before=draft.not_before,
        not_after=draft.not_after or None,
        max_events=draft.max_events,
        law=draft.law,
    )


def permission_of(answer: pb.GetLegalPermissionResponse) -> LegalPermission:
    """Return a legal permission."""
    return LegalPermission(
        id=answer.id,
        draft=draft_of(answer.draft),
        state=LEGAL_STATE.word(answer.state),
        approvals=tuple(
            LegalApproval(
                approver=one.approver,
                role=APPROVER_ROLE.word(one.role),
                index=LeafIndex(one.index),
                expires=Micros(one.expires),
            )
            for one in answer.approvals
        ),
        basis=BasisOrdinal(answer.basis) if answer.HasField("basis") else None,
    )
