"""The RPCs: from wire, handler, to wire.

Owns: nothing but the order of the three. The guard has checked token, role and controller before any of these runs.
Never: decides, or knows SQL or NATS.
"""

from collections.abc import Callable

from placet.api.consent.v1 import consent_pb2 as pb
from placet.api.consent.v1 import consent_pb2_grpc
from placet.consent.handlers import amend, capture, guardians, notices, withdraw
from placet.consent.model import checks
from placet.consent.model.vocabulary import ConsentId, Controller, GuardianshipId, Instant, SubjectRef
from placet.consent.ports import Ports
from placet.consent.wire import answers, requests
from placet.kit.grpc.caller import caller, deadline


def _until() -> Instant:
    return Instant(deadline())


class ConsentServicer(consent_pb2_grpc.ConsentServiceServicer):
    """`placet.api.consent.v1.ConsentService`. `clock` gives unix microseconds."""

    def __init__(self, ports: Ports, *, clock: Callable[[], int]) -> None:
        self._ports = ports
        self._clock = clock

    def _now(self) -> Instant:
        return Instant(self._clock())

    async def PublishNotice(self, request: pb.PublishNoticeRequest, context: object) -> pb.PublishNoticeResponse:
        asked = requests.publish_notice(request)
        result = await notices.publish(asked, ports=self._ports, now=self._now(), deadline=_until())
        return answers.published(result)

    async def GetNotice(self, request: pb.GetNoticeRequest, context: object) -> pb.GetNoticeResponse:
        content_hash = checks.sha256("content_hash", request.content_hash)
        found = await notices.get(Controller(request.controller), content_hash, ports=self._ports)
        return pb.GetNoticeResponse(notice=answers.notice(found))

    async def ListNotices(self, request: pb.ListNoticesRequest, context: object) -> pb.ListNoticesResponse:
        found = await notices.every(Controller(request.controller), ports=self._ports)
        return pb.ListNoticesResponse(notices=[answers.notice(one) for one in found])

    async def RecordNoticeServed(
        self, request: pb.RecordNoticeServedRequest, context: object
    ) -> pb.RecordNoticeServedResponse:
        asked = requests.record_served(request)
        ident = await notices.record_served(asked, ports=self._ports, now=self._now(), deadline=_until())
        return pb.RecordNoticeServedResponse(id=ident)

    async def CaptureConsent(self, request: pb.CaptureConsentRequest, context: object) -> pb.CaptureConsentResponse:
        asked, actor = requests.capture(request), caller().actor
        now = self._now()
        result = await capture.capture(asked, actor=actor, ports=self._ports, now=now, deadline=_until())
        return answers.captured(result, now, self._ports.law)

    async def AmendConsent(self, request: pb.AmendConsentRequest, context: object) -> pb.AmendConsentResponse:
        asked, now = requests.amend(request), self._now()
        result = await amend.amend(asked, ports=self._ports, now=now, deadline=_until())
        return answers.amended(result, now, self._ports.law)

    async def WithdrawConsent(self, request: pb.WithdrawConsentRequest, context: object) -> pb.WithdrawConsentResponse:
        asked, now = requests.withdraw(request), self._now()
        result = await withdraw.withdraw(asked, ports=self._ports, now=now, deadline=_until())
        return answers.withdrawn(result, now, self._ports.law)

    async def GetConsent(self, request: pb.GetConsentRequest, context: object) -> pb.GetConsentResponse:
        ident = ConsentId(request.id.lower())
        found = await withdraw.get(Controller(request.controller), ident, ports=self._ports)
        shown = answers.consent(found, self._now(), self._ports.law)
        return pb.GetConsentResponse(consent=shown, signed_receipt=found.signed_receipt or "")

    async def ListConsents(self, request: pb.ListConsentsRequest, context: object) -> pb.ListConsentsResponse:
        subject, now = SubjectRef(request.subject), self._now()
        found = await withdraw.of_person(Controller(request.controller), subject, ports=self._ports)
        return pb.ListConsentsResponse(consents=[answers.consent(one, now, self._ports.law) for one in found])

    async def OpenGuardianship(
        self, request: pb.OpenGuardianshipRequest, context: object
    ) -> pb.OpenGuardianshipResponse:
        asked, actor = requests.open_guardianship(request), caller().actor
        view = await guardians.open_(asked, actor=actor, ports=self._ports, now=self._now(), deadline=_until())
        return pb.OpenGuardianshipResponse(guardianship=answers.guardianship(view))

    async def ConfirmGuardianship(
        self, request: pb.ConfirmGuardianshipRequest, context: object
    ) -> pb.ConfirmGuardianshipResponse:
        asked, actor = requests.confirm_guardianship(request), caller().actor
        view = await guardians.confirm(asked, actor=actor, ports=self._ports, now=self._now(), deadline=_until())
        return pb.ConfirmGuardianshipResponse(guardianship=answers.guardianship(view))

    async def WithdrawGuardianship(
        self, request: pb.WithdrawGuardianshipRequest, context: object
    ) -> pb.WithdrawGuardianshipResponse:
        asked = requests.withdraw_guardianship(request)
        result = await guardians.withdraw(asked, ports=self._ports, now=self._now(), deadline=_until())
        return answers.guardianship_end(result)

    async def GetGuardianship(self, request: pb.GetGuardianshipRequest, context: object) -> pb.GetGuardianshipResponse:
        ident = GuardianshipId(request.id.lower())
        view = await guardians.get(Controller(request.controller), ident, ports=self._ports)
        return pb.GetGuardianshipResponse(guardianship=answers.guardianship(view))
