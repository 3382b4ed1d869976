"""Bundles that must be refused: something left out, swapped, added, or signed that should never have been."""

from dataclasses import replace

import pytest
from fakes.evidence_drafts import consent, decision, event, grant_approved, guardianship, legal_permission, permit
from fakes.evidence_log import MemoryLog
from fakes.evidence_scenes import grant_entry, lawful, withdrawal

from placet.evidence.admission import admit_event, admit_record, admit_state
from placet.evidence.building import build_bundle
from placet.evidence.bundle import ProvenEntry
from placet.evidence.canonical import b64url
from placet.evidence.drafts import AmendDraft, RecordDraft, UseDraft
from placet.evidence.entries import Withdraw, encode_entry, parse_entry
from placet.evidence.errors import VerifyError
from placet.evidence.status import Status
from placet.evidence.verify import verify_bundle
from placet.evidence.words import Language, Saying, say
from placet.tlog.errors import ProofError
from placet.tlog.hashing import leaf_hash


def full_log():
    """An event under a consent that needs a guardianship, with an amend before and one after, uses, a withdrawal."""
    log = MemoryLog()
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    log.submit(AmendDraft(basis=1, purposes=("login",)))
    index = log.submit(event(basis=1, permit=permit(max_uses=3)), decision=decision())[0].i
    log.submit(UseDraft(event=index, service="vault"), UseDraft(event=index, service="vault"))
    log.submit(AmendDraft(basis=1, sites=("branch.1",)))
    log.submit(withdrawal(1))
    log.submit(event(2, basis=None), decision=decision())
    return log, index


def prove(log, index):
    return ProvenEntry(index=index, entry=log.entry(index), proof=tuple(log.inclusion(index)))


def refused(log, bundle, saying, field=None):
    with pytest.raises(VerifyError) as caught:
        verify_bundle(bundle, log.verifiers)
    assert caught.value.reason == saying
    if field is not None:
        assert caught.value.field == field
    assert say(caught.value.statement, Language.ZH_CN)
    return caught.value


def of_basis(bundle, place=0, **changes):
    bases = list(bundle.bases)
    bases[place] = replace(bases[place], **changes)
    return replace(bundle, bases=tuple(bases))


def with_status_of_entries(bundle, place=0):
    """Make the status fit the entries that are left, as a liar without the log's key would."""
    basis = bundle.bases[place]
    status = Status.at_grant(basis.status.ordinal, basis.grant.index)
    for amend in basis.amends:
        status = status.amended(leaf_hash(amend.entry))
    if basis.withdraw:
        status = status.withdrawn(leaf_hash(basis.withdraw.entry), basis.withdraw.index)
    proven = replace(basis.status, granted=status.granted, ended=status.ended, history=status.history)
    return of_basis(bundle, place, status=proven)


def test_the_full_bundle_verifies():
    log, index = full_log()
    assert verify_bundle(build_bundle(log, index), log.verifiers).verdict == "allow"


@pytest.mark.parametrize("left", ["no amend", "first amend", "last amend", "withdraw"])
def test_no_amend_and_no_withdraw_can_be_left_out(left):
    log, index = full_log()
    bundle = build_bundle(log, index)
    first, last = bundle.bases[0].amends
    short = {
        "no amend": of_basis(bundle, amends=()),
        "first amend": of_basis(bundle, amends=(last,)),
        "last amend": of_basis(bundle, amends=(first,)),
        "withdraw": of_basis(bundle, withdraw=None),
    }[left]
    refused(log, short, Saying.WRONG_STATUS)
    error = refused(log, with_status_of_entries(short), Saying.WRONG_STATUS_PROOF, "bases[0].status.proof")
    assert isinstance(error.__cause__, ProofError)
    assert "ROOT_MISMATCH" in error.diagnostics()


def test_the_end_of_a_guardianship_cannot_be_left_out():
    log = MemoryLog()
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    log.submit(withdrawal(0))
    index = log.decide(decision())
    asked = event(basis=1)
    forged = log.forge(lambda at: replace(admit_event(asked, at, log.facts, index), verdict="allow", reasons=()))[0]
    bundle = of_basis(build_bundle(log, forged.i), 1, withdraw=None)
    refused(log, bundle, Saying.WRONG_STATUS, "bases[1].status.ended")
    refused(log, with_status_of_entries(bundle, 1), Saying.WRONG_STATUS_PROOF)


def test_amends_stand_in_log_order_and_once():
    log, index = full_log()
    bundle = build_bundle(log, index)
    first, second = bundle.bases[0].amends
    for amends in ((second, first), (first, first, second)):
        refused(log, of_basis(bundle, amends=amends), Saying.WRONG_CHANGE, "bases[0].amends")


