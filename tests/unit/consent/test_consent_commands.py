"""Malformed requests: a typed error that names the field, before anything is looked at."""

from collections.abc import Callable
from typing import Any

import pytest
from fakes.consent_world import BANK, subject, text

from placet.api.consent.v1 import consent_pb2 as pb
from placet.consent.errors import Invalid
from placet.consent.model import commands as ask
from placet.consent.model.notices import NoticeContent
from placet.consent.wire import requests

ID = "0190b0a0-1111-7222-8333-444455556666"
HASH = bytes(range(32))


def capture(**changes: Any) -> ask.Capture:
    """Return a lawful capture from the wire with some fields changed."""
    whole: dict[str, Any] = {
        "controller": "bank",
        "id": ID,
        "subject": subject("alice"),
        "purpose": "kyc",
        "choice": pb.CHOICE_GIVEN,
        "notice_hash": HASH,
        "language": "zh-CN",
        "operations": [1, 2],
        "sites": ["branch-1"],
        "channel": pb.CHANNEL_COUNTER,
        "expression": pb.EXPRESSION_CLICK,
    }
    return requests.capture(pb.CaptureConsentRequest(**{**whole, **changes}))


def amend(**changes: Any) -> ask.Amend:
    """Return an amendment from the wire."""
    whole: dict[str, Any] = {"controller": "bank", "id": ID, "amendment": ID, "end_egress": True}
    return requests.amend(pb.AmendConsentRequest(**{**whole, **changes}))


def withdraw(**changes: Any) -> ask.Withdraw:
    """Return a withdrawal from the wire."""
    return requests.withdraw(pb.WithdrawConsentRequest(**{"controller": "bank", "id": ID, "by": 1, **changes}))


def opening(**changes: Any) -> ask.OpenGuardianship:
    """Return the opening of a guardianship from the wire."""
    whole: dict[str, Any] = {
        "controller": "bank",
        "id": ID,
        "minor": subject("child"),
        "guardian": subject("mother"),
        "kind": pb.GUARDIAN_KIND_PARENT,
        "minor_birth_date": "2015-02-28",
        "proof_sha256": HASH,
    }
    return requests.open_guardianship(pb.OpenGuardianshipRequest(**{**whole, **changes}))


def served(**changes: Any) -> ask.RecordServed:
    """Return a served-notice record from the wire."""
    whole: dict[str, Any] = {
        "controller": "bank",
        "id": ID,
        "subject": subject("alice"),
        "notice_hash": HASH,
        "language": "en",
        "channel": pb.CHANNEL_KIOSK,
        "served_at": 1,
    }
    return requests.record_served(pb.RecordNoticeServedRequest(**{**whole, **changes}))


