"""What the rules refuse of grants, amends and withdraws, and what they write when they do not."""

from dataclasses import replace

import pytest
from fakes.evidence_drafts import HOUR, YEAR, consent, grant_approved, guardianship, legal_permission
from fakes.evidence_log import DPO, LEGAL, T0, Approver, MemoryLog
from fakes.evidence_scenes import withdrawal

from placet.evidence.admission import AlreadyEnded, admit_record
from placet.evidence.canonical import b64url
from placet.evidence.drafts import AmendDraft, RecordDraft
from placet.evidence.errors import AdmissionRefused
from placet.evidence.reasons import Refusal
from placet.evidence.terms import SECOND, EndedBy, Operation

TWIN = "AAAAAAAAAAAAAAAAAAAAAA"


def refused(log, *drafts, t=None):
    """Submit, expect a refusal, and see that nothing was appended."""
    size = log.size
    with pytest.raises(AdmissionRefused) as caught:
        log.submit(*drafts, t=t)
    assert log.size == size
    assert caught.value.reason in set(Refusal)
    assert str(caught.value)
    return caught.value.reason, caught.value.field


def test_ordinals_are_dense_and_fields_are_kept():
    log = MemoryLog()
    first, second = log.submit(consent(), consent(purposes=("payment",)))
    assert (first.basis, second.basis) == (0, 1)
    for name in ("form", "subject", "purposes", "operations", "sites", "egress", "record", "notice", "law", "imported"):
        assert getattr(first, name) == getattr(consent(), name)


@pytest.mark.parametrize(
    ("asked", "imported", "written"),
    [
        (T0 + HOUR, False, T0 + HOUR),
        (T0 - 119 * SECOND, False, T0 - 119 * SECOND),
        (T0 - 121 * SECOND, False, T0 - 120 * SECOND),
        (T0 - YEAR, True, T0 - YEAR),
    ],
)
def test_not_before_is_moved_forward_unless_imported(asked, imported, written):
    grant = MemoryLog().submit(consent(not_before=asked, imported=imported))[0]
    assert grant.not_before == written


@pytest.mark.parametrize(
    ("changes", "ok"),
    [
        ({"not_after": None}, True),
        ({"not_after": T0 + 1}, True),
        ({"not_after": T0}, False),
        ({"not_before": T0 + HOUR, "not_after": T0 + HOUR}, False),
        ({"not_before": T0 + HOUR, "not_after": T0 + HOUR + 1}, True),
        ({"not_before": T0 - YEAR, "not_after": T0 - HOUR, "imported": True}, False),
    ],
)
def test_a_grant_ends_after_it_begins_and_after_now(changes, ok):
    log = MemoryLog()
    if ok:
        assert log.submit(consent(**changes))
    else:
        assert refused(log, consent(**changes)) == (Refusal.VALIDITY, "grant.not_after")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (consent(subject=None), "subject"),
        (guardianship(subject=None), "subject"),
        (legal_permission(subject=TWIN), "subject"),
        (consent(approvals=(2,)), "approvals"),
        (guardianship(approvals=(2,)), "approvals"),
        (guardianship(purposes=("login",)), "purposes"),
        (guardianship(operations=("verify",)), "operations"),
        (guardianship(sites=("*",)), "sites"),
        (guardianship(needs=(0,)), "needs"),
        (guardianship(egress=True), "egress"),
        (guardianship(max_events=3), "max_events"),
    ],
)
def test_fields_fit_the_form(draft, field):
    assert refused(MemoryLog(), draft) == (Refusal.FORM_FIELDS, f"grant.{field}")


def test_needs_must_exist():
    assert refused(MemoryLog(), consent(needs=(0,)))[0] == Refusal.NEEDS_UNKNOWN


def test_needs_must_be_guardianships():
    log = MemoryLog()
    log.submit(consent())
    assert refused(log, consent(needs=(0,)))[0] == Refusal.NEEDS_FORM


def test_needs_must_be_of_the_same_subject():
    log = MemoryLog()
    log.submit(guardianship(subject=TWIN))
    assert refused(log, consent(needs=(0,)))[0] == Refusal.NEEDS_SUBJECT


def test_a_legal_permission_needs_no_guardianship():
    log = MemoryLog()
    log.submit(guardianship())
    assert refused(log, legal_permission(needs=(0,)))[0] == Refusal.NEEDS_SUBJECT


def test_needs_must_be_active_now():
    log = MemoryLog()
    log.submit(guardianship(), guardianship(not_after=T0 + HOUR), guardianship(not_before=T0 + 2 * HOUR))
    assert log.submit(consent(needs=(0, 1)))
    assert refused(log, consent(needs=(0, 2)))[0] == Refusal.NEEDS_INACTIVE
    log.submit(withdrawal(0))
    assert refused(log, consent(needs=(0,)))[0] == Refusal.NEEDS_INACTIVE
    assert refused(log, consent(needs=(1,)), t=T0 + HOUR)[0] == Refusal.NEEDS_INACTIVE


# Approvals of legal permissions.


