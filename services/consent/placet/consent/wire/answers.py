"""Results of the handlers to protobuf.

Owns: the mapping; None becomes absent, or 0 where the proto says 0. `withdrawal_receipt` is placet.receipt/1.
Never: computes anything but the state of a consent at `now`.
"""

from placet.api.common.v1 import evidence_pb2
from placet.api.consent.v1 import consent_pb2 as pb
from placet.consent.handlers.amend import Amended
from placet.consent.handlers.capture import Captured
from placet.consent.handlers.guardians import GuardianshipEnd, View
from placet.consent.handlers.notices import Published
from placet.consent.handlers.withdraw import Withdrawn
from placet.consent.model.consents import Consent
from placet.consent.model.notices import Notice
from placet.consent.model.steps import Receipt
from placet.consent.model.vocabulary import Instant
from placet.consent.policy import ages
from placet.consent.wire import words
from placet.evidence import bundle


def checkpoint(receipt: Receipt) -> evidence_pb2.Checkpoint:
    """Return the checkpoint that a receipt is proven against."""
    return evidence_pb2.Checkpoint(note=receipt.checkpoint, tree_size=receipt.tree_size)


def receipt_of(receipt: Receipt) -> evidence_pb2.LedgerReceipt:
    """Return a receipt."""
    entry = evidence_pb2.ProvenEntry(
        index=receipt.index, entry=receipt.entry, leaf_hash=receipt.leaf_hash, proof=receipt.proof
    )
    return evidence_pb2.LedgerReceipt(entry=entry, checkpoint=checkpoint(receipt))


def notice(found: Notice) -> pb.Notice:
    """Return a version of a notice."""
    texts = [
        pb.NoticeText(
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
        for text in found.content.texts
    ]
    return pb.Notice(
        id=found.content.id,
        version=found.version,
        purposes=found.content.purposes,
        texts=texts,
        content_hash=found.content_hash,
        published_at=found.published_at,
    )


def published(result: Published) -> pb.PublishNoticeResponse:
    """Return the answer of PublishNotice."""
    return pb.PublishNoticeResponse(notice=notice(result.notice), receipt=receipt_of(result.receipt))


def consent(found: Consent, now: Instant, law: str) -> pb.Consent:
    """Return a consent with its state at `now`."""
    place = ages.zone("zone", found.zone)
    return pb.Consent(
        id=found.id,
        state=words.number(found.state(now)),
        purpose=found.purpose,
        operations=[words.number(one) for one in found.scope.operations],
        sites=found.scope.sites,
        egress=found.scope.egress,
        not_before=found.not_before,
        not_after=found.scope.not_after or 0,
        basis=found.basis,
        granted=found.granted,
        ended=None if found.ending is None else found.ending.index,
        notice_hash=found.notice_hash,
        guardianships=found.guarding.guardianships,
        decided_at=found.decided_at,
        max_events=found.max_events or 0,
        minor=ages.is_minor(found.birth_date, place, now, law),
    )


def captured(result: Captured, now: Instant, law: str) -> pb.CaptureConsentResponse:
    """Return the answer of CaptureConsent."""
    return pb.CaptureConsentResponse(
        consent=consent(result.consent, now, law),
        receipt=None if result.receipt is None else receipt_of(result.receipt),
        signed_receipt=result.consent.signed_receipt or "",
    )


def amended(result: Amended, now: Instant, law: str) -> pb.AmendConsentResponse:
    """Return the answer of AmendConsent."""
    return pb.AmendConsentResponse(consent=consent(result.consent, now, law), receipt=receipt_of(result.receipt))


def withdrawn(result: Withdrawn, now: Instant, law: str) -> pb.WithdrawConsentResponse:
    """Return the answer of WithdrawConsent."""
    return pb.WithdrawConsentResponse(
        consent=consent(result.consent, now, law),
        receipt=receipt_of(result.receipt),
        withdrawal_receipt=evidence(result.receipt),
    )


def evidence(receipt: Receipt) -> bytes:
    """Return a withdrawal's receipt as placet.receipt/1: what convicts a log that hides it."""
    entry = bundle.ProvenEntry(index=receipt.index, entry=receipt.entry, proof=receipt.proof)
    return bundle.format_evidence(bundle.Receipt(checkpoint=receipt.checkpoint, withdraw=entry)).encode()


def guardianship(view: View) -> pb.Guardianship:
    """Return a guardianship."""
    found = view.guardianship
    return pb.Guardianship(
        id=found.id,
        state=words.number(found.state),
        kind=words.number(found.kind),
        not_after=found.not_after,
        bases=[basis.ordinal for basis in view.bases if basis.ordinal is not None],
    )


def guardianship_end(result: GuardianshipEnd) -> pb.WithdrawGuardianshipResponse:
    """Return the answer of WithdrawGuardianship."""
    return pb.WithdrawGuardianshipResponse(
        guardianship=guardianship(result.view),
        withdrawal_receipts=[evidence(one) for one in result.receipts],
        consents=result.stopped,
        checkpoint=None if result.last is None else checkpoint(result.last),
    )