BAD: list[tuple[Callable[..., Any], dict[str, Any], str, str]] = [
    (capture, {"controller": ""}, "controller", "FIELD_MISSING"),
    (capture, {"controller": "Bank"}, "controller", "FIELD_INVALID"),
    (capture, {"controller": "b" * 64}, "controller", "FIELD_INVALID"),
    (capture, {"id": ""}, "id", "FIELD_MISSING"),
    (capture, {"id": "1234"}, "id", "FIELD_INVALID"),
    (capture, {"id": "{" + ID + "}"}, "id", "FIELD_INVALID"),
    (capture, {"subject": b""}, "subject", "FIELD_MISSING"),
    (capture, {"subject": b"440301199001011234"}, "subject", "FIELD_INVALID"),
    (capture, {"subject": bytes(65)}, "subject", "FIELD_INVALID"),
    (capture, {"purpose": ""}, "purpose", "FIELD_MISSING"),
    (capture, {"purpose": "kyc vip"}, "purpose", "FIELD_INVALID"),
    (capture, {"purpose": "p" * 65}, "purpose", "FIELD_INVALID"),
    (capture, {"choice": 0}, "choice", "FIELD_MISSING"),
    (capture, {"choice": 9}, "choice", "FIELD_INVALID"),
    (capture, {"notice_hash": b""}, "notice_hash", "FIELD_MISSING"),
    (capture, {"notice_hash": bytes(31)}, "notice_hash", "FIELD_INVALID"),
    (capture, {"notice_served": "x"}, "notice_served", "FIELD_INVALID"),
    (capture, {"language": ""}, "language", "FIELD_MISSING"),
    (capture, {"language": "Chinese language"}, "language", "FIELD_INVALID"),
    (capture, {"operations": []}, "operations", "FIELD_MISSING"),
    (capture, {"operations": [1, 0]}, "operations[1]", "FIELD_INVALID"),
    (capture, {"operations": [99]}, "operations[0]", "FIELD_INVALID"),
    (capture, {"operations": [1, 1]}, "operations", "FIELD_INVALID"),
    (capture, {"sites": []}, "sites", "FIELD_MISSING"),
    (capture, {"sites": ["*", "a"]}, "sites", "FIELD_INVALID"),
    (capture, {"sites": ["a", "a"]}, "sites", "FIELD_INVALID"),
    (capture, {"sites": ["a", "b c"]}, "sites[1]", "FIELD_INVALID"),
    (capture, {"sites": [f"s{n}" for n in range(257)]}, "sites", "FIELD_TOO_LARGE"),
    (capture, {"not_before": -1}, "not_before", "FIELD_INVALID"),
    (capture, {"not_after": 2**60}, "not_after", "FIELD_INVALID"),
    (capture, {"not_before": 5, "not_after": 5}, "not_after", "FIELD_INVALID"),
    (capture, {"max_events": 2**53}, "max_events", "FIELD_INVALID"),
    (capture, {"channel": 0}, "channel", "FIELD_MISSING"),
    (capture, {"channel": 77}, "channel", "FIELD_INVALID"),
    (capture, {"expression": 0}, "expression", "FIELD_MISSING"),
    (capture, {"expression_evidence": bytes(5)}, "expression_evidence", "FIELD_INVALID"),
    (capture, {"alternative": "at the counter, with a card"}, "alternative", "FIELD_INVALID"),
    (capture, {"birth_date": "15.01.2013"}, "birth_date", "FIELD_INVALID"),
    (capture, {"birth_date": "2013-02-29"}, "birth_date", "FIELD_INVALID"),
    (capture, {"birth_date": "1899-12-31"}, "birth_date", "FIELD_INVALID"),
    (capture, {"guardianships": ["x"]}, "guardianships[0]", "FIELD_INVALID"),
    (capture, {"guardianships": [ID, ID.upper()]}, "guardianships", "FIELD_INVALID"),
    (capture, {"guardianships": [ID] * 9}, "guardianships", "FIELD_TOO_LARGE"),
    (capture, {"zone": "Asia/Shang hai"}, "zone", "FIELD_INVALID"),
    (capture, {"zone": "Z" * 65}, "zone", "FIELD_INVALID"),
    (amend, {"amendment": ""}, "amendment", "FIELD_MISSING"),
    (amend, {"end_egress": False}, "operations", "FIELD_MISSING"),
    (amend, {"not_after": -5}, "not_after", "FIELD_INVALID"),
    (amend, {"sites": ["a/b"]}, "sites[0]", "FIELD_INVALID"),
    (withdraw, {"by": 0}, "by", "FIELD_MISSING"),
    (withdraw, {"by": 5}, "by", "FIELD_INVALID"),
    (withdraw, {"by": 6}, "by", "FIELD_INVALID"),
    (withdraw, {"reason": "I do not like it any more."}, "reason", "FIELD_INVALID"),
    (opening, {"guardian": subject("child")}, "guardian", "FIELD_INVALID"),
    (opening, {"minor": b"x"}, "minor", "FIELD_INVALID"),
    (opening, {"kind": 0}, "kind", "FIELD_MISSING"),
    (opening, {"minor_birth_date": ""}, "minor_birth_date", "FIELD_MISSING"),
    (opening, {"proof_sha256": b"1"}, "proof_sha256", "FIELD_INVALID"),
    (served, {"served_at": 0}, "served_at", "FIELD_INVALID"),
    (served, {"device": "the screen at the door"}, "device", "FIELD_INVALID"),
    (served, {"rendered_hash": b"1"}, "rendered_hash", "FIELD_INVALID"),
]


@pytest.mark.parametrize(("make", "changes", "field", "reason"), BAD)
def test_a_malformed_field_is_named(make: Callable[..., Any], changes: dict[str, Any], field: str, reason: str) -> None:
    make()  # the request is good without the change
    with pytest.raises(Invalid) as caught:
        make(**changes)
    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert caught.value.message.endswith(".")


def test_zero_and_empty_mean_none() -> None:
    asked = capture()
    assert (asked.not_before, asked.not_after, asked.max_events) == (None, None, None)
    assert (asked.notice_served, asked.birth_date, asked.alternative) == (None, None, None)
    assert asked.zone == "Asia/Shanghai"
    assert withdraw().reason == "not_stated"


def test_lists_ascend_and_ids_are_lower_case() -> None:
    asked = capture(id=ID.upper(), operations=[2, 1], sites=["b", "a"])
    assert asked.id == ID
    assert asked.operations == ("enrol", "verify")
    assert asked.sites == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": "no code!"}, "notice.id"),
        ({"purposes": ()}, "notice.purposes"),
        ({"purposes": ("kyc", "kyc")}, "notice.purposes"),
        ({"purposes": ("kyc", "a b")}, "notice.purposes[1]"),
        ({"texts": ()}, "notice.texts"),
        ({"texts": (text(), text("zh-cn"))}, "notice.texts"),
    ],
)
def test_a_malformed_notice_is_named(changes: dict[str, Any], field: str) -> None:
    whole: dict[str, Any] = {"id": "n1", "purposes": ("kyc",), "texts": (text(),)}
    NoticeContent(**whole)
    with pytest.raises(Invalid) as caught:
        NoticeContent(**{**whole, **changes})
    assert caught.value.field == field


def test_texts_are_plain_bounded_and_in_nfc() -> None:
    assert text("en", purpose="cafe\u0301").purpose == "caf\u00e9"
    for bad, reason in (("a\x00b", "FIELD_INVALID"), ("x" * 20_001, "FIELD_TOO_LARGE"), ("\ud800", "FIELD_INVALID")):
        with pytest.raises(Invalid) as caught:
            text("en", purpose=bad)
        assert (caught.value.field, caught.value.reason) == ("notice.texts[en].purpose", reason)


def test_a_lookup_is_bounded() -> None:
    with pytest.raises(Invalid) as caught:
        ask.Lookup(controller=BANK, subjects=(), ordinals=tuple(range(1_025)))
    assert caught.value.reason == "FIELD_TOO_LARGE"
