"""The filing (R8): status, records, facts, and the contents to print. Every record is a proven ledger entry."""

from collections.abc import Sequence

from placet.api.permission.v1 import filing_pb2 as pb
from placet.sdk.aio.base import Area
from placet.sdk.aio.proving import prove_record
from placet.sdk.model.filings import Filing, FilingDocument, FilingFacts, FilingStatus
from placet.sdk.model.ledger import Receipt
from placet.sdk.transport import methods
from placet.sdk.vocabulary import FilingKind
from placet.sdk.wire.filings import facts_to_pb, filing_to_pb, status_of
from placet.sdk.wire.words import FILING_KIND


class Filings(Area):
    """What has to be filed with the authority, and what was. `group` names other controllers of the same company."""

    async def filing_status(
        self, *, group: Sequence[str] = (), history: bool = False, timeout: float | None = None
    ) -> FilingStatus:
        """Return how many persons are stored, what is due, when a threshold may be reached; with `history` the days.

        Raises Forbidden (CONTROLLER_FORBIDDEN) for a member of the group that the token does not name.
        """
        request = pb.GetFilingStatusRequest(controller=self.controller, group=group, history=history)
        answer = await self._session.call(methods.GET_FILING_STATUS, request, self._session.deadline(timeout))
        return status_of(answer)

    async def record_filing(self, filing: Filing, *, timeout: float | None = None) -> Receipt:
        """Record a filing, a change or an end of use, and again once it was filed; the same again changes nothing."""
        deadline = self._session.deadline(timeout)
        request = pb.RecordFilingRequest(controller=self.controller, filing=filing_to_pb(filing))
        answer = await self._session.call(methods.RECORD_FILING, request, deadline)
        return await prove_record(self._session, answer.receipt, "register.filing_put", {"filing": filing.id}, deadline)

    async def put_filing_facts(self, facts: FilingFacts, *, timeout: float | None = None) -> Receipt:
        """Register what a filing says of the controller; the whole of it, each time."""
        deadline = self._session.deadline(timeout)
        request = pb.PutFilingFactsRequest(controller=self.controller, facts=facts_to_pb(facts))
        answer = await self._session.call(methods.PUT_FILING_FACTS, request, deadline)
        return await prove_record(self._session, answer.receipt, "register.filing_facts_put", {}, deadline)

    async def export_filing(
        self,
        kind: FilingKind = FilingKind.INITIAL,
        *,
        language: str = "zh-CN",
        group: Sequence[str] = (),
        timeout: float | None = None,
    ) -> FilingDocument:
        """Return the contents of a filing as one HTML page to print (zh-CN or en), and what is missing in it."""
        number = FILING_KIND.number("kind", kind)
        request = pb.ExportFilingRequest(controller=self.controller, group=group, kind=number, language=language)
        answer = await self._session.call(methods.EXPORT_FILING, request, self._session.deadline(timeout))
        return FilingDocument(html=answer.html, missing=tuple(answer.missing))
