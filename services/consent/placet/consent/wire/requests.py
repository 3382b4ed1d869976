"""Requests from protobuf to commands.

Owns: the mapping, one function an RPC; 0 and empty become None where the proto says so, UUIDs lower case.
Never: lets a value through that a command's constructor did not check.
"""

from datetime import date

from placet.api.consent.v1 import consent_pb2 as pb
from placet.consent.model import checks
from placet.consent.model import commands as ask
from placet.consent.model.notices import NoticeContent, NoticeText
from placet.consent.model.vocabulary import (
    DEFAULT_ZONE,
    Channel,
    Choice,
    ConsentId,
    Controller,
    EndedBy,
    Expression,
    GuardianKind,
    GuardianshipId,
    Instant,
    Operation,
    ServedId,
    SubjectRef,
)
from placet.consent.wire import words


def _instant(value: int) -> Instant | None:
    return None if value == 0 else Instant(value)


def _zone(value: str) -> str:
    return value or DEFAULT_ZONE


def _birth(field: str, value: str) -> date | None:
    return checks.birth_date(field, value) if value else None


def publish_notice(request: pb.PublishNoticeRequest) -> ask.PublishNotice:
    """Return the command of PublishNotice."""
    notice = request.notice
    texts = tuple(
        NoticeText(
            language=text.language,
            title=text.title,
            controller_name=text.controller_name,
            contact=text.contact,
            purpose=text.purpose,
            method=text.method,
            retention=text.retention,
            necessity=text.necessity,
            impact=text.impact,
            rights=text.rights,
        )
        for text in notice.texts
    )
    content = NoticeContent(id=notice.id, purposes=tuple(notice.purposes), texts=texts)
    return ask.PublishNotice(controller=Controller(request.controller), content=content)


def record_served(request: pb.RecordNoticeServedRequest) -> ask.RecordServed:
    """Return the command of RecordNoticeServed."""
    return ask.RecordServed(
        controller=Controller(request.controller),
        id=ServedId(request.id.lower()),
        subject=SubjectRef(request.subject),
        notice_hash=request.notice_hash,
        language=request.language,
        channel=checks.chosen("channel", words.word("channel", Channel, request.channel)),
        device=request.device or None,
        rendered_hash=request.rendered_hash or None,
        served_at=Instant(request.served_at),
    )


def capture(request: pb.CaptureConsentRequest) -> ask.Capture:
    """Return the command of CaptureConsent."""
    return ask.Capture(
        controller=Controller(request.controller),
        id=ConsentId(request.id.lower()),
        subject=SubjectRef(request.subject),
        purpose=request.purpose,
        choice=checks.chosen("choice", words.word("choice", Choice, request.choice)),
        notice_hash=request.notice_hash,
        notice_served=ServedId(request.notice_served.lower()) if request.notice_served else None,
        language=request.language,
        operations=words.all_words("operations", Operation, request.operations),
        sites=tuple(request.sites),
        egress=request.egress,
        not_before=_instant(request.not_before),
        not_after=_instant(request.not_after),
        max_events=request.max_events or None,
        channel=checks.chosen("channel", words.word("channel", Channel, request.channel)),
        expression=checks.chosen("expression", words.word("expression", Expression, request.expression)),
        expression_evidence=request.expression_evidence or None,
        alternative=request.alternative or None,
        birth_date=_birth("birth_date", request.birth_date),
        guardianships=tuple(GuardianshipId(one.lower()) for one in request.guardianships),
        imported=request.imported,
        zone=_zone(request.zone),
    )


def amend(request: pb.AmendConsentRequest) -> ask.Amend:
    """Return the command of AmendConsent."""
    return ask.Amend(
        controller=Controller(request.controller),
        id=ConsentId(request.id.lower()),
        amendment=request.amendment.lower(),
        operations=words.all_words("operations", Operation, request.operations),
        sites=tuple(request.sites),
        end_egress=request.end_egress,
        not_after=_instant(request.not_after),
    )


def withdraw(request: pb.WithdrawConsentRequest) -> ask.Withdraw:
    """Return the command of WithdrawConsent."""
    return ask.Withdraw(
        controller=Controller(request.controller),
        id=ConsentId(request.id.lower()),
        by=checks.chosen("by", words.word("by", EndedBy, request.by)),
        reason=request.reason or ask.NO_REASON,
    )


def open_guardianship(request: pb.OpenGuardianshipRequest) -> ask.OpenGuardianship:
    """Return the command of OpenGuardianship."""
    return ask.OpenGuardianship(
        controller=Controller(request.controller),
        id=GuardianshipId(request.id.lower()),
        minor=SubjectRef(request.minor),
        guardian=SubjectRef(request.guardian),
        kind=checks.chosen("kind", words.word("kind", GuardianKind, request.kind)),
        minor_birth_date=checks.birth_date("minor_birth_date", request.minor_birth_date),
        proof_sha256=request.proof_sha256,
        not_after=_instant(request.not_after),
        zone=_zone(request.zone),
    )


def confirm_guardianship(request: pb.ConfirmGuardianshipRequest) -> ask.ConfirmGuardianship:
    """Return the command of ConfirmGuardianship."""
    return ask.ConfirmGuardianship(controller=Controller(request.controller), id=GuardianshipId(request.id.lower()))


def withdraw_guardianship(request: pb.WithdrawGuardianshipRequest) -> ask.WithdrawGuardianship:
    """Return the command of WithdrawGuardianship."""
    return ask.WithdrawGuardianship(
        controller=Controller(request.controller),
        id=GuardianshipId(request.id.lower()),
        by=checks.chosen("by", words.word("by", EndedBy, request.by)),
        reason=request.reason or ask.NO_REASON,
    )
