"""PermissionService: from wire, handler, to wire.

Owns: which handler serves which RPC. Never: a rule, a query, a default. Tokens, roles, controllers and statuses are the
guard's (placet.kit.grpc); who calls and until when come from `placet.kit.grpc.caller`.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc.aio

from placet.api.permission.v1 import permission_pb2 as pb
from placet.api.permission.v1 import permission_pb2_grpc, posture_pb2
from placet.kit.grpc.caller import caller, deadline
from placet.kit.grpc.peer import Thumbprint
from placet.permission.handlers import (
    authorize,
    check,
    explaining,
    legal,
    outcomes,
    posture,
)
from placet.permission.model.events import Asked
from placet.permission.model.fields import check_bytes, check_int, check_result, check_uuid
from placet.permission.pipeline import pipelined
from placet.permission.ports import Outcomes
from placet.permission.wire import events as events_wire
from placet.permission.wire import explaining as explaining_wire
from placet.permission.wire import legal as legal_wire
from placet.permission.wire import posture as posture_wire
from placet.permission.wire import registers as registers_wire

Context = grpc.aio.ServicerContext[Any, Any]
# Batches of one stream at work at once.
STREAM_DEPTH = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Desks:
    """What the handlers work with; `now` gives unix microseconds."""

    events: authorize.Desk
    legal: legal.LegalDesk
    posture: posture.PostureDesk
    outcomes: Outcomes
    now: Callable[[], int]


class PermissionServicer(permission_pb2_grpc.PermissionServiceServicer):
    """placet.api.permission.v1.PermissionService."""

    def __init__(self, desks: Desks, thumbprint: Thumbprint) -> None:
        self._desks = desks
        self._now = desks.now
        self._thumbprint = thumbprint

    async def Authorize(self, request: pb.AuthorizeRequest, context: Context) -> pb.AuthorizeResponse:
        asked = events_wire.authorize_from_pb(request, self._thumbprint(context))
        return events_wire.authorized_to_pb(await self._authorize(asked))

    async def AuthorizeBatch(self, request: pb.AuthorizeBatchRequest, context: Context) -> pb.AuthorizeBatchResponse:
        asked = events_wire.batch_from_pb(request, self._thumbprint(context))
        return events_wire.batch_to_pb(await self._authorize(asked))

    async def AuthorizeStream(
        self, request_iterator: AsyncIterator[pb.AuthorizeBatchRequest], context: Context
    ) -> AsyncIterator[pb.AuthorizeBatchResponse]:
        async def serve(request: pb.AuthorizeBatchRequest) -> pb.AuthorizeBatchResponse:
            return await self.AuthorizeBatch(request, context)

        async for answer in pipelined(request_iterator, serve, depth=STREAM_DEPTH):
            yield answer

    async def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        asked = events_wire.check_from_pb(request)
        return events_wire.checked_to_pb(
            await check.check(asked, self._desks.events, now=self._now(), deadline=deadline())
        )

    async def RecordOutcome(self, request: pb.RecordOutcomeRequest, context: Context) -> pb.RecordOutcomeResponse:
        of, result = check_int("of", request.of), check_result("result", request.result)
        await outcomes.record_outcome(request.controller, of, result, outcomes=self._desks.outcomes)
        return pb.RecordOutcomeResponse()

    async def GetPermitKeys(self, request: pb.GetPermitKeysRequest, context: Context) -> pb.GetPermitKeysResponse:
        return pb.GetPermitKeysResponse(jwks=await self._desks.events.permit_keys.jwks())

    async def RegisterApprover(
        self, request: pb.RegisterApproverRequest, context: Context
    ) -> pb.RegisterApproverResponse:
        key = check_bytes("public_key", request.public_key, 32)
        approver = await legal.register_approver(request.controller, _who(), key, self._desks.legal)
        return pb.RegisterApproverResponse(approver=approver.id)

    async def RequestLegalPermission(
        self, request: pb.RequestLegalPermissionRequest, context: Context
    ) -> pb.RequestLegalPermissionResponse:
        ident, draft = legal_wire.draft_from_pb(request)
        permission, origin = await legal.request(
            request.controller, ident, draft, _who(), self._desks.legal, deadline=deadline()
        )
        return pb.RequestLegalPermissionResponse(id=permission.id, digest=permission.draft_digest, origin=origin)

    async def ApproveLegalPermission(
        self, request: pb.ApproveLegalPermissionRequest, context: Context
    ) -> pb.ApproveLegalPermissionResponse:
        ident, approval = legal_wire.approval_from_pb(request)
        receipt, standing = await legal.approve(
            request.controller, ident, approval, _who(), self._desks.legal, now=self._now(), deadline=deadline()
        )
        return pb.ApproveLegalPermissionResponse(receipt=registers_wire.receipt_to_pb(receipt), approvals=standing)

    async def IssueLegalPermission(
        self, request: pb.IssueLegalPermissionRequest, context: Context
    ) -> pb.IssueLegalPermissionResponse:
        permission, receipt = await legal.issue(
            request.controller, check_uuid("id", request.id), self._desks.legal, now=self._now(), deadline=deadline()
        )
        receipt_pb = registers_wire.receipt_to_pb(receipt)
        return pb.IssueLegalPermissionResponse(basis=permission.basis or 0, receipt=receipt_pb)

    async def RevokeLegalPermission(
        self, request: pb.RevokeLegalPermissionRequest, context: Context
    ) -> pb.RevokeLegalPermissionResponse:
        ident, reason = legal_wire.revocation_from_pb(request)
        receipt = await legal.revoke(request.controller, ident, reason, self._desks.legal, deadline=deadline())
        return pb.RevokeLegalPermissionResponse(receipt=legal_wire.withdrawal_receipt(receipt))

    async def GetLegalPermission(
        self, request: pb.GetLegalPermissionRequest, context: Context
    ) -> pb.GetLegalPermissionResponse:
        permission = await legal.get(request.controller, check_uuid("id", request.id), self._desks.legal)
        return legal_wire.permission_to_pb(permission)

    async def GetPosture(
        self, request: posture_pb2.GetPostureRequest, context: Context
    ) -> posture_pb2.GetPostureResponse:
        language = posture_wire.language_from_pb(request)
        found = await posture.posture(request.controller, self._desks.posture, now=self._now(), deadline=deadline())
        return posture_wire.posture_to_pb(found, language)

    async def ExplainDecision(self, request: pb.ExplainDecisionRequest, context: Context) -> pb.ExplainDecisionResponse:
        decision = check_int("decision", request.decision)
        return explaining_wire.explained_to_pb(
            await explaining.explain(request.controller, decision, self._desks.events)
        )

    async def _authorize(self, asked: Asked) -> authorize.Answered:
        return await authorize.authorize(asked, self._desks.events, now=self._now(), deadline=deadline())


def _who() -> legal.Who:
    return legal.Who(actor=caller().actor, roles=caller().roles)