def approved(log, draft, *records):
    return replace(draft, approvals=tuple(record.i for record in log.submit(*records)))


def test_two_approvers_make_a_legal_permission():
    grant = grant_approved(MemoryLog(), legal_permission())
    assert grant.approvals == (2, 3)


def test_approvals_in_the_batch_of_the_grant_are_earlier_records():
    log = MemoryLog()
    draft = legal_permission()
    granted = log.submit(LEGAL.approve(draft), DPO.approve(draft), replace(draft, approvals=(2, 3)))[-1]
    assert granted.basis == 0


def test_no_approval_is_not_enough():
    assert refused(MemoryLog(), legal_permission())[0] == Refusal.APPROVALS_MISSING


@pytest.mark.parametrize(("seconds", "ok"), [(900, True), (901, False), (None, False)])
def test_one_approval_is_enough_for_fifteen_minutes(seconds, ok):
    log = MemoryLog()
    draft = legal_permission(not_after=None if seconds is None else T0 + seconds * SECOND)
    draft = approved(log, draft, LEGAL.approve(draft))
    if ok:
        assert log.submit(draft)
    else:
        assert refused(log, draft)[0] == Refusal.APPROVALS_MISSING


def test_break_glass_without_any_approval_is_refused():
    assert refused(MemoryLog(), legal_permission(not_after=T0 + SECOND))[0] == Refusal.APPROVALS_MISSING


def test_fifteen_minutes_count_from_what_the_sequencer_writes():
    """An early `not_before` is moved to 120 s before now: 780 s from now on are the most."""
    log = MemoryLog()
    draft = legal_permission(not_before=T0 - YEAR, not_after=T0 + 781 * SECOND)
    assert refused(log, approved(log, draft, LEGAL.approve(draft)))[0] == Refusal.APPROVALS_MISSING


@pytest.mark.parametrize(
    "second",
    [
        Approver("actor-7f3a", "data_protection_officer", 2),
        Approver("actor-91c0", "legal", 2),
        Approver("actor-91c0", "data_protection_officer", 1),
    ],
    ids=["same person", "same role", "same key"],
)
def test_approvers_are_distinct_in_person_role_and_key(second):
    log = MemoryLog()
    draft = legal_permission()
    draft = approved(log, draft, LEGAL.approve(draft), second.approve(draft))
    assert refused(log, draft) == (Refusal.APPROVERS_NOT_DISTINCT, "grant.approvals")


def test_an_approval_twice_does_not_count_twice():
    log = MemoryLog()
    draft = legal_permission()
    draft = approved(log, draft, LEGAL.approve(draft), LEGAL.approve(draft))
    assert refused(log, draft)[0] == Refusal.APPROVERS_NOT_DISTINCT


@pytest.mark.parametrize("index", [0, 1, 999])
def test_an_approval_must_be_an_earlier_record_of_approval(index):
    assert refused(MemoryLog(), legal_permission(approvals=(index,)))[0] == Refusal.APPROVAL_UNKNOWN


def test_any_edit_voids_the_approvals():
    log = MemoryLog()
    draft = legal_permission()
    approvals = approved(log, draft, LEGAL.approve(draft), DPO.approve(draft)).approvals
    for edit in (
        {"purposes": ("search", "search.2")},
        {"operations": ("identify",)},
        {"sites": ("a",)},
        {"egress": True},
        {"not_after": T0 + HOUR},
        {"max_events": 5},
        {"record": b64url(bytes(32))},
        {"notice": b64url(bytes(32))},
        {"law": "cn-2024"},
        {"authority": None},
        {"imported": True},
    ):
        edited = replace(draft, approvals=approvals, **edit)
        assert refused(log, edited)[0] == Refusal.APPROVAL_OF_ANOTHER_DRAFT
    assert log.submit(replace(draft, approvals=approvals, not_before=T0 + HOUR))  # not_before is not covered


def test_an_approval_expires():
    log = MemoryLog()
    draft = legal_permission()
    draft = approved(log, draft, LEGAL.approve(draft, expires=T0 + HOUR), DPO.approve(draft))
    assert refused(log, draft, t=T0 + HOUR)[0] == Refusal.APPROVAL_EXPIRED


def test_an_approval_counts_until_it_expires():
    log = MemoryLog()
    draft = legal_permission()
    draft = approved(log, draft, LEGAL.approve(draft, expires=T0 + HOUR), DPO.approve(draft))
    assert log.submit(draft, t=T0 + HOUR - 1)


def test_an_approval_for_another_log_does_not_count():
    log = MemoryLog()
    draft = legal_permission()
    draft = approved(log, draft, LEGAL.approve(draft, origin="log.example/retailer"), DPO.approve(draft))
    assert refused(log, draft)[0] == Refusal.APPROVAL_SIGNATURE


def test_a_signature_in_another_role_does_not_count():
    log = MemoryLog()
    draft = legal_permission()
    record = LEGAL.approve(draft)
    forged = RecordDraft(type=record.type, data={**record.data, "role": "data_protection_officer"})
    assert refused(log, approved(log, draft, forged))[0] == Refusal.APPROVAL_SIGNATURE


