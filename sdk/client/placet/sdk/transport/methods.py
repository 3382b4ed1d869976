"""Every RPC that the client calls: which service answers it, its path, its messages.

Owns the table; a test compares it with the descriptors of the protos, so that no RPC is forgotten. `GetPermitKeys`,
`GetTile` and `GetNotice` are plain reads like the rest. Never calls anything.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from google.protobuf.message import Message

from placet.api.audit.v1 import audit_pb2 as audit
from placet.api.consent.v1 import consent_pb2 as consent
from placet.api.permission.v1 import attestations_pb2 as attestations
from placet.api.permission.v1 import filing_pb2 as filing
from placet.api.permission.v1 import permission_pb2 as permission
from placet.api.permission.v1 import posture_pb2 as posture
from placet.api.permission.v1 import register_pb2 as register
from placet.api.vault.v1 import vault_pb2 as vault

Q = TypeVar("Q", bound=Message)
A = TypeVar("A", bound=Message)


class Service(StrEnum):
    """Who answers; the value is the name in `Targets`."""

    CONSENT = "consent"
    PERMISSION = "permission"
    VAULT = "vault"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Method(Generic[Q, A]):
    """One RPC. `seen` tells whether its request has that field, so that its answer comes with a consistency proof."""

    service: Service
    path: str
    request: type[Q]
    answer: type[A]
    seen: bool


def _of(service: Service, name: str, request: type[Q], answer: type[A], *, interface: str = "") -> Method[Q, A]:
    seen = "seen" in request.DESCRIPTOR.fields_by_name
    interface = interface or f"{service.value.title()}Service"
    return Method(service, f"/placet.api.{service.value}.v1.{interface}/{name}", request, answer, seen)


_C, _P, _V, _A = Service.CONSENT, Service.PERMISSION, Service.VAULT, Service.AUDIT
_R = "RegisterService"

PUBLISH_NOTICE = _of(_C, "PublishNotice", consent.PublishNoticeRequest, consent.PublishNoticeResponse)
GET_NOTICE = _of(_C, "GetNotice", consent.GetNoticeRequest, consent.GetNoticeResponse)
LIST_NOTICES = _of(_C, "ListNotices", consent.ListNoticesRequest, consent.ListNoticesResponse)
RECORD_NOTICE_SERVED = _of(
    _C, "RecordNoticeServed", consent.RecordNoticeServedRequest, consent.RecordNoticeServedResponse
)
CAPTURE_CONSENT = _of(_C, "CaptureConsent", consent.CaptureConsentRequest, consent.CaptureConsentResponse)
AMEND_CONSENT = _of(_C, "AmendConsent", consent.AmendConsentRequest, consent.AmendConsentResponse)
WITHDRAW_CONSENT = _of(_C, "WithdrawConsent", consent.WithdrawConsentRequest, consent.WithdrawConsentResponse)
GET_CONSENT = _of(_C, "GetConsent", consent.GetConsentRequest, consent.GetConsentResponse)
LIST_CONSENTS = _of(_C, "ListConsents", consent.ListConsentsRequest, consent.ListConsentsResponse)
OPEN_GUARDIANSHIP = _of(_C, "OpenGuardianship", consent.OpenGuardianshipRequest, consent.OpenGuardianshipResponse)
CONFIRM_GUARDIANSHIP = _of(
    _C, "ConfirmGuardianship", consent.ConfirmGuardianshipRequest, consent.ConfirmGuardianshipResponse
)
WITHDRAW_GUARDIANSHIP = _of(
    _C, "WithdrawGuardianship", consent.WithdrawGuardianshipRequest, consent.WithdrawGuardianshipResponse
)
GET_GUARDIANSHIP = _of(_C, "GetGuardianship", consent.GetGuardianshipRequest, consent.GetGuardianshipResponse)

AUTHORIZE = _of(_P, "Authorize", permission.AuthorizeRequest, permission.AuthorizeResponse)
AUTHORIZE_BATCH = _of(_P, "AuthorizeBatch", permission.AuthorizeBatchRequest, permission.AuthorizeBatchResponse)
AUTHORIZE_STREAM = _of(_P, "AuthorizeStream", permission.AuthorizeBatchRequest, permission.AuthorizeBatchResponse)
CHECK = _of(_P, "Check", permission.CheckRequest, permission.CheckResponse)
RECORD_OUTCOME = _of(_P, "RecordOutcome", permission.RecordOutcomeRequest, permission.RecordOutcomeResponse)
EXPLAIN_DECISION = _of(_P, "ExplainDecision", permission.ExplainDecisionRequest, permission.ExplainDecisionResponse)
GET_PERMIT_KEYS = _of(_P, "GetPermitKeys", permission.GetPermitKeysRequest, permission.GetPermitKeysResponse)
REGISTER_APPROVER = _of(_P, "RegisterApprover", permission.RegisterApproverRequest, permission.RegisterApproverResponse)
REQUEST_LEGAL_PERMISSION = _of(
    _P, "RequestLegalPermission", permission.RequestLegalPermissionRequest, permission.RequestLegalPermissionResponse
)
APPROVE_LEGAL_PERMISSION = _of(
    _P, "ApproveLegalPermission", permission.ApproveLegalPermissionRequest, permission.ApproveLegalPermissionResponse
)
ISSUE_LEGAL_PERMISSION = _of(
    _P, "IssueLegalPermission", permission.IssueLegalPermissionRequest, permission.IssueLegalPermissionResponse
)
REVOKE_LEGAL_PERMISSION = _of(
    _P, "RevokeLegalPermission", permission.RevokeLegalPermissionRequest, permission.RevokeLegalPermissionResponse
)
GET_LEGAL_PERMISSION = _of(
    _P, "GetLegalPermission", permission.GetLegalPermissionRequest, permission.GetLegalPermissionResponse
)

PUT_PURPOSE = _of(_P, "PutPurpose", register.PutPurposeRequest, register.PutPurposeResponse, interface=_R)
PUT_SITE = _of(_P, "PutSite", register.PutSiteRequest, register.PutSiteResponse, interface=_R)
PUT_DEVICE = _of(_P, "PutDevice", register.PutDeviceRequest, register.PutDeviceResponse, interface=_R)
PUT_ATTESTATION = _of(
    _P, "PutAttestation", register.PutAttestationRequest, register.PutAttestationResponse, interface=_R
)
LIST_PURPOSES = _of(_P, "ListPurposes", register.ListPurposesRequest, register.ListPurposesResponse, interface=_R)
LIST_SITES = _of(_P, "ListSites", register.ListSitesRequest, register.ListSitesResponse, interface=_R)
LIST_DEVICES = _of(_P, "ListDevices", register.ListDevicesRequest, register.ListDevicesResponse, interface=_R)
PUT_ASSESSMENT = _of(
    _P, "PutAssessment", attestations.PutAssessmentRequest, attestations.PutAssessmentResponse, interface=_R
)
DESTROY_ASSESSMENT = _of(
    _P, "DestroyAssessment", attestations.DestroyAssessmentRequest, attestations.DestroyAssessmentResponse, interface=_R
)
LIST_ASSESSMENTS = _of(
    _P, "ListAssessments", attestations.ListAssessmentsRequest, attestations.ListAssessmentsResponse, interface=_R
)
PUT_INCIDENT = _of(_P, "PutIncident", attestations.PutIncidentRequest, attestations.PutIncidentResponse, interface=_R)
LIST_INCIDENTS = _of(
    _P, "ListIncidents", attestations.ListIncidentsRequest, attestations.ListIncidentsResponse, interface=_R
)
PUT_DEPLOYMENT = _of(
    _P, "PutDeployment", attestations.PutDeploymentRequest, attestations.PutDeploymentResponse, interface=_R
)
LIST_DEPLOYMENTS = _of(
    _P, "ListDeployments", attestations.ListDeploymentsRequest, attestations.ListDeploymentsResponse, interface=_R
)
PUT_CAPTURE_FLOW = _of(
    _P, "PutCaptureFlow", attestations.PutCaptureFlowRequest, attestations.PutCaptureFlowResponse, interface=_R
)
LIST_CAPTURE_FLOWS = _of(
    _P, "ListCaptureFlows", attestations.ListCaptureFlowsRequest, attestations.ListCaptureFlowsResponse, interface=_R
)
PUT_ALTERNATIVE = _of(
    _P, "PutAlternative", attestations.PutAlternativeRequest, attestations.PutAlternativeResponse, interface=_R
)
LIST_ALTERNATIVES = _of(
    _P, "ListAlternatives", attestations.ListAlternativesRequest, attestations.ListAlternativesResponse, interface=_R
)
PUT_ALTERNATIVE_USAGE = _of(
    _P,
    "PutAlternativeUsage",
    attestations.PutAlternativeUsageRequest,
    attestations.PutAlternativeUsageResponse,
    interface=_R,
)
LIST_ALTERNATIVE_USAGE = _of(
    _P,
    "ListAlternativeUsage",
    attestations.ListAlternativeUsageRequest,
    attestations.ListAlternativeUsageResponse,
    interface=_R,
)

GET_POSTURE = _of(_P, "GetPosture", posture.GetPostureRequest, posture.GetPostureResponse)

_F = "FilingService"
GET_FILING_STATUS = _of(
    _P, "GetFilingStatus", filing.GetFilingStatusRequest, filing.GetFilingStatusResponse, interface=_F
)
RECORD_FILING = _of(_P, "RecordFiling", filing.RecordFilingRequest, filing.RecordFilingResponse, interface=_F)
PUT_FILING_FACTS = _of(_P, "PutFilingFacts", filing.PutFilingFactsRequest, filing.PutFilingFactsResponse, interface=_F)
EXPORT_FILING = _of(_P, "ExportFiling", filing.ExportFilingRequest, filing.ExportFilingResponse, interface=_F)

ENROL = _of(_V, "Enrol", vault.EnrolRequest, vault.EnrolResponse)
MATCH = _of(_V, "Match", vault.MatchRequest, vault.MatchResponse)
DESTROY = _of(_V, "Destroy", vault.DestroyRequest, vault.DestroyResponse)
GET_HOLDING = _of(_V, "GetHolding", vault.GetHoldingRequest, vault.GetHoldingResponse)

CREATE_CONTROLLER = _of(_A, "CreateController", audit.CreateControllerRequest, audit.CreateControllerResponse)
CLOSE_CONTROLLER = _of(_A, "CloseController", audit.CloseControllerRequest, audit.CloseControllerResponse)
GET_CONTROLLER = _of(_A, "GetController", audit.GetControllerRequest, audit.GetControllerResponse)
GET_CHECKPOINT = _of(_A, "GetCheckpoint", audit.GetCheckpointRequest, audit.GetCheckpointResponse)
GET_CONSISTENCY = _of(_A, "GetConsistency", audit.GetConsistencyRequest, audit.GetConsistencyResponse)
GET_ENTRY = _of(_A, "GetEntry", audit.GetEntryRequest, audit.GetEntryResponse)
GET_STATUS = _of(_A, "GetStatus", audit.GetStatusRequest, audit.GetStatusResponse)
GET_BUNDLE = _of(_A, "GetBundle", audit.GetBundleRequest, audit.GetBundleResponse)
SEARCH = _of(_A, "Search", audit.SearchRequest, audit.SearchResponse)
EXPORT = _of(_A, "Export", audit.ExportRequest, audit.ExportResponse)
GET_TILE = _of(_A, "GetTile", audit.GetTileRequest, audit.GetTileResponse)
