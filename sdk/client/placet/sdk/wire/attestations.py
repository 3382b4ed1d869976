"""Assessments, incidents, deployments, capture flows, alternatives and their use, to and from protobuf."""

from placet.api.permission.v1 import attestations_pb2 as pb
from placet.sdk.ids import coded_id, micros
from placet.sdk.model.attestations import (
    Alternative,
    AlternativeUsage,
    Assessment,
    CaptureFlow,
    Deployment,
    Incident,
    MeasureAttestation,
)
from placet.sdk.wire.words import MEASURE


def assessment_to_pb(assessment: Assessment) -> pb.Assessment:
    """Return the message of an assessment; raises Invalid naming the field."""
    return pb.Assessment(
        id=coded_id("assessment.id", assessment.id),
        purposes=assessment.purposes,
        report_sha256=assessment.report_sha256,
        lawfulness=assessment.lawfulness,
        rights_impact=assessment.rights_impact,
        risks=assessment.risks,
        protection=assessment.protection,
        assessor=assessment.assessor,
        concluded_at=micros("assessment.concluded_at", assessment.concluded_at),
        valid_until=micros("assessment.valid_until", assessment.valid_until),
    )


def assessment_of(assessment: pb.Assessment) -> Assessment:
    """Return an assessment."""
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


def incident_to_pb(incident: Incident) -> pb.Incident:
    """Return the message of an incident; raises Invalid naming the field."""
    return pb.Incident(
        id=coded_id("incident.id", incident.id),
        noticed_at=micros("incident.noticed_at", incident.noticed_at),
        description=incident.description,
        report_sha256=incident.report_sha256,
    )


def incident_of(incident: pb.Incident) -> Incident:
    """Return an incident."""
    return Incident(
        id=incident.id,
        noticed_at=incident.noticed_at,
        description=incident.description,
        report_sha256=incident.report_sha256,
    )


def flow_to_pb(flow: CaptureFlow) -> pb.CaptureFlow:
    """Return the message of a capture flow; raises Invalid naming the field."""
    return pb.CaptureFlow(
        purpose=coded_id("flow.purpose", flow.purpose),
        face_is_default=flow.face_is_default,
        face_is_first=flow.face_is_first,
        refusal_equal=flow.refusal_equal,
        choice_reset_by_update=flow.choice_reset_by_update,
        evidence_sha256=flow.evidence_sha256,
        checked_at=micros("flow.checked_at", flow.checked_at),
        valid_until=micros("flow.valid_until", flow.valid_until),
    )


def flow_of(flow: pb.CaptureFlow) -> CaptureFlow:
    """Return a capture flow."""
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


def alternative_to_pb(alternative: Alternative) -> pb.Alternative:
    """Return the message of an alternative; raises Invalid naming the field."""
    return pb.Alternative(
        id=coded_id("alternative.id", alternative.id),
        name=alternative.name,
        purposes=alternative.purposes,
        in_service=alternative.in_service,
        checked_at=micros("alternative.checked_at", alternative.checked_at),
        valid_until=micros("alternative.valid_until", alternative.valid_until),
    )


def alternative_of(alternative: pb.Alternative) -> Alternative:
    """Return an alternative."""
    return Alternative(
        id=alternative.id,
        name=alternative.name,
        purposes=tuple(alternative.purposes),
        in_service=alternative.in_service,
        checked_at=alternative.checked_at,
        valid_until=alternative.valid_until or None,
    )


def usage_to_pb(usage: AlternativeUsage) -> pb.AlternativeUsage:
    """Return the message of a count; raises Invalid naming the field."""
    return pb.AlternativeUsage(
        purpose=coded_id("usage.purpose", usage.purpose),
        period=usage.period,
        face=usage.face,
        alternative=usage.alternative,
    )


def usage_of(usage: pb.AlternativeUsage) -> AlternativeUsage:
    """Return a count."""
    return AlternativeUsage(
        purpose=usage.purpose,
        period=usage.period,
        face=usage.face,
        alternative=usage.alternative,
    )


def deployment_to_pb(deployment: Deployment) -> pb.Deployment:
    """Return the message of a deployment; raises Invalid naming the field."""
    return pb.Deployment(
        id=coded_id("deployment.id", deployment.id),
        name=deployment.name,
        measures=[_measure_to_pb(f"deployment.measures[{at}]", one) for at, one in enumerate(deployment.measures)],
        retired=deployment.retired,
    )


def deployment_of(deployment: pb.Deployment) -> Deployment:
    """Return a deployment."""
    return Deployment(
        id=deployment.id,
        name=deployment.name,
        measures=tuple(_measure_of(one) for one in deployment.measures),
        retired=deployment.retired,
    )


def _measure_to_pb(field: str, one: MeasureAttestation) -> pb.MeasureAttestation:
    return pb.MeasureAttestation(
        measure=MEASURE.number(f"{field}.measure", one.measure),
        evidence_sha256=one.evidence_sha256,
        checked_at=micros(f"{field}.checked_at", one.checked_at),
        valid_until=micros(f"{field}.valid_until", one.valid_until),
    )


def _measure_of(one: pb.MeasureAttestation) -> MeasureAttestation:
    return MeasureAttestation(
        measure=MEASURE.word(one.measure),
        evidence_sha256=one.evidence_sha256,
        checked_at=one.checked_at,
        valid_until=one.valid_until,
    )