def test_changes_are_of_the_basis_itself():
    log = MemoryLog()
    log.submit(consent(), consent())
    log.submit(AmendDraft(basis=1, purposes=("login",)), withdrawal(1))
    entry = log.submit(event(), decision=decision())[0]
    bundle = build_bundle(log, entry.i)
    amend, withdraw = (prove(log, index) for index in log.changes(1))
    refused(log, of_basis(bundle, amends=(amend,)), Saying.WRONG_CHANGE, "bases[0].amends")
    refused(log, of_basis(bundle, withdraw=withdraw), Saying.WRONG_CHANGE, "bases[0].withdraw")


def test_entries_are_of_the_right_kind():
    log, index = full_log()
    bundle = build_bundle(log, index)
    other = prove(log, 2)
    refused(log, replace(bundle, event=other), Saying.WRONG_KIND, "event.entry")
    refused(log, replace(bundle, decision=other), Saying.WRONG_KIND, "decision.entry")
    refused(log, replace(bundle, uses=(other,)), Saying.WRONG_KIND, "uses[0].entry")
    refused(log, replace(bundle, state=other), Saying.WRONG_KIND, "state.entry")
    refused(log, of_basis(bundle, grant=bundle.event), Saying.WRONG_KIND, "bases[0].grant.entry")
    refused(log, of_basis(bundle, amends=(other,)), Saying.WRONG_KIND, "bases[0].amends[0].entry")
    refused(log, of_basis(bundle, withdraw=other), Saying.WRONG_KIND, "bases[0].withdraw.entry")


def test_the_decision_is_that_of_the_event():
    log, index = full_log()
    other = log.submit(event(3, basis=0), decision=decision(context={"place_class": "shop_floor"}))[0]
    bundle = replace(build_bundle(log, index), decision=prove(log, other.decision))
    refused(log, bundle, Saying.WRONG_DECISION, "decision.index")


def test_the_bases_are_those_of_the_event():
    log, index = full_log()
    bundle = build_bundle(log, index)
    own, guardian = bundle.bases
    for bases in ((), (own,), (guardian,), (guardian, own), (own, guardian, guardian), (own, own)):
        refused(log, replace(bundle, bases=bases), Saying.WRONG_BASES, "bases")
    nothing = build_bundle(log, index + 9)
    assert nothing.bases == ()
    refused(log, replace(nothing, bases=(guardian,)), Saying.WRONG_BASES, "bases")


def test_the_approvals_are_those_of_the_grant():
    log = MemoryLog()
    grant_approved(log, legal_permission())
    entry = log.submit(event(purpose="search"), decision=decision(context={"basis_form": "legal_permission"}))[0]
    bundle = build_bundle(log, entry.i)
    one, two = bundle.bases[0].approvals
    for approvals in ((), (one,), (two, one), (one, one)):
        refused(log, of_basis(bundle, approvals=approvals), Saying.WRONG_APPROVALS, "bases[0].approvals")


def test_a_legal_permission_without_its_approvals_is_refused():
    """The operator's log granted it all the same; the bundle shows that the rules would not have."""
    log = MemoryLog()
    log.forge(lambda at: grant_entry(at, form="legal_permission", subject=None))
    entry = log.submit(event(), decision=decision(context={"basis_form": "legal_permission"}))[0]
    error = refused(log, build_bundle(log, entry.i), Saying.WRONG_BY_RULES)
    assert "two approvals" in str(error)


def test_uses_are_of_the_event_and_in_order():
    log, index = full_log()
    bundle = build_bundle(log, index)
    first, second = bundle.uses
    refused(log, replace(bundle, uses=(second, first)), Saying.WRONG_USE, "uses[1]")
    refused(log, replace(bundle, uses=(first, first)), Saying.WRONG_USE, "uses[1]")
    assert verify_bundle(replace(bundle, uses=()), log.verifiers)
    assert verify_bundle(replace(bundle, uses=(second,)), log.verifiers)
    log.submit(UseDraft(event=999, service="vault"))
    stranger = replace(build_bundle(log, index), uses=(prove(log, log.size - 2),))
    refused(log, stranger, Saying.WRONG_USE, "uses[0]")


def test_an_entry_stands_where_the_bundle_says():
    log, index = full_log()
    bundle = build_bundle(log, index)
    for moved in (index + 1, index - 1, log.size, 2**53 - 1):
        refused(log, replace(bundle, event=replace(bundle.event, index=moved)), Saying.WRONG_INCLUSION, "event.proof")


