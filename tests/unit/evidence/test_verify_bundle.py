"""Bundles that verify, and what their reports say; every reason is proven from the verifier's side too."""

from dataclasses import replace

import pytest
from fakes.evidence_drafts import (
    HOUR,
    consent,
    decision,
    event,
    forbidding,
    grant_approved,
    guardianship,
    legal_permission,
    permit,
)
from fakes.evidence_log import DPO, LEGAL, ORIGIN, T0, MemoryLog
from fakes.evidence_scenes import ALLOWED, ALLOWED_USES, EVENTS, USES, exhausted, lawful, withdrawal

from placet.evidence.admission import admit_event, admit_use
from placet.evidence.building import build_bundle
from placet.evidence.bundle import format_evidence
from placet.evidence.drafts import AmendDraft, UseDraft
from placet.evidence.errors import VerifyError
from placet.evidence.reasons import Reason
from placet.evidence.terms import Operation, Verdict
from placet.evidence.verify import Language, Verifier, verify_bundle
from placet.evidence.words import Saying
from placet.tlog.cosignature import CosignatureSigner, CosignatureVerifier
from placet.tlog.errors import NoteError
from placet.tlog.note import Signer, add_signatures
from placet.tlog.note import Verifier as NoteVerifier


def report_of(log, index, **how):
    bundle = build_bundle(log, index)
    return verify_bundle(format_evidence(bundle), log.verifiers, **how)


def sayings(statements):
    return [statement.saying for statement in statements]


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after much more"])
@pytest.mark.parametrize("scene", [*EVENTS, *ALLOWED], ids=lambda scene: scene.__name__)
def test_every_event_is_proven_from_its_bundle(scene, later):
    log = MemoryLog()
    made = scene(log)
    entry = log.submit(made.asked, t=made.t, decision=made.decided)[0]
    if later:
        for ordinal in range(log.statuses.size):
            log.submit(consent(), withdrawal(ordinal))
    report = report_of(log, entry.i)
    assert report.verdict == entry.verdict
    assert report.reasons == made.reasons
    assert (report.origin, report.size, report.index, report.basis) == (ORIGIN, log.size, entry.i, entry.basis)
    assert (Saying.ALLOWED in sayings(report.proven)) == (not made.reasons)


PROVABLE = [scene for scene in EVENTS if scene.__name__ not in ("exhausted",)]


@pytest.mark.parametrize("scene", PROVABLE, ids=lambda scene: scene.__name__)
def test_an_allow_that_the_rules_would_deny_is_refused_with_words(scene):
    log = MemoryLog()
    made = scene(log)
    log.t = max(log.t, made.t)
    index = log.decide(made.decided)
    forged = log.forge(
        lambda at: replace(admit_event(made.asked, at, log.facts, index), verdict=Verdict.ALLOW, reasons=())
    )[0]
    with pytest.raises(VerifyError) as caught:
        report_of(log, forged.i)
    assert caught.value.reason == Saying.WRONG_ALLOW
    provable = [reason for reason in made.reasons if reason != Reason.EVENTS_EXHAUSTED]
    assert f"Entry {forged.i} says allow, but the rules deny it" in str(caught.value)
    assert all(reason in str(caught.value) for reason in provable if reason != Reason.BASIS_UNKNOWN)


@pytest.mark.parametrize("scene", EVENTS, ids=lambda scene: scene.__name__)
def test_a_denial_with_other_reasons_is_refused(scene):
    """Each reason is left out, and each that does not apply is added: both are noticed, if a bundle can show it."""
    made = scene(MemoryLog())
    for reason in Reason:
        if reason == Reason.EVENTS_EXHAUSTED or reason.startswith("PERMIT"):
            continue
        log = MemoryLog()
        made = scene(log)
        log.t = max(log.t, made.t)
        index = log.decide(made.decided)
        lie = tuple(r for r in Reason if (r in made.reasons) != (r == reason))
        if not lie or {*lie} ^ {*made.reasons} == {Reason.BASIS_MISSING, Reason.BASIS_UNKNOWN}:
            continue
        forged = log.forge(
            lambda at, lie=lie, made=made, index=index, log=log: replace(
                admit_event(made.asked, at, log.facts, index), reasons=lie
            )
        )[0]
        with pytest.raises(VerifyError) as caught:
            report_of(log, forged.i)
        assert caught.value.reason == Saying.WRONG_REASONS


