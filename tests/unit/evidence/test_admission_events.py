"""Every reason of `placet/rules/1` against an event, alone and together, and what must be allowed at each edge."""

import pytest
from fakes.evidence_drafts import consent, decision, event, forbidding, guardianship, permit
from fakes.evidence_log import T0, MemoryLog
from fakes.evidence_scenes import ALLOWED, EVENTS, USES, exhausted, lawful, withdrawal

from placet.evidence.admission import admit, admit_event
from placet.evidence.drafts import OutcomeDraft, RecordDraft
from placet.evidence.entries import Decision, EventPermit
from placet.evidence.errors import MissingFact
from placet.evidence.reasons import ORDER, Reason
from placet.evidence.state import LogState
from placet.evidence.terms import Verdict
from placet.evidence.view import DecisionFacts, Position


@pytest.mark.parametrize("scene", EVENTS, ids=lambda scene: scene.__name__)
def test_a_denied_event_has_all_its_reasons_and_no_permit(scene):
    log = MemoryLog()
    made = scene(log)
    entry = log.submit(made.asked, t=made.t, decision=made.decided)[0]
    assert entry.reasons == made.reasons
    assert entry.verdict == Verdict.DENY
    assert entry.permit is None


@pytest.mark.parametrize("scene", ALLOWED, ids=lambda scene: scene.__name__)
def test_what_the_rules_let_pass_is_allowed(scene):
    log = MemoryLog()
    made = scene(log)
    entry = log.submit(made.asked, t=made.t, decision=made.decided)[0]
    assert entry.reasons == ()
    assert entry.verdict == Verdict.ALLOW


def test_every_reason_has_a_scene():
    log_of = [scene(MemoryLog()) for scene in (*EVENTS, *USES)]
    assert {reason for made in log_of for reason in made.reasons} == set(Reason)


@pytest.mark.parametrize("scene", EVENTS, ids=lambda scene: scene.__name__)
def test_reasons_stand_in_the_order_of_the_rules(scene):
    reasons = scene(MemoryLog()).reasons
    assert sorted(reasons, key=ORDER.__getitem__) == list(reasons)


def test_an_allowed_event_keeps_what_was_asked_and_gets_its_place():
    log = MemoryLog()
    made = lawful(log)
    at = log.at()
    entry = log.submit(made.asked, decision=made.decided)[0]
    assert (entry.v, entry.kind, entry.i, entry.t) == (1, "event", at.i + 1, T0)  # its decision came first
    assert entry.decision == at.i
    for name in ("id", "frame", "basis", "purpose", "operation", "device", "site", "egress", "occurred", "seen"):
        assert getattr(entry, name) == getattr(made.asked, name)
    assert entry.permit == EventPermit(max_uses=1, not_after=T0 + 60_000_000)


def test_a_basis_that_does_not_exist_is_written_null():
    log = MemoryLog()
    assert log.submit(event(basis=9), decision=decision())[0].basis is None


def test_the_order_within_a_batch_decides():
    """A withdrawal and an event that arrive together: who comes first wins."""
    log = MemoryLog()
    log.submit(consent())
    before, _, after = log.submit(event(1), withdrawal(), event(2), decision=decision())
    assert before.verdict == Verdict.ALLOW
    assert after.reasons == (Reason.BASIS_WITHDRAWN,)


def test_a_denied_event_does_not_count_against_max_events():
    log = MemoryLog()
    log.submit(consent(max_events=1))
    denied, allowed, late = log.submit(event(1, site="x"), event(2), event(3), decision=decision())
    assert [denied.verdict, allowed.verdict, late.verdict] == ["deny", "allow", "deny"]
    assert late.reasons == (Reason.EVENTS_EXHAUSTED,)


def test_max_events_counts_each_basis_by_itself():
    log = MemoryLog()
    made = exhausted(log)
    log.submit(consent(max_events=1))
    entry = log.submit(event(4, basis=1), decision=made.decided)[0]
    assert entry.verdict == Verdict.ALLOW


def test_one_decision_serves_many_events():
    log = MemoryLog()
    log.submit(consent())
    one, two = log.submit(event(1), event(2, site="x"), decision=decision())
    assert one.decision == two.decision
    other = log.submit(event(3), decision=forbidding())[0]
    assert other.decision != one.decision


def test_a_decision_that_allows_in_spite_of_errors_still_denies():
    """`check_draft` refuses such a decision; a log that holds one all the same does not get it past the rules."""
    facts = DecisionFacts.of(decision_entry(verdict=Verdict.ALLOW, errors=("cn-2025/art-13:type",)))
    assert facts.against == (Reason.POLICY, Reason.POLICY_ERROR)


def test_a_context_without_the_fields_matches_no_event():
    facts = DecisionFacts.of(decision_entry(context={}))
    assert (facts.operation, facts.egress, facts.basis_form) == (None, None, None)


def decision_entry(**fields):
    draft = {"policies": (), "context": {}, "verdict": Verdict.ALLOW, "permit": (), "forbid": (), "errors": ()}
    return Decision(i=3, prev="A" * 43, t=T0, **{**draft, **fields})


def test_an_event_is_never_admitted_without_its_decision():
    log = MemoryLog()
    log.submit(consent())
    with pytest.raises(ValueError, match="decision"):
        admit(event(), log.at(), log.facts)
    with pytest.raises(MissingFact) as caught:
        admit_event(event(), log.at(), log.facts, 2)
    assert caught.value.field == "decision 2"


def test_a_view_without_a_needed_guardianship_is_a_defect_not_an_allow():
    log = MemoryLog()
    log.submit(guardianship())
    log.submit(consent(needs=(0,)))
    log.decide(decision())
    log.facts._basis.pop(0)
    with pytest.raises(MissingFact, match="needs it"):
        admit_event(event(basis=1), log.at(), log.facts, log.size - 1)


def test_outcomes_and_records_are_always_admitted():
    at = Position(i=7, t=T0, prev="A" * 43)
    outcome = admit(OutcomeDraft(of=3, result="match"), at, LogState("log.example/bank"))
    assert (outcome.kind, outcome.of, outcome.result, outcome.i) == ("outcome", 3, "match", 7)
    record = admit(RecordDraft(type="auditor.read", data={"x": 1}), at, LogState("log.example/bank"))
    assert (record.kind, record.type, record.data, record.t) == ("record", "auditor.read", {"x": 1}, T0)
    made = admit(decision(), at, LogState("log.example/bank"))
    assert (made.kind, made.verdict, made.i) == ("decision", "allow", 7)


def test_a_permit_is_given_only_when_asked_for():
    log = MemoryLog()
    log.submit(consent())
    without, with_one = log.submit(event(1), event(2, permit=permit(5, 30)), decision=decision())
    assert without.permit is None
    assert with_one.permit == EventPermit(max_uses=5, not_after=T0 + 30_000_000)