def test_an_entry_says_its_own_index():
    log = MemoryLog()
    made = lawful(log)
    decided = log.decide(made.decided)
    forged = log.forge(lambda at: replace(admit_event(made.asked, at, log.facts, decided), i=3))[0]
    assert forged.i == 3
    bundle = build_bundle(log, decided + 1)
    refused(log, bundle, Saying.WRONG_INDEX, "event.entry")


def test_what_is_no_entry_is_refused():
    log = MemoryLog()
    made = lawful(log)
    entry = log.submit(made.asked, decision=made.decided)[0]
    log.entries.append(b'{"kind":"event"}')
    log.tree.append(leaf_hash(b'{"kind":"event"}'))
    log.end_batch()
    bundle = replace(build_bundle(log, entry.i), event=prove(log, log.size - 2))
    refused(log, bundle, Saying.WRONG_ENTRY, "event.entry")


def test_a_checkpoint_that_does_not_end_in_a_state_is_refused():
    log = MemoryLog()
    made = lawful(log)
    entry = log.submit(made.asked, decision=made.decided)[0]
    last_state = log.size - 1
    log.forge(lambda at: admit_record(RecordDraft(type="auditor.read", data={}), at), end=False)
    bundle = build_bundle(log, entry.i)
    refused(log, bundle, Saying.WRONG_KIND, "state.entry")
    error = refused(log, replace(bundle, state=prove(log, last_state)), Saying.WRONG_LAST_STATE, "state")
    assert "must never be signed" in str(error)


@pytest.mark.parametrize(
    ("lie", "saying"),
    [
        ({"covers": (0, 6)}, Saying.WRONG_LAST_STATE),
        ({"covers": (5, 6)}, Saying.WRONG_LAST_STATE),
        ({"covers": (4, 5)}, Saying.WRONG_LAST_STATE),
        ({"covers": (4, 7)}, Saying.WRONG_LAST_STATE),
        ({"prev_state": None}, Saying.WRONG_LAST_STATE),
        ({"prev_state": 6, "covers": (7, 6)}, Saying.WRONG_LAST_STATE),
        ({"rules": "placet/rules/2"}, Saying.WRONG_RULES_VERSION),
    ],
    ids=str,
)
def test_the_last_state_covers_up_to_itself(lie, saying):
    log = MemoryLog()
    made = lawful(log)
    decided = log.decide(made.decided)
    entry = log.forge(lambda at: admit_event(made.asked, at, log.facts, decided), end=False)[0]
    root = b64url(log.statuses.root())
    true = log.forge(lambda at: admit_state(at, prev_state=3, bases=1, status_root=root), end=False)[0]
    assert true.covers == (4, 6)
    assert verify_bundle(build_bundle(log, entry.i), log.verifiers)
    log.replace_last(replace(true, **lie))
    refused(log, build_bundle(log, entry.i), saying)


def test_the_status_is_that_of_the_entries():
    log, index = full_log()
    bundle = build_bundle(log, index)
    status = bundle.bases[0].status
    for name, value in {"ordinal": 0, "granted": 3, "ended": 9, "history": bytes(32)}.items():
        lie = of_basis(bundle, status=replace(status, **{name: value}))
        refused(log, lie, Saying.WRONG_STATUS, f"bases[0].status.{name}")
    refused(log, of_basis(bundle, status=replace(status, proof=())), Saying.WRONG_STATUS_PROOF)


def test_time_never_goes_back_between_the_entries():
    log = MemoryLog()
    made = lawful(log)
    decided = log.decide(made.decided)
    log.t -= 1
    forged = log.forge(lambda at: admit_event(made.asked, at, log.facts, decided))[0]
    error = refused(log, build_bundle(log, forged.i), Saying.WRONG_TIME)
    assert error.field == "t"


def test_neighbours_are_chained():
    log = MemoryLog()
    made = lawful(log)
    decided = log.decide(made.decided)
    forged = log.forge(lambda at: replace(admit_event(made.asked, at, log.facts, decided), prev=b64url(bytes(32))))[0]
    refused(log, build_bundle(log, forged.i), Saying.WRONG_CHAIN, "prev")


def test_a_broken_later_withdraw_is_refused():
    """It names another `by` than the rules know of: the log is not well-formed, so nothing in it is believed."""
    log, index = full_log()
    bundle = build_bundle(log, index)
    withdraw = parse_entry(bundle.bases[0].withdraw.entry)
    assert isinstance(withdraw, Withdraw)
    other = replace(bundle.bases[0].withdraw, entry=encode_entry(replace(withdraw, reason="other")))
    refused(log, of_basis(bundle, withdraw=other), Saying.WRONG_INCLUSION, "bases[0].withdraw.proof")