def test_exhaustion_that_cannot_apply_is_refused():
    log = MemoryLog()
    made = lawful(log)
    index = log.decide(made.decided)
    lie = {"verdict": Verdict.DENY, "reasons": (Reason.EVENTS_EXHAUSTED,), "permit": None}
    forged = log.forge(lambda at: replace(admit_event(made.asked, at, log.facts, index), **lie))[0]
    with pytest.raises(VerifyError) as caught:
        report_of(log, forged.i)
    assert caught.value.reason == Saying.WRONG_REASONS


def test_a_denial_without_reasons_is_refused():
    log = MemoryLog()
    made = lawful(log)
    index = log.decide(made.decided)
    lie = {"verdict": Verdict.DENY, "permit": None}
    forged = log.forge(lambda at: replace(admit_event(made.asked, at, log.facts, index), **lie))[0]
    with pytest.raises(VerifyError) as caught:
        report_of(log, forged.i)
    assert caught.value.reason == Saying.WRONG_BY_RULES


@pytest.mark.parametrize("scene", [*USES, *ALLOWED_USES], ids=lambda scene: scene.__name__)
def test_uses_are_proven_with_their_event(scene):
    log = MemoryLog()
    made = scene(log)
    use = log.submit(UseDraft(event=made.event, service="vault"), t=made.t)[0]
    if use.event is None:
        return
    report = report_of(log, use.event)
    said = [s for s in report.proven if s.saying == Saying.USE]
    assert said[-1].facts["reasons"] == made.reasons


@pytest.mark.parametrize("scene", USES[5:], ids=lambda scene: scene.__name__)
def test_a_use_that_the_rules_would_deny_is_refused(scene):
    log = MemoryLog()
    made = scene(log)
    log.t = max(log.t, made.t)
    draft = UseDraft(event=made.event, service="vault")
    lie = {"verdict": Verdict.ALLOW, "reasons": (), "n": 1}
    log.forge(lambda at: replace(admit_use(draft, at, log.facts), **lie))
    with pytest.raises(VerifyError) as caught:
        report_of(log, made.event)
    # A count that is too low is noticed as soon as the bundle holds an allowed use before it.
    assert caught.value.reason in (Saying.WRONG_ALLOW, Saying.WRONG_BY_RULES)


def test_a_use_never_has_number_zero():
    log = MemoryLog()
    made = ALLOWED_USES[0](log)
    draft = UseDraft(event=made.event, service="vault")
    log.forge(lambda at: replace(admit_use(draft, at, log.facts), n=0))
    with pytest.raises(VerifyError) as caught:
        report_of(log, made.event)
    assert caught.value.reason == Saying.WRONG_BY_RULES


# What the report says.


def test_what_a_plain_allow_proves_and_does_not():
    log = MemoryLog()
    made = lawful(log)
    entry = log.submit(made.asked._replace(seen=4), decision=made.decided)[0]
    report = report_of(log, entry.i)
    assert sayings(report.proven) == [
        Saying.CHECKPOINT,
        Saying.EVENT,
        Saying.ALLOWED,
        Saying.DECISION,
        Saying.BASIS_STOOD,
        Saying.NOTHING_LEFT_OUT,
        Saying.BRACKET,
        Saying.PERMIT,
    ]
    assert sayings(report.unproven) == [
        Saying.UNPROVEN_CONSENT,
        Saying.UNPROVEN_FACTS,
        Saying.UNPROVEN_SUBMITTED,
        Saying.UNPROVEN_STATUS_ROOT,
        Saying.UNPROVEN_USE_COUNT,
    ]
    assert "basis stood during the whole of positions 4 to 5" in report.text()
    assert "2027-01-15 08:00:00.000000 UTC" in report.text()
    assert report.text().startswith("Proven:\n- The log log.example/bank committed to 7 entries")
    chinese = report.text(Language.ZH_CN)
    assert chinese.startswith("已证明")
    assert "同意" in chinese
    assert report.said == report.says(Language.EN)
    assert report.unsaid == report.does_not_say(Language.EN)


