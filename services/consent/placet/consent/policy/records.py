"""The off-log records, and the commitment under which the ledger knows them.

Owns: the content of consent, refusal and guardianship records (shape of ISO/IEC TS 27560 and the W3C DPV guide), and
the claims of the receipt that the person gets.
Never: puts face data anywhere; puts a subject reference into a receipt or an entry. Anchors: consent.md sections 2 and
4, ledger.md section 4 (what must be erasable stays off-log behind SHA-256(salt || canonical record)).
"""

from typing import Any

from placet.consent.model.commands import Capture
from placet.consent.model.consents import Consent
from placet.consent.model.guardianships import Guardianship
from placet.consent.model.notices import Notice, NoticeText
from placet.consent.model.steps import Receipt
from placet.consent.model.vocabulary import WRITTEN, Choice, Instant
from placet.evidence import canonical

SCHEMA = "placet.consent-record/1"
GUARDIANSHIP_SCHEMA = "placet.guardianship-record/1"
RECEIPT_SCHEMA = "placet.consent-receipt/1"
_JURISDICTION = {"cn-2025": "CN"}
_WITHDRAW_RPC = "placet.api.consent.v1.ConsentService/WithdrawConsent"
_WITHDRAWAL = "at the counter, by phone, or by WithdrawConsent with this record's id; no reason is asked, at no cost"


def consent_record(asked: Capture, notice: Notice, *, operator: str, at: Instant, law: str) -> dict[str, Any]:
    """Return the record of one decision; given and refused have the same fields."""
    return {
        "schema": SCHEMA,
        "record_id": asked.id,
        "subject": canonical.b64url(asked.subject),
        "law": law,
        "jurisdiction": _JURISDICTION[law],
        "controller": asked.controller,
        "recipients": [],
        "data_types": ["face_image", "face_template"],
        "purpose": asked.purpose,
        "scope": _scope(asked),
        "duration": {"not_before": asked.not_before, "not_after": asked.not_after, "max_events": asked.max_events},
        "notice": _notice(asked, notice),
        "event": _event(asked, operator, at),
        "age": _age(asked),
        "withdrawal_method": _WITHDRAWAL,
        "imported": asked.imported,
    }


def _scope(asked: Capture) -> dict[str, Any]:
    return {
        "operations": [str(operation) for operation in asked.operations],
        "sites": list(asked.sites),
        "egress": asked.egress,
        "alternative": asked.alternative,
    }


def _notice(asked: Capture, notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.content.id,
        "version": notice.version,
        "hash": canonical.b64url(asked.notice_hash),
        "language": asked.language,
        "served": asked.notice_served,
    }


def _event(asked: Capture, operator: str, at: Instant) -> dict[str, Any]:
    evidence = asked.expression_evidence
    return {
        "type": str(asked.choice),
        "at": at,
        "clock": "service",
        "expressed_by": "guardian" if asked.guardianships else "data_subject",
        "expression": str(asked.expression),
        "evidence": None if evidence is None else canonical.b64url(evidence),
        "channel": str(asked.channel),
        "operator": operator,
    }


def _age(asked: Capture) -> dict[str, Any]:
    return {
        "birth_date": None if asked.birth_date is None else asked.birth_date.isoformat(),
        "zone": asked.zone,
        "method": "stated" if asked.birth_date is not None else "stated_adult",
        "guardianships": list(asked.guardianships),
    }


def guardianship_record(guardianship: Guardianship, *, minor: bytes, guardian: bytes) -> dict[str, Any]:
    """Return the record of a confirmed guardianship; `minor` and `guardian` are subject references."""
    return {
        "schema": GUARDIANSHIP_SCHEMA,
        "record_id": guardianship.id,
        "controller": guardianship.controller,
        "minor": canonical.b64url(minor),
        "guardian": canonical.b64url(guardian),
        "kind": str(guardianship.kind),
        "minor_birth_date": guardianship.minor_birth_date.isoformat(),
        "zone": guardianship.zone,
        "proof": canonical.b64url(guardianship.proof_sha256),
        "not_after": guardianship.not_after,
        "method": "documents_seen_by_two_staff",
    }


def receipt_claims(consent: Consent, notice: Notice, receipt: Receipt, *, at: Instant, law: str) -> dict[str, Any]:
    """Return the claims of the person's receipt; `at` is the ledger's own time of the entry."""
    return {
        "iss": f"urn:placet:consent:{consent.controller}",
        "jti": consent.id,
        "iat": at // 1_000_000,
        "schema": RECEIPT_SCHEMA,
        "record_id": consent.id,
        "purpose": consent.purpose,
        "notice": {
            "hash": canonical.b64url(consent.notice_hash),
            "id": notice.content.id,
            "version": notice.version,
            "language": consent.language,
        },
        "operations": [str(operation) for operation in consent.scope.operations],
        "sites": list(consent.scope.sites),
        "egress": consent.scope.egress,
        "data_types": ["face_image", "face_template"],
        "event": _receipt_event(consent),
        "duration": _duration(consent),
        "controller": _party(consent, notice),
        "jurisdiction": _JURISDICTION[law],
        "law": law,
        "withdrawal": {"method": _WITHDRAWAL, "rpc": _WITHDRAW_RPC, "record_id": consent.id},
        "ledger": _position(consent, receipt),
    }


def _receipt_event(consent: Consent) -> dict[str, Any]:
    return {
        "type": str(consent.choice),
        "at": consent.decided_at,
        "expression": str(consent.expression),
        "written": consent.expression in WRITTEN,
        "channel": str(consent.channel),
        "by_guardian": bool(consent.guarding.guardianships),
    }


def _duration(consent: Consent) -> dict[str, Any]:
    given = consent.choice is Choice.GIVEN
    return {
        "not_before": consent.not_before if given else None,
        "not_after": consent.scope.not_after if given else None,
        "max_events": consent.max_events if given else None,
    }


def _party(consent: Consent, notice: Notice) -> dict[str, Any]:
    text = _text(notice, consent.language)
    return {"id": consent.controller, "role": "controller", "name": text.controller_name, "contact": text.contact}


def _text(notice: Notice, language: str) -> NoticeText:
    return next(text for text in notice.content.texts if text.language == language)


def _position(consent: Consent, receipt: Receipt) -> dict[str, Any]:
    return {"index": receipt.index, "leaf_hash": canonical.b64url(receipt.leaf_hash), "basis": consent.basis}
