"""Legal permissions: request, two approvals signed by two people in two roles, issue, revoke.

An approval is signed here with the approver's own key over the draft's digest and the log's origin; what is issued must
be that draft. Permit keys are read here too; they are pinned in the log, not by this client.
"""

from datetime import datetime
from uuid import UUID

from placet.api.permission.v1 import permission_pb2 as pb
from placet.evidence.canonical import b64url
from placet.evidence.digests import grant_digest
from placet.evidence.entries import Grant
from placet.evidence.terms import Form
from placet.sdk.aio.base import Area
from placet.sdk.aio.proving import must_be, prove, prove_record, prove_withdrawal
from placet.sdk.errors import ProofError
from placet.sdk.ids import micros, uuid_text
from placet.sdk.model.legal import (
    Approved,
    Approver,
    IssuedPermission,
    LegalDraft,
    LegalPermission,
    LegalRequest,
    RevokedPermission,
)
from placet.sdk.transport import methods
from placet.sdk.vocabulary import ApproverRole
from placet.sdk.wire.legal import draft_to_pb, permission_of
from placet.sdk.wire.words import APPROVER_ROLE


class LegalPermissions(Area):
    """A basis that is not consent, under four eyes."""

    async def register_approver(self, approver: Approver, *, timeout: float | None = None) -> str:
        """Register the key with which the token's person signs approvals; returns the id that stands in the log."""
        request = pb.RegisterApproverRequest(controller=self.controller, public_key=approver.public_key)
        answer = await self._session.call(methods.REGISTER_APPROVER, request, self._session.deadline(timeout))
        return answer.approver

    async def request_legal_permission(
        self, draft: LegalDraft, *, request_id: str | UUID | None = None, timeout: float | None = None
    ) -> LegalRequest:
        """Draft a legal permission; nobody may rely on it yet. Hand the result to the approvers."""
        request = pb.RequestLegalPermissionRequest(
            controller=self.controller, id=self._id("request_id", request_id), draft=draft_to_pb(draft)
        )
        answer = await self._session.call(methods.REQUEST_LEGAL_PERMISSION, request, self._session.deadline(timeout))
        if answer.origin != self._session.trust.origin:
            raise ProofError("PROOF_INVALID", f"the draft is for the log {answer.origin}, not for the pinned one")
        return LegalRequest(id=answer.id, digest=answer.digest, origin=answer.origin)

    async def approve_legal_permission(
        self,
        request: LegalRequest,
        *,
        role: ApproverRole,
        approver: Approver,
        expires: datetime | int,
        timeout: float | None = None,
    ) -> Approved:
        """Sign a draft in one of the token's roles; the approval lapses at `expires`. The proven entry carries it."""
        deadline = self._session.deadline(timeout)
        until = micros("expires", expires)
        signature = approver.sign(request, ApproverRole(role), until)
        message = pb.ApproveLegalPermissionRequest(
            controller=self.controller,
            id=request.id,
            role=APPROVER_ROLE.number("role", role),
            expires=until,
            signature=signature,
        )
        answer = await self._session.call(methods.APPROVE_LEGAL_PERMISSION, message, deadline)
        data = {
            "draft": b64url(request.digest),
            "expires": until,
            "key": b64url(approver.public_key),
            "role": str(role),
            "signature": b64url(signature),
        }
        receipt = await prove_record(self._session, answer.receipt, "permission.approved", data, deadline)
        return Approved(approvals=answer.approvals, receipt=receipt)

    async def issue_legal_permission(
        self, request: LegalRequest | str, *, timeout: float | None = None
    ) -> IssuedPermission:
        """Issue an approved draft: a basis from this entry on. Give the `LegalRequest` to have its digest checked.

        Raises Precondition (APPROVALS_MISSING) below two approvers.
        """
        deadline = self._session.deadline(timeout)
        message = pb.IssueLegalPermissionRequest(controller=self.controller, id=_id_of(request))
        answer = await self._session.call(methods.ISSUE_LEGAL_PERMISSION, message, deadline)
        expected = {"form": Form.LEGAL_PERMISSION, "basis": answer.basis}
        receipt, grant = await prove(self._session, answer.receipt, Grant, expected, deadline)
        if isinstance(request, LegalRequest):
            must_be("the draft", grant_digest(grant), request.digest, receipt)
        self._session.wrote(grant.i)
        return IssuedPermission(basis=grant.basis, receipt=receipt)

    async def revoke_legal_permission(
        self, request: LegalRequest | str, *, reason: str, timeout: float | None = None
    ) -> RevokedPermission:
        """Revoke a legal permission; in force once this returns. `reason` is a code, e.g. `purpose_ended`."""
        deadline = self._session.deadline(timeout)
        message = pb.RevokeLegalPermissionRequest(controller=self.controller, id=_id_of(request), reason=reason)
        answer = await self._session.call(methods.REVOKE_LEGAL_PERMISSION, message, deadline)
        receipt, _ = await prove_withdrawal(self._session, answer.receipt, deadline)
        return RevokedPermission(receipt=receipt, evidence=answer.receipt.decode())

    async def get_legal_permission(
        self, request: LegalRequest | str, *, timeout: float | None = None
    ) -> LegalPermission:
        """Return a legal permission with its approvals, as the service holds it."""
        message = pb.GetLegalPermissionRequest(controller=self.controller, id=_id_of(request))
        return permission_of(
            await self._session.call(methods.GET_LEGAL_PERMISSION, message, self._session.deadline(timeout))
        )

    async def permit_keys(self, *, timeout: float | None = None) -> str:
        """Return the public keys of the permits, as a JWKS (JSON), for an engine of your own."""
        request = pb.GetPermitKeysRequest(controller=self.controller)
        answer = await self._session.call(methods.GET_PERMIT_KEYS, request, self._session.deadline(timeout))
        return answer.jwks


def _id_of(request: LegalRequest | str) -> str:
    return request.id if isinstance(request, LegalRequest) else uuid_text("request", request)