def test_the_bracket_needs_a_basis_older_than_what_was_seen():
    log = MemoryLog()
    made = lawful(log)
    for seen in (0, 2):
        entry = log.submit(made.asked._replace(seen=seen), decision=made.decided)[0]
        assert Saying.BRACKET not in sayings(report_of(log, entry.i).proven)
    entry = log.submit(made.asked._replace(seen=3), decision=made.decided)[0]
    assert Saying.BRACKET in sayings(report_of(log, entry.i).proven)


def test_rule_7_and_use_counts_are_said_to_be_unproven():
    log = MemoryLog()
    log.submit(consent(max_events=9))
    entry = log.submit(event(permit=permit()), decision=decision())[0]
    unproven = sayings(report_of(log, entry.i).unproven)
    assert Saying.UNPROVEN_EVENT_COUNT in unproven
    assert Saying.UNPROVEN_USE_COUNT in unproven


def test_break_glass_is_said_in_capitals():
    log = MemoryLog()
    draft = legal_permission(not_after=T0 + HOUR // 4)
    grant_approved(log, draft, LEGAL)
    decided = decision(context={"basis_form": "legal_permission", "operation": "identify"})
    entry = log.submit(event(purpose="search", operation=Operation.IDENTIFY), decision=decided)[0]
    report = report_of(log, entry.i)
    assert Saying.BREAK_GLASS in sayings(report.proven)
    assert Saying.APPROVED not in sayings(report.proven)
    assert "only ONE approver (legal)" in report.text()
    assert "只有一名批准人" in report.text(Language.ZH_CN)


def legal_log():
    log = MemoryLog()
    grant_approved(log, legal_permission())
    decided = decision(context={"basis_form": "legal_permission", "operation": "identify"})
    entry = log.submit(event(purpose="search", operation=Operation.IDENTIFY), decision=decided)[0]
    return log, entry.i


def test_two_approvers_are_said_and_their_keys_unproven_unless_pinned():
    log, index = legal_log()
    report = report_of(log, index)
    assert "signed by 2 approvers" in report.text()
    assert Saying.UNPROVEN_APPROVERS in sayings(report.unproven)
    pinned = report_of(log, index, approver_keys={LEGAL.public, DPO.public})
    assert Saying.UNPROVEN_APPROVERS not in sayings(pinned.unproven)
    with pytest.raises(VerifyError) as caught:
        report_of(log, index, approver_keys={LEGAL.public})
    assert caught.value.reason == Saying.WRONG_APPROVER_KEY


def test_guardians_amends_imports_and_later_ends_are_said():
    log = MemoryLog()
    log.submit(guardianship())
    log.submit(consent(needs=(0,), imported=True))
    log.submit(AmendDraft(basis=1, purposes=("login",)))
    entry = log.submit(event(basis=1, offline=True), decision=decision())[0]
    log.submit(AmendDraft(basis=1, sites=("branch.1",)))
    log.submit(withdrawal(1), withdrawal(0))
    report = report_of(log, entry.i)
    said = sayings(report.proven)
    for saying in (Saying.GUARDIAN_STOOD, Saying.BASIS_IMPORTED, Saying.OFFLINE):
        assert saying in said
    assert said.count(Saying.BASIS_ENDED_LATER) == 2
    assert "narrowed 1 time(s)" in report.text()
    denied = log.submit(event(2, basis=1), decision=decision())[0]
    said = sayings(report_of(log, denied.i).proven)
    assert Saying.GUARDIAN_DID_NOT_STAND in said
    assert Saying.BASIS_DID_NOT_STAND in said


def test_of_several_guardians_each_is_said_to_be_active_or_not():
    log = MemoryLog()
    log.submit(guardianship(), guardianship(not_after=T0 + HOUR), guardianship(not_after=T0 + 9 * HOUR))
    log.submit(guardianship(), AmendDraft(basis=2, not_after=T0 + HOUR))
    log.submit(consent(needs=(0, 1, 2, 3)))
    log.submit(withdrawal(0))
    entry = log.submit(event(basis=4, occurred=T0 + HOUR), t=T0 + HOUR, decision=decision())[0]
    log.submit(withdrawal(3), AmendDraft(basis=1, not_after=T0 + HOUR - 1))
    report = report_of(log, entry.i)
    assert report.reasons == (Reason.GUARDIAN_WITHDRAWN, Reason.GUARDIAN_EXPIRED)
    inactive = [one.facts["ordinal"] for one in report.proven if one.saying == Saying.GUARDIAN_DID_NOT_STAND]
    active = [one.facts["ordinal"] for one in report.proven if one.saying == Saying.GUARDIAN_STOOD]
    assert (inactive, active) == ([0, 1, 2], [3])


def test_a_basis_that_stood_is_not_blamed_for_what_the_law_or_the_clock_denied():
    log = MemoryLog()
    log.submit(consent())
    forbidden = log.submit(event(1), decision=forbidding())[0]
    late = log.submit(event(2, occurred=T0 + HOUR), decision=decision())[0]
    elsewhere = log.submit(event(3, site="branch.9"), decision=forbidding())[0]
    said = [sayings(report_of(log, entry.i).proven) for entry in (forbidden, late, elsewhere)]
    assert [Saying.BASIS_STOOD in one for one in said] == [True, True, False]
    assert [Saying.BASIS_DID_NOT_STAND in one for one in said] == [False, False, True]


def test_no_basis_is_said_and_which_of_two_reasons_is_unproven():
    log = MemoryLog()
    entry = log.submit(event(basis=None), decision=decision(context={"basis_form": "none"}))[0]
    report = report_of(log, entry.i)
    assert Saying.NO_BASIS in sayings(report.proven)
    assert Saying.UNPROVEN_NAMED_BASIS in sayings(report.unproven)


def test_witnesses_are_said_once_their_key_is_pinned():
    log = MemoryLog()
    made = lawful(log)
    entry = log.submit(made.asked, decision=made.decided)[0]
    witness = CosignatureSigner.from_seed("witness.example", b"w" * 32)
    bundle = build_bundle(log, entry.i)
    cosigned = add_signatures(bundle.checkpoint, [witness.cosign(bundle.checkpoint, timestamp=1_800_000_001).line()])
    bundle = replace(bundle, checkpoint=cosigned)
    assert Saying.WITNESSED not in sayings(verify_bundle(bundle, log.verifiers).proven)
    report = verify_bundle(bundle, [*log.verifiers, CosignatureVerifier(witness.vkey)])
    assert Saying.WITNESSED in sayings(report.proven)
    assert "witness.example" in report.text()


def test_keys_are_pinned():
    log = MemoryLog()
    made = lawful(log)
    entry = log.submit(made.asked, decision=made.decided)[0]
    bundle = build_bundle(log, entry.i)
    for others in ([], [NoteVerifier(Signer.from_seed(ORIGIN, b"x" * 32).vkey)]):
        with pytest.raises(VerifyError) as caught:
            verify_bundle(bundle, others)
        assert caught.value.reason == Saying.WRONG_CHECKPOINT
        assert isinstance(caught.value.__cause__, NoteError)
        assert "UNVERIFIED" in caught.value.diagnostics()


def test_many_bundles_under_one_checkpoint_open_it_once():
    log = MemoryLog()
    log.submit(consent())
    entries = log.submit(*(event(n) for n in range(50)), decision=decision())
    opened = []

    class Counting(NoteVerifier):
        def verify(self, text, signature):
            opened.append(text)
            return super().verify(text, signature)

    verifier = Verifier([Counting(log.signer.vkey)])
    for entry in entries:
        assert verifier.verify(build_bundle(log, entry.i)).verdict == "allow"
    assert len(opened) == 1


def test_exhaustion_is_taken_from_the_log_and_checked_by_replay_only():
    """Rule 7 counts events that no bundle holds: the denial verifies, and its report names the count as unproven."""
    log = MemoryLog()
    made = exhausted(log)
    entry = log.submit(made.asked, decision=made.decided)[0]
    report = report_of(log, entry.i)
    assert report.reasons == (Reason.EVENTS_EXHAUSTED,)
    assert Saying.UNPROVEN_EVENT_COUNT in sayings(report.unproven)
