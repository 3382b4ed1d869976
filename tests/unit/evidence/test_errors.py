"""Errors are shown with their reason, their field and what they rest on."""

import pytest
from fakes.evidence_drafts import consent, decision
from fakes.evidence_log import Approver, MemoryLog

from placet.evidence.drafts import check_draft
from placet.evidence.errors import EvidenceError, FieldError, VerifyError
from placet.evidence.replay import Replay
from placet.evidence.words import Saying, Statement
from placet.tlog.errors import NoteError


def refusal():
    return VerifyError("event", Statement(saying=Saying.WRONG_INDEX, facts={"index": 1, "claimed": 2}))


def test_a_field_error_names_its_field():
    error = FieldError("event.id", "must be a UUID")
    assert isinstance(error, EvidenceError)
    assert error.diagnostics() == "FIELD_INVALID (event.id): must be a UUID"


def test_a_refusal_without_a_cause_is_one_line():
    assert refusal().diagnostics() == "WRONG_INDEX (event): Entry 1 says of itself that it is entry 2."


@pytest.mark.parametrize("cause", [NoteError("NOTE", "torn", field="note"), FieldError("x", "torn")])
def test_a_refusal_shows_its_cause(cause):
    error = refusal()
    error.__cause__ = cause
    assert error.diagnostics().splitlines()[1].endswith("torn")


def test_a_foreign_cause_is_not_shown():
    error = refusal()
    error.__cause__ = RuntimeError("secret")
    assert "secret" not in error.diagnostics()


def test_numbers_and_booleans_are_facts_of_a_context():
    check_draft(decision(context={"gallery_size": 100, "sign_valid": True}))


def test_random_actor_ids_may_begin_with_any_letter_of_base64url():
    for name in ("-kZ", "_kZ", "9kZ"):
        check_draft(Approver(name, "legal", 1).approve(consent()))


def test_replay_tells_the_status_of_a_basis():
    log = MemoryLog()
    log.submit(consent())
    replayed = Replay(log.origin)
    for data in log.entries:
        replayed.feed(data)
    assert replayed.status(0) == log.status[0]
    assert replayed.status(1) is None