def test_a_key_that_is_no_point_does_not_count():
    log = MemoryLog()
    draft = legal_permission()
    record = LEGAL.approve(draft)
    forged = RecordDraft(type=record.type, data={**record.data, "key": b64url(b"\xff" * 32)})
    assert refused(log, approved(log, draft, forged))[0] == Refusal.APPROVAL_SIGNATURE


def test_a_malformed_approval_in_the_log_does_not_count():
    """`check_draft` refuses such a record; one that is in a log all the same is no approval."""
    log = MemoryLog()
    log.forge(lambda at: admit_record(RecordDraft(type="permission.approved", data={"approver": "x"}), at))
    assert refused(log, legal_permission(approvals=(2,)))[0] == Refusal.APPROVAL_MALFORMED


# Amends.


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purposes": ("login", "payment")}, "purposes"),
        ({"purposes": ("marketing",)}, "purposes"),
        ({"purposes": ("login", "marketing")}, "purposes"),
        ({"purposes": ()}, "purposes"),
        ({"purposes": ("*",)}, "purposes"),
        ({"operations": (Operation.ENROL, Operation.VERIFY)}, "operations"),
        ({"operations": (Operation.EXPORT,)}, "operations"),
        ({"sites": ("branch.3",)}, "sites"),
        ({"sites": ("*",)}, "sites"),
        ({"egress": True}, "egress"),
        ({"egress": False}, "egress"),
        ({"not_after": T0 + YEAR}, "not_after"),
        ({"not_after": T0 + YEAR + 1}, "not_after"),
        ({"purposes": ("login",), "not_after": T0 + YEAR}, "not_after"),
    ],
)
def test_an_amend_only_narrows(changes, field):
    log = MemoryLog()
    log.submit(consent())
    assert refused(log, AmendDraft(basis=0, **changes)) == (Refusal.AMEND_NOT_NARROWER, f"amend.{field}")


def test_amends_narrow_what_earlier_amends_left():
    log = MemoryLog()
    log.submit(consent(purposes=("a", "b", "c"), egress=True, not_after=None))
    log.submit(AmendDraft(basis=0, purposes=("a", "b"), egress=False, not_after=T0 + HOUR))
    assert refused(log, AmendDraft(basis=0, purposes=("a", "c")))[0] == Refusal.AMEND_NOT_NARROWER
    assert refused(log, AmendDraft(basis=0, egress=False))[0] == Refusal.AMEND_NOT_NARROWER
    assert refused(log, AmendDraft(basis=0, not_after=T0 + HOUR))[0] == Refusal.AMEND_NOT_NARROWER
    assert log.submit(AmendDraft(basis=0, purposes=("b",), not_after=T0 + HOUR - 1))


def test_everything_can_be_narrowed_to_something():
    log = MemoryLog()
    log.submit(consent(purposes=("*",), operations=("*",), sites=("*",)))
    assert refused(log, AmendDraft(basis=0, sites=("*",)))[0] == Refusal.AMEND_NOT_NARROWER
    assert refused(log, AmendDraft(basis=0, sites=()))[0] == Refusal.AMEND_NOT_NARROWER
    assert log.submit(AmendDraft(basis=0, purposes=("a",), operations=(Operation.ENROL,), sites=("b",)))


def test_an_empty_amend_is_refused():
    log = MemoryLog()
    log.submit(consent())
    assert refused(log, AmendDraft(basis=0)) == (Refusal.AMEND_EMPTY, "amend")


def test_a_guardianship_can_only_be_shortened():
    log = MemoryLog()
    log.submit(guardianship())
    assert refused(log, AmendDraft(basis=0, sites=("a",)))[0] == Refusal.AMEND_NOT_NARROWER
    assert log.submit(AmendDraft(basis=0, not_after=T0 + HOUR))


def test_an_amend_needs_a_basis_that_stands():
    log = MemoryLog()
    assert refused(log, AmendDraft(basis=0, egress=False)) == (Refusal.BASIS_UNKNOWN, "amend.basis")
    log.submit(consent(egress=True))
    log.submit(withdrawal())
    assert refused(log, AmendDraft(basis=0, egress=False)) == (Refusal.BASIS_ENDED, "amend.basis")


# Withdraws.


def test_a_withdraw_ends_a_basis_once():
    log = MemoryLog()
    log.submit(consent())
    first = log.submit(withdrawal())[0]
    size = log.size
    again = replace(withdrawal(), by=EndedBy.SYSTEM, reason="other")
    assert log.submit(again) == [AlreadyEnded(index=first.i)]
    assert log.size == size + 1  # the fake writes a state all the same


def test_withdrawing_what_expired_is_not_refused():
    log = MemoryLog()
    log.submit(consent(not_after=T0 + HOUR))
    assert log.submit(withdrawal(), t=T0 + YEAR)[0].kind == "withdraw"


def test_withdrawing_the_unknown_is_refused():
    assert refused(MemoryLog(), withdrawal(4)) == (Refusal.BASIS_UNKNOWN, "withdraw.basis")
