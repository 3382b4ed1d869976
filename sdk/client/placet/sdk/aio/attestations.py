"""What a controller states of itself: assessments, incidents, deployments, capture flows, alternatives, their use.

Every change is a proven ledger entry; putting the same content again changes nothing and returns its receipt.
"""

from typing import Any

from placet.api.permission.v1 import attestations_pb2 as pb
from placet.sdk.aio.base import Area
from placet.sdk.aio.proving import prove_record
from placet.sdk.ids import coded_id
from placet.sdk.model.attestations import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Incident,
)
from placet.sdk.model.ledger import Receipt
from placet.sdk.transport import methods
from placet.sdk.transport.methods import Method
from placet.sdk.wire.attestations import (
    alternative_of,
    alternative_to_pb,
    assessment_of,
    assessment_to_pb,
    deployment_of,
    deployment_to_pb,
    flow_of,
    flow_to_pb,
    incident_of,
    incident_to_pb,
    usage_of,
    usage_to_pb,
)


class Attestations(Area):
    """What stands behind a lawful event besides purpose, site and device."""

    async def put_assessment(self, assessment: Assessment, *, timeout: float | None = None) -> Receipt:
        """Register an impact assessment of registered purposes; a report registered before revives nothing."""
        request = pb.PutAssessmentRequest(controller=self.controller, assessment=assessment_to_pb(assessment))
        return await self._record(
            methods.PUT_ASSESSMENT, request, "register.assessment_put", {"assessment": assessment.id}, timeout
        )

    async def list_assessments(self, *, timeout: float | None = None) -> tuple[Assessment, ...]:
        """Return the registered assessments."""
        request = pb.ListAssessmentsRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_ASSESSMENTS, request, self._session.deadline(timeout))
        return tuple(assessment_of(one) for one in answer.assessments)

    async def destroy_assessment(self, assessment: str, *, timeout: float | None = None) -> Receipt:
        """Destroy the record of an assessment for good; the proven entry says so.

        Raises Precondition (RETENTION_REQUIRED) before three years are over.
        """
        request = pb.DestroyAssessmentRequest(controller=self.controller, id=coded_id("assessment", assessment))
        data = {"assessment": assessment}
        return await self._record(methods.DESTROY_ASSESSMENT, request, "register.assessment_destroyed", data, timeout)

    async def put_incident(self, incident: Incident, *, timeout: float | None = None) -> Receipt:
        """Record a major security incident: every assessment made before it has to be made again."""
        request = pb.PutIncidentRequest(controller=self.controller, incident=incident_to_pb(incident))
        return await self._record(
            methods.PUT_INCIDENT, request, "register.incident_put", {"incident": incident.id}, timeout
        )

    async def list_incidents(self, *, timeout: float | None = None) -> tuple[Incident, ...]:
        """Return the recorded incidents."""
        request = pb.ListIncidentsRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_INCIDENTS, request, self._session.deadline(timeout))
        return tuple(incident_of(one) for one in answer.incidents)

    async def put_deployment(self, deployment: Deployment, *, timeout: float | None = None) -> Receipt:
        """Register a system that processes faces, with what protects it."""
        request = pb.PutDeploymentRequest(controller=self.controller, deployment=deployment_to_pb(deployment))
        return await self._record(
            methods.PUT_DEPLOYMENT, request, "register.deployment_put", {"deployment": deployment.id}, timeout
        )

    async def list_deployments(self, *, timeout: float | None = None) -> tuple[Deployment, ...]:
        """Return the registered deployments."""
        request = pb.ListDeploymentsRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_DEPLOYMENTS, request, self._session.deadline(timeout))
        return tuple(deployment_of(one) for one in answer.deployments)

    async def put_capture_flow(self, flow: CaptureFlow, *, timeout: float | None = None) -> Receipt:
        """Attest how people are asked for their face, for one registered purpose."""
        request = pb.PutCaptureFlowRequest(controller=self.controller, flow=flow_to_pb(flow))
        return await self._record(
            methods.PUT_CAPTURE_FLOW, request, "register.capture_flow_put", {"capture_flow": flow.purpose}, timeout
        )

    async def list_capture_flows(self, *, timeout: float | None = None) -> tuple[CaptureFlow, ...]:
        """Return the attested capture flows."""
        request = pb.ListCaptureFlowsRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_CAPTURE_FLOWS, request, self._session.deadline(timeout))
        return tuple(flow_of(one) for one in answer.flows)

    async def put_alternative(self, alternative: Alternative, *, timeout: float | None = None) -> Receipt:
        """Register what people can do instead of showing their face."""
        request = pb.PutAlternativeRequest(controller=self.controller, alternative=alternative_to_pb(alternative))
        return await self._record(
            methods.PUT_ALTERNATIVE, request, "register.alternative_put", {"alternative": alternative.id}, timeout
        )

    async def list_alternatives(self, *, timeout: float | None = None) -> tuple[Alternative, ...]:
        """Return the registered alternatives."""
        request = pb.ListAlternativesRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_ALTERNATIVES, request, self._session.deadline(timeout))
        return tuple(alternative_of(one) for one in answer.alternatives)

    async def put_alternative_usage(self, usage: AlternativeUsage, *, timeout: float | None = None) -> Receipt:
        """Report how many used the face and how many the alternative, for one purpose and month."""
        request = pb.PutAlternativeUsageRequest(controller=self.controller, usage=usage_to_pb(usage))
        return await self._record(
            methods.PUT_ALTERNATIVE_USAGE,
            request,
            "register.alternative_usage_put",
            {"alternative_usage": f"{usage.purpose}:{usage.period}"},
            timeout,
        )

    async def list_alternative_usage(self, *, timeout: float | None = None) -> tuple[AlternativeUsage, ...]:
        """Return the reported counts."""
        request = pb.ListAlternativeUsageRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_ALTERNATIVE_USAGE, request, self._session.deadline(timeout))
        return tuple(usage_of(one) for one in answer.usages)

    async def _record(
        self, method: Method[Any, Any], request: Any, record: str, data: dict[str, str], timeout: float | None
    ) -> Receipt:
        deadline = self._session.deadline(timeout)
        answer = await self._session.call(method, request, deadline)
        return await prove_record(self._session, answer.receipt, record, data, deadline)
