"""Notices, consents and guardianships: a grant or withdrawal is in the ledger, and proven, once a method returns.

Ids given by the caller (`consent_id`, ...) are idempotency keys: repeat a call with the same id after a failure.
Without one a fresh UUIDv7 is made.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from placet.api.consent.v1 import consent_pb2 as pb
from placet.evidence.canonical import b64url
from placet.evidence.drafts import scope_of
from placet.evidence.entries import Amend, Grant, Withdraw
from placet.evidence.terms import Form
from placet.sdk.aio.base import Area
from placet.sdk.aio.proving import must_be, prove, prove_record, prove_withdrawal
from placet.sdk.errors import ProofError
from placet.sdk.ids import coded_id, micros, uuid_text
from placet.sdk.model.consents import (
    AmendedConsent,
    CapturedConsent,
    Consent,
    Guardianship,
    Notice,
    NoticeText,
    PublishedNotice,
    WithdrawnConsent,
    WithdrawnGuardianship,
)
from placet.sdk.model.faces import Customer
from placet.sdk.transport import methods
from placet.sdk.vocabulary import Channel, Choice, EndedBy, Expression, GuardianKind, Operation
from placet.sdk.wire.consents import (
    consent_of,
    content_hash,
    guardianship_of,
    notice_of,
    notice_to_pb,
    operations_to_pb,
)
from placet.sdk.wire.words import CHANNEL, CHOICE, ENDED_BY, EXPRESSION, GUARDIAN_KIND


class Consents(Area):
    """What people were shown, and what they decided."""

    async def publish_notice(
        self, *, notice_id: str, purposes: Iterable[str], texts: Iterable[NoticeText], timeout: float | None = None
    ) -> PublishedNotice:
        """Publish a version of a notice; the same content again gives the same version.

        Raises Precondition (NOTICE_INCOMPLETE) naming what the law asks for and the notice lacks.
        """
        deadline = self._session.deadline(timeout)
        notice = notice_to_pb(notice_id, purposes, texts)
        request = pb.PublishNoticeRequest(controller=self.controller, notice=notice)
        answer = await self._session.call(methods.PUBLISH_NOTICE, request, deadline)
        told = answer.notice
        data = {"id": notice_id, "hash": b64url(told.content_hash)}
        receipt = await prove_record(self._session, answer.receipt, "notice.published", data, deadline)
        must_be("the notice's content hash", told.content_hash, content_hash(notice), receipt)
        return PublishedNotice(notice=notice_of(told), receipt=receipt)

    async def get_notice(self, notice_hash: bytes, *, timeout: float | None = None) -> Notice:
        """Return the notice of that content hash; raises ProofError if its content has another."""
        request = pb.GetNoticeRequest(controller=self.controller, content_hash=notice_hash)
        answer = await self._session.call(methods.GET_NOTICE, request, self._session.deadline(timeout))
        if content_hash(answer.notice) != notice_hash:
            raise ProofError("PROOF_INVALID", "the notice does not have the content hash asked for")
        return notice_of(answer.notice)

    async def list_notices(self, *, timeout: float | None = None) -> tuple[Notice, ...]:
        """Return every published version of every notice."""
        request = pb.ListNoticesRequest(controller=self.controller)
        answer = await self._session.call(methods.LIST_NOTICES, request, self._session.deadline(timeout))
        return tuple(notice_of(notice) for notice in answer.notices)

    async def record_notice_served(
        self,
        *,
        customer: Customer,
        notice_hash: bytes,
        language: str,
        channel: Channel,
        device: str | None = None,
        rendered_hash: bytes = b"",
        served_at: datetime | int | None = None,
        served_id: str | UUID | None = None,
        timeout: float | None = None,
    ) -> str:
        """Record that a notice was shown to a person, before asking; returns its id for `capture_consent`."""
        moment = self._now() if served_at is None else micros("served_at", served_at)
        request = pb.RecordNoticeServedRequest(
            controller=self.controller,
            id=self._id("served_id", served_id),
            subject=self._desk.subject(customer),
            notice_hash=notice_hash,
            language=language,
            channel=CHANNEL.number("channel", channel),
            device=coded_id("device", device) if device else "",
            rendered_hash=rendered_hash,
            served_at=moment,
        )
        answer = await self._session.call(methods.RECORD_NOTICE_SERVED, request, self._session.deadline(timeout))
        return answer.id

    async def capture_consent(
        self,
        *,
        customer: Customer,
        purpose: str,
        notice_hash: bytes,
        choice: Choice = Choice.GIVEN,
        operations: Sequence[Operation],
        sites: Sequence[str] = ("*",),
        egress: bool = False,
        language: str = "zh-CN",
        channel: Channel = Channel.API,
        expression: Expression = Expression.CLICK,
        expression_evidence: bytes = b"",
        notice_served: str | UUID | None = None,
        not_before: datetime | int | None = None,
        not_after: datetime | int | None = None,
        max_events: int = 0,
        alternative: str = "",
        birth_date: date | None = None,
        zone: str = "",
        guardianships: Sequence[str] = (),
        imported: bool = False,
        consent_id: str | UUID | None = None,
        timeout: float | None = None,
    ) -> CapturedConsent:
        """Record a person's decision on ONE purpose: given (a basis from now on) or refused (no basis, equal in form).

        `sites` are ids, or `*` alone. `birth_date` None: an adult, by the capturer's statement; a minor needs
        `guardianships`. Raises Precondition (GUARDIAN_REQUIRED, NOTICE_SUPERSEDED, ...).
        """
        deadline = self._session.deadline(timeout)
        request = pb.CaptureConsentRequest(
            controller=self.controller,
            id=self._id("consent_id", consent_id),
            subject=self._desk.subject(customer),
            purpose=coded_id("purpose", purpose),
            choice=CHOICE.number("choice", choice),
            notice_hash=notice_hash,
            notice_served=uuid_text("notice_served", notice_served) if notice_served else "",
            language=language,
            operations=operations_to_pb(operations),
            sites=list(sites),
            egress=egress,
            not_before=micros("not_before", not_before),
            not_after=micros("not_after", not_after),
            max_events=max_events,
            channel=CHANNEL.number("channel", channel),
            expression=EXPRESSION.number("expression", expression),
            expression_evidence=expression_evidence,
            alternative=alternative,
            birth_date=birth_date.isoformat() if birth_date else "",
            guardianships=list(guardianships),
            imported=imported,
            zone=zone,
        )
        answer = await self._session.call(methods.CAPTURE_CONSENT, request, deadline)
        consent = consent_of(answer.consent)
        receipt = None
        if choice == Choice.GIVEN:
            expected: dict[str, object] = {
                "form": Form.CONSENT,
                "purposes": (purpose,),
                "operations": scope_of(operations),
                "sites": scope_of(sites),
                "egress": egress,
                "max_events": max_events or None,
                "notice": b64url(notice_hash),
                "imported": imported,
            }
            receipt, grant = await prove(self._session, answer.receipt, Grant, expected, deadline)
            must_be("basis and position", (consent.basis, consent.granted), (grant.basis, grant.i), receipt)
            if request.not_after:  # the service may set an earlier end (a minor's majority), never a later one
                must_be("not_after", 0 < (grant.not_after or 0) <= request.not_after, True, receipt)
            self._session.wrote(grant.i)
        return CapturedConsent(consent=consent, receipt=receipt, signed_receipt=answer.signed_receipt)

    async def amend_consent(
        self,
        consent_id: str,
        *,
        operations: Sequence[Operation] = (),
        sites: Sequence[str] = (),
        end_egress: bool = False,
        not_after: datetime | int | None = None,
        amendment_id: str | UUID | None = None,
        timeout: float | None = None,
    ) -> AmendedConsent:
        """Narrow a consent: fewer operations or sites, no egress, an earlier end. What is left out stays as it is."""
        deadline = self._session.deadline(timeout)
        request = pb.AmendConsentRequest(
            controller=self.controller,
            id=uuid_text("consent_id", consent_id),
            amendment=self._id("amendment_id", amendment_id),
            operations=operations_to_pb(operations),
            sites=list(sites),
            end_egress=end_egress,
            not_after=micros("not_after", not_after),
        )
        answer = await self._session.call(methods.AMEND_CONSENT, request, deadline)
        consent = consent_of(answer.consent)
        receipt, amend = await prove(self._session, answer.receipt, Amend, {"basis": consent.basis}, deadline)
        asked = (
            (operations, amend.operations, scope_of(operations)),
            (sites, amend.sites, scope_of(sites)),
            (end_egress, amend.egress, False),
            (request.not_after, amend.not_after, request.not_after),
        )
        for wanted, got, expected in asked:
            if wanted:
                must_be("the amended scope", got, expected, receipt)
        self._session.wrote(amend.i)
        return AmendedConsent(consent=consent, receipt=receipt)

    async def withdraw_consent(
        self,
        consent_id: str,
        *,
        by: EndedBy = EndedBy.DATA_SUBJECT,
        reason: str = "no_longer_wanted",
        timeout: float | None = None,
    ) -> WithdrawnConsent:
        """Withdraw a consent; in force once this returns, and may be repeated until it does.

        `reason` is a code, never free text. Repeated, it returns the first withdrawal's proof. Keep `evidence`.
        """
        deadline = self._session.deadline(timeout)
        request = pb.WithdrawConsentRequest(
            controller=self.controller,
            id=uuid_text("consent_id", consent_id),
            by=ENDED_BY.number("by", by),
            reason=reason,
        )
        answer = await self._session.call(methods.WITHDRAW_CONSENT, request, deadline)
        consent = consent_of(answer.consent)
        expected = {"basis": consent.basis, "i": consent.ended}
        receipt, ended = await prove(self._session, answer.receipt, Withdraw, expected, deadline)
        evidence, same = await prove_withdrawal(self._session, answer.withdrawal_receipt, deadline, basis=consent.basis)
        must_be("the withdrawal receipt", evidence.entry, receipt.entry, receipt)
        self._session.wrote(max(ended.i, same.i))
        return WithdrawnConsent(consent=consent, receipt=receipt, evidence=answer.withdrawal_receipt.decode())

    async def get_consent(self, consent_id: str, *, timeout: float | None = None) -> Consent:
        """Return a consent record as the service holds it."""
        request = pb.GetConsentRequest(controller=self.controller, id=uuid_text("consent_id", consent_id))
        answer = await self._session.call(methods.GET_CONSENT, request, self._session.deadline(timeout))
        return consent_of(answer.consent)

    async def list_consents(self, customer: Customer, *, timeout: float | None = None) -> tuple[Consent, ...]:
        """Return the consents of one person, known under the current or a former reference key."""
        deadline = self._session.deadline(timeout)
        found: dict[str, Consent] = {}
        for subject in self._desk.subjects(customer):
            request = pb.ListConsentsRequest(controller=self.controller, subject=subject)
            answer = await self._session.call(methods.LIST_CONSENTS, request, deadline)
            found |= {consent.id: consent_of(consent) for consent in answer.consents}
        return tuple(found.values())

    async def open_guardianship(
        self,
        *,
        minor: Customer,
        guardian: Customer,
        kind: GuardianKind,
        minor_birth_date: date,
        proof_sha256: bytes,
        not_after: datetime | int | None = None,
        zone: str = "",
        guardianship_id: str | UUID | None = None,
        timeout: float | None = None,
    ) -> Guardianship:
        """State that documents of guardian and minor were checked; not in force until a second person confirms.

        `proof_sha256` is over the documents seen, which are never stored.
        """
        request = pb.OpenGuardianshipRequest(
            controller=self.controller,
            id=self._id("guardianship_id", guardianship_id),
            minor=self._desk.subject(minor),
            guardian=self._desk.subject(guardian),
            kind=GUARDIAN_KIND.number("kind", kind),
            minor_birth_date=minor_birth_date.isoformat(),
            proof_sha256=proof_sha256,
            not_after=micros("not_after", not_after),
            zone=zone,
        )
        answer = await self._session.call(methods.OPEN_GUARDIANSHIP, request, self._session.deadline(timeout))
        return guardianship_of(answer.guardianship)

    async def confirm_guardianship(self, guardianship_id: str, *, timeout: float | None = None) -> Guardianship:
        """Confirm as the second person: another `sub` than the one who opened it. Raises Precondition (SAME_PERSON)."""
        request = pb.ConfirmGuardianshipRequest(
            controller=self.controller, id=uuid_text("guardianship_id", guardianship_id)
        )
        answer = await self._session.call(methods.CONFIRM_GUARDIANSHIP, request, self._session.deadline(timeout))
        return guardianship_of(answer.guardianship)

    async def get_guardianship(self, guardianship_id: str, *, timeout: float | None = None) -> Guardianship:
        """Return a guardianship as the service holds it."""
        request = pb.GetGuardianshipRequest(
            controller=self.controller, id=uuid_text("guardianship_id", guardianship_id)
        )
        answer = await self._session.call(methods.GET_GUARDIANSHIP, request, self._session.deadline(timeout))
        return guardianship_of(answer.guardianship)

    async def withdraw_guardianship(
        self,
        guardianship_id: str,
        *,
        by: EndedBy = EndedBy.GUARDIAN,
        reason: str = "no_longer_wanted",
        timeout: float | None = None,
    ) -> WithdrawnGuardianship:
        """End a guardianship: every consent that needs it stops once this returns."""
        deadline = self._session.deadline(timeout)
        request = pb.WithdrawGuardianshipRequest(
            controller=self.controller,
            id=uuid_text("guardianship_id", guardianship_id),
            by=ENDED_BY.number("by", by),
            reason=reason,
        )
        answer = await self._session.call(methods.WITHDRAW_GUARDIANSHIP, request, deadline)
        guardianship = guardianship_of(answer.guardianship)
        proven = [await prove_withdrawal(self._session, one, deadline) for one in answer.withdrawal_receipts]
        if answer.HasField("checkpoint"):
            await self._session.believe(answer.checkpoint, deadline)
        if sorted(ended.basis for _, ended in proven) != sorted(guardianship.bases):
            raise ProofError("PROOF_INVALID", "the receipts are not those of the guardianship's bases, one for each")
        return WithdrawnGuardianship(
            guardianship=guardianship,
            consents=tuple(answer.consents),
            receipts=tuple(receipt for receipt, _ in proven),
            evidence=tuple(one.decode() for one in answer.withdrawal_receipts),
        )
