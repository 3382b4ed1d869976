"""Assessments, incidents, deployments, capture flows, alternatives and their use, from and to protobuf.

Owns: the mapping of every field; bounds and required fields are the model's. Never: fills in what the law asks for.
"""

from placet.api.permission.v1 import attestations_pb2 as pb
from placet.permission.errors import missing
from placet.permission.model.attestations import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Incident,
    MeasureAttestation,
)
from placet.permission.wire.words import MEASURES, number_of, word


def assessment_from_pb(request: pb.PutAssessmentRequest) -> Assessment:
    """Return the assessment of a request. Raises Invalid naming `assessment.<field>`."""
    if not request.HasField("assessment"):
        raise missing("assessment", "the assessment")
    assessment = request.assessment
    return Assessment(
        id=assessment.id,
        purposes=tuple(assessment.purposes),
        report_sha256=assessment.report_sha256,
        lawfulness=assessment.lawfulness,
        rights_impact=assessment.rights_impact,
        risks=assessment.risks,
        protection=assessment.protection,
        assessor=assessment.assessor,
        concluded_at=assessment.concluded_at,
        valid_until=assessment.valid_until,
    )


def assessment_to_pb(assessment: Assessment) -> pb.Assessment:
    """Return an assessment as it travels."""
    return pb.Assessment(
        id=assessment.id,
        purposes=assessment.purposes,
        report_sha256=assessment.report_sha256,
        lawfulness=assessment.lawfulness,
        rights_impact=assessment.rights_impact,
        risks=assessment.risks,
        protection=assessment.protection,
        assessor=assessment.assessor,
        concluded_at=assessment.concluded_at,
        valid_until=assessment.valid_until,
    )


def incident_from_pb(request: pb.PutIncidentRequest) -> Incident:
    """Return the incident of a request. Raises Invalid naming `incident.<field>`."""
    if not request.HasField("incident"):
        raise missing("incident", "the incident")
    incident = request.incident
    return Incident(
        id=incident.id,
        noticed_at=incident.noticed_at,
        description=incident.description,
        report_sha256=incident.report_sha256,
    )


def incident_to_pb(incident: Incident) -> pb.Incident:
    """Return an incident as it travels."""
    return pb.Incident(
        id=incident.id,
        noticed_at=incident.noticed_at,
        description=incident.description,
        report_sha256=incident.report_sha256,
    )


def alternative_from_pb(request: pb.PutAlternativeRequest) -> Alternative:
    """Return the alternative of a request. Raises Invalid naming `alternative.<field>`."""
    if not request.HasField("alternative"):
        raise missing("alternative", "the alternative")
    alternative = request.alternative
    return Alternative(
        id=alternative.id,
        name=alternative.name,
        purposes=tuple(alternative.purposes),
        in_service=alternative.in_service,
        checked_at=alternative.checked_at,
        valid_until=alternative.valid_until,
    )


def alternative_to_pb(alternative: Alternative) -> pb.Alternative:
    """Return an alternative as it travels."""
    return pb.Alternative(
        id=alternative.id,
        name=alternative.name,
        purposes=alternative.purposes,
        in_service=alternative.in_service,
        checked_at=alternative.checked_at,
        valid_until=alternative.valid_until,
    )


def usage_from_pb(request: pb.PutAlternativeUsageRequest) -> AlternativeUsage:
    """Return the count of a request. Raises Invalid naming `usage.<field>`."""
    if not request.HasField("usage"):
        raise missing("usage", "the count")
    usage = request.usage
    return AlternativeUsage(
        purpose=usage.purpose,
        period=usage.period,
        face=usage.face,
        alternative=usage.alternative,
    )


def usage_to_pb(usage: AlternativeUsage) -> pb.AlternativeUsage:
    """Return a count as it travels."""
    return pb.AlternativeUsage(
        purpose=usage.purpose,
        period=usage.period,
        face=usage.face,
        alternative=usage.alternative,
    )


def capture_flow_from_pb(request: pb.PutCaptureFlowRequest) -> CaptureFlow:
    """Return the capture flow of a request. Raises Invalid naming `flow.<field>`."""
    if not request.HasField("flow"):
        raise missing("flow", "the capture flow")
    flow = request.flow
    return CaptureFlow(
        purpose=flow.purpose,
        face_is_default=flow.face_is_default,
        face_is_first=flow.face_is_first,
        refusal_equal=flow.refusal_equal,
        choice_reset_by_update=flow.choice_reset_by_update,
        evidence_sha256=flow.evidence_sha256,
        checked_at=flow.checked_at,
        valid_until=flow.valid_until,
    )


def capture_flow_to_pb(flow: CaptureFlow) -> pb.CaptureFlow:
    """Return a capture flow as it travels."""
    return pb.CaptureFlow(
        purpose=flow.purpose,
        face_is_default=flow.face_is_default,
        face_is_first=flow.face_is_first,
        refusal_equal=flow.refusal_equal,
        choice_reset_by_update=flow.choice_reset_by_update,
        evidence_sha256=flow.evidence_sha256,
        checked_at=flow.checked_at,
        valid_until=flow.valid_until,
    )


def deployment_from_pb(request: pb.PutDeploymentRequest) -> Deployment:
    """Return the deployment of a request. Raises Invalid naming `deployment.<field>`."""
    if not request.HasField("deployment"):
        raise missing("deployment", "the deployment")
    deployment = request.deployment
    return Deployment(
        id=deployment.id,
        name=deployment.name,
        measures=tuple(
            MeasureAttestation(
                measure=word(MEASURES, one.measure, f"deployment.measures[{at}].measure"),
                evidence_sha256=one.evidence_sha256,
                checked_at=one.checked_at,
                valid_until=one.valid_until,
            )
            for at, one in enumerate(deployment.measures)
        ),
        retired=deployment.retired,
    )


def deployment_to_pb(deployment: Deployment) -> pb.Deployment:
    """Return a deployment as it travels."""
    return pb.Deployment(
        id=deployment.id,
        name=deployment.name,
        measures=[
            pb.MeasureAttestation(
                measure=number_of(MEASURES, one.measure),  # type: ignore[arg-type]
                evidence_sha256=one.evidence_sha256,
                checked_at=one.checked_at,
                valid_until=one.valid_until,
            )
            for one in deployment.measures
        ],
        retired=deployment.retired,
    )
