"""RegisterService: from wire, handler, to wire.

Owns: which handler serves which RPC. Never: a rule, a query, a default. Tokens, roles, controllers and statuses are the
guard's (placet.kit.grpc); until when comes from `placet.kit.grpc.caller`.
"""

from collections.abc import Callable
from typing import Any

import grpc.aio

from placet.api.permission.v1 import attestations_pb2 as apb
from placet.api.permission.v1 import register_pb2, register_pb2_grpc
from placet.kit.grpc.caller import deadline
from placet.permission.handlers import destroying, registers
from placet.permission.handlers.registers import I, RegisterDesk
from placet.permission.model.attestations import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Incident,
)
from placet.permission.model.fields import check_code
from placet.permission.model.registers import Device, Item, Purpose, Site
from placet.permission.wire import attestations as attestations_wire
from placet.permission.wire import registers as registers_wire

Context = grpc.aio.ServicerContext[Any, Any]


class RegisterServicer(register_pb2_grpc.RegisterServiceServicer):
    """placet.api.permission.v1.RegisterService; `now` gives unix microseconds."""

    def __init__(self, desk: RegisterDesk, *, now: Callable[[], int]) -> None:
        self._desk = desk
        self._now = now

    async def PutPurpose(
        self, request: register_pb2.PutPurposeRequest, context: Context
    ) -> register_pb2.PutPurposeResponse:
        receipt = await self._put(request.controller, registers_wire.purpose_from_pb(request))
        return register_pb2.PutPurposeResponse(receipt=receipt)

    async def PutSite(self, request: register_pb2.PutSiteRequest, context: Context) -> register_pb2.PutSiteResponse:
        receipt = await self._put(request.controller, registers_wire.site_from_pb(request))
        return register_pb2.PutSiteResponse(receipt=receipt)

    async def PutDevice(
        self, request: register_pb2.PutDeviceRequest, context: Context
    ) -> register_pb2.PutDeviceResponse:
        receipt = await self._put(request.controller, registers_wire.device_from_pb(request))
        return register_pb2.PutDeviceResponse(receipt=receipt)

    async def PutAttestation(
        self, request: register_pb2.PutAttestationRequest, context: Context
    ) -> register_pb2.PutAttestationResponse:
        receipt = await self._put(request.controller, registers_wire.attestation_from_pb(request))
        return register_pb2.PutAttestationResponse(receipt=receipt)

    async def ListPurposes(
        self, request: register_pb2.ListPurposesRequest, context: Context
    ) -> register_pb2.ListPurposesResponse:
        items = await self._in_force(request.controller, Purpose)
        purposes = [registers_wire.purpose_to_pb(item) for item in items]
        return register_pb2.ListPurposesResponse(purposes=purposes)

    async def ListSites(
        self, request: register_pb2.ListSitesRequest, context: Context
    ) -> register_pb2.ListSitesResponse:
        items = await self._in_force(request.controller, Site)
        sites = [registers_wire.site_to_pb(item) for item in items]
        return register_pb2.ListSitesResponse(sites=sites)

    async def ListDevices(
        self, request: register_pb2.ListDevicesRequest, context: Context
    ) -> register_pb2.ListDevicesResponse:
        items = await self._in_force(request.controller, Device)
        devices = [registers_wire.device_to_pb(item) for item in items]
        return register_pb2.ListDevicesResponse(devices=devices)

    async def PutAssessment(self, request: apb.PutAssessmentRequest, context: Context) -> apb.PutAssessmentResponse:
        receipt = await self._put(request.controller, attestations_wire.assessment_from_pb(request))
        return apb.PutAssessmentResponse(receipt=receipt)

    async def ListAssessments(
        self, request: apb.ListAssessmentsRequest, context: Context
    ) -> apb.ListAssessmentsResponse:
        items = await self._in_force(request.controller, Assessment)
        assessments = [attestations_wire.assessment_to_pb(item) for item in items]
        return apb.ListAssessmentsResponse(assessments=assessments)

    async def PutIncident(self, request: apb.PutIncidentRequest, context: Context) -> apb.PutIncidentResponse:
        receipt = await self._put(request.controller, attestations_wire.incident_from_pb(request))
        return apb.PutIncidentResponse(receipt=receipt)

    async def ListIncidents(self, request: apb.ListIncidentsRequest, context: Context) -> apb.ListIncidentsResponse:
        items = await self._in_force(request.controller, Incident)
        incidents = [attestations_wire.incident_to_pb(item) for item in items]
        return apb.ListIncidentsResponse(incidents=incidents)

    async def PutAlternative(self, request: apb.PutAlternativeRequest, context: Context) -> apb.PutAlternativeResponse:
        receipt = await self._put(request.controller, attestations_wire.alternative_from_pb(request))
        return apb.PutAlternativeResponse(receipt=receipt)

    async def ListAlternatives(
        self, request: apb.ListAlternativesRequest, context: Context
    ) -> apb.ListAlternativesResponse:
        items = await self._in_force(request.controller, Alternative)
        alternatives = [attestations_wire.alternative_to_pb(item) for item in items]
        return apb.ListAlternativesResponse(alternatives=alternatives)

    async def PutAlternativeUsage(
        self, request: apb.PutAlternativeUsageRequest, context: Context
    ) -> apb.PutAlternativeUsageResponse:
        receipt = await self._put(request.controller, attestations_wire.usage_from_pb(request))
        return apb.PutAlternativeUsageResponse(receipt=receipt)

    async def ListAlternativeUsage(
        self, request: apb.ListAlternativeUsageRequest, context: Context
    ) -> apb.ListAlternativeUsageResponse:
        items = await self._in_force(request.controller, AlternativeUsage)
        usages = [attestations_wire.usage_to_pb(item) for item in items]
        return apb.ListAlternativeUsageResponse(usages=usages)

    async def PutCaptureFlow(self, request: apb.PutCaptureFlowRequest, context: Context) -> apb.PutCaptureFlowResponse:
        receipt = await self._put(request.controller, attestations_wire.capture_flow_from_pb(request))
        return apb.PutCaptureFlowResponse(receipt=receipt)

    async def ListCaptureFlows(
        self, request: apb.ListCaptureFlowsRequest, context: Context
    ) -> apb.ListCaptureFlowsResponse:
        items = await self._in_force(request.controller, CaptureFlow)
        flows = [attestations_wire.capture_flow_to_pb(item) for item in items]
        return apb.ListCaptureFlowsResponse(flows=flows)

    async def PutDeployment(self, request: apb.PutDeploymentRequest, context: Context) -> apb.PutDeploymentResponse:
        receipt = await self._put(request.controller, attestations_wire.deployment_from_pb(request))
        return apb.PutDeploymentResponse(receipt=receipt)

    async def ListDeployments(
        self, request: apb.ListDeploymentsRequest, context: Context
    ) -> apb.ListDeploymentsResponse:
        items = await self._in_force(request.controller, Deployment)
        deployments = [attestations_wire.deployment_to_pb(item) for item in items]
        return apb.ListDeploymentsResponse(deployments=deployments)

    async def DestroyAssessment(
        self, request: apb.DestroyAssessmentRequest, context: Context
    ) -> apb.DestroyAssessmentResponse:
        ident = check_code("id", request.id)
        receipt = await destroying.destroy(request.controller, ident, self._desk, now=self._now(), deadline=deadline())
        return apb.DestroyAssessmentResponse(receipt=registers_wire.receipt_to_pb(receipt))

    async def _put(self, controller: str, item: Item) -> Any:
        receipt = await registers.put(controller, item, self._desk, now=self._now(), deadline=deadline())
        return registers_wire.receipt_to_pb(receipt)

    async def _in_force(self, controller: str, cls: type[I]) -> list[I]:
        return await registers.in_force(controller, cls, self._desk.registers)
