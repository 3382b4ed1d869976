"""The gRPC face of the filing: from wire, handler, to wire.

Owns: which handler serves which RPC of FilingService. Never: a rule, a query, a default. The guard has checked token,
role and the request's controller; the other controllers of a group are checked by the handler, against the token.
"""

from collections.abc import Callable
from typing import Any

import grpc.aio

from placet.api.permission.v1 import filing_pb2 as pb
from placet.api.permission.v1 import filing_pb2_grpc
from placet.kit.grpc.caller import caller, deadline
from placet.permission.filing.rules import LANGUAGES
from placet.permission.handlers import filing
from placet.permission.handlers.filing import FilingDesk
from placet.permission.wire import filing as wire
from placet.permission.wire.registers import receipt_to_pb

Context = grpc.aio.ServicerContext[Any, Any]


class FilingServicer(filing_pb2_grpc.FilingServiceServicer):
    """placet.api.permission.v1.FilingService; `now` gives unix microseconds."""

    def __init__(self, desk: FilingDesk, *, now: Callable[[], int]) -> None:
        self._desk = desk
        self._now = now

    async def GetFilingStatus(self, request: pb.GetFilingStatusRequest, context: Context) -> pb.GetFilingStatusResponse:
        controllers = filing.members(request.controller, request.group, caller().controllers)
        found = await filing.status(controllers, self._desk, now=self._now(), deadline=deadline())
        return wire.status_to_pb(found, history=request.history)

    async def RecordFiling(self, request: pb.RecordFilingRequest, context: Context) -> pb.RecordFilingResponse:
        asked = wire.filing_from_pb(request)
        receipt = await filing.record(request.controller, asked, self._desk, now=self._now(), deadline=deadline())
        return pb.RecordFilingResponse(receipt=receipt_to_pb(receipt))

    async def PutFilingFacts(self, request: pb.PutFilingFactsRequest, context: Context) -> pb.PutFilingFactsResponse:
        receipt = await filing.put_facts(
            request.controller, wire.facts_from_pb(request), self._desk, now=self._now(), deadline=deadline()
        )
        return pb.PutFilingFactsResponse(receipt=receipt_to_pb(receipt))

    async def ExportFiling(self, request: pb.ExportFilingRequest, context: Context) -> pb.ExportFilingResponse:
        controllers = filing.members(request.controller, request.group, caller().controllers)
        kind, language = wire.kind_from_pb(request), request.language or LANGUAGES[0]
        html, missing = await filing.export(
            controllers, kind, language, self._desk, now=self._now(), deadline=deadline()
        )
        return pb.ExportFilingResponse(html=html, missing=missing)
