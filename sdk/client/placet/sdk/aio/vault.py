"""The vault: enrol, match, destroy, holdings. Each use is a proven ledger entry, older than the touch of the secret.

The `use` entry is compared with the permit: it must be a use of that permit's event. Templates go in, never out.
"""

from uuid import UUID

from placet.api.vault.v1 import vault_pb2 as pb
from placet.evidence.entries import Use
from placet.evidence.terms import Verdict
from placet.sdk.aio.base import Area
from placet.sdk.aio.proving import prove, prove_record
from placet.sdk.errors import ProofError
from placet.sdk.model.vault import Destroyed, Enrolled, Holdings, Match, Template
from placet.sdk.transport import methods
from placet.sdk.vocabulary import BasisOrdinal, LeafIndex
from placet.sdk.wire.vault import event_of_permit, holding_of, template_to_pb


class Vault(Area):
    """Templates under permits."""

    async def enrol(
        self, permit: str, template: Template, *, use_id: str | UUID | None = None, timeout: float | None = None
    ) -> Enrolled:
        """Store a template under the permit's basis. Raises Forbidden (USE_DENIED) when the ledger denies the use."""
        deadline = self._session.deadline(timeout)
        event = event_of_permit(permit)
        request = pb.EnrolRequest(
            controller=self.controller,
            permit=permit,
            id=self._id("use_id", use_id),
            template=template_to_pb(template),
        )
        answer, anchor = await self._session.ask(methods.ENROL, request, deadline)
        expected = {"event": event, "verdict": Verdict.ALLOW}
        receipt, _ = await prove(self._session, answer.receipt, Use, expected, deadline, anchor=anchor)
        return Enrolled(template_id=answer.template_id, basis=BasisOrdinal(answer.basis), receipt=receipt)

    async def match(
        self, permit: str, probe: Template, *, use_id: str | UUID | None = None, timeout: float | None = None
    ) -> Match:
        """Compare a probe with the template of the permit's basis (1:1).

        Raises Forbidden (USE_DENIED) when the ledger denies the use, Precondition (MODEL_MISMATCH, TEMPLATE_DESTROYED).
        """
        deadline = self._session.deadline(timeout)
        event = event_of_permit(permit)
        request = pb.MatchRequest(
            controller=self.controller, permit=permit, id=self._id("use_id", use_id), probe=template_to_pb(probe)
        )
        answer, anchor = await self._session.ask(methods.MATCH, request, deadline)
        expected = {"event": event, "verdict": Verdict.ALLOW}
        receipt, _ = await prove(self._session, answer.receipt, Use, expected, deadline, anchor=anchor)
        return Match(match=answer.match, score=answer.score / 100, receipt=receipt)

    async def destroy(self, basis: int, *, reason: str, timeout: float | None = None) -> Destroyed:
        """Destroy every template of a basis; `reason` is a code. Each destruction is proven."""
        deadline = self._session.deadline(timeout)
        request = pb.DestroyRequest(controller=self.controller, basis=basis, reason=reason)
        answer = await self._session.call(methods.DESTROY, request, deadline)
        receipts = [
            await prove_record(self._session, one, "vault.template_destroyed", {"basis": basis}, deadline)
            for one in answer.receipts
        ]
        if answer.destroyed > len(receipts):
            raise ProofError("PROOF_INVALID", f"{answer.destroyed} destroyed, {len(receipts)} proven")
        return Destroyed(count=answer.destroyed, receipts=tuple(receipts))

    async def holding(self, basis: int, *, timeout: float | None = None) -> Holdings:
        """Return what is stored under a basis, never the template."""
        request = pb.GetHoldingRequest(controller=self.controller, basis=basis)
        answer = await self._session.call(methods.GET_HOLDING, request, self._session.deadline(timeout))
        return Holdings(
            items=tuple(holding_of(one) for one in answer.holdings),
            destroyed=LeafIndex(answer.destroyed) if answer.HasField("destroyed") else None,
        )
