"""Replaying a whole log: an honest one passes, a log with any lie in it is refused at the entry that lies."""

from dataclasses import replace

import pytest
from fakes.evidence_drafts import HASH, HOUR, consent, decision, event, guardianship, permit
from fakes.evidence_log import ORIGIN, T0, MemoryLog
from fakes.evidence_scenes import ALLOWED, ALLOWED_USES, EVENTS, USES, grant_entry, permitted, placed, withdrawal

from placet.evidence.admission import admit_event, admit_record, admit_state, admit_use
from placet.evidence.canonical import b64url
from placet.evidence.drafts import AmendDraft, OutcomeDraft, RecordDraft, UseDraft
from placet.evidence.entries import (
    Amend,
    EventPermit,
    Outcome,
    Record,
    State,
    Withdraw,
    encode_entry,
    parse_entry,
)
from placet.evidence.errors import MissingFact, ReplayError
from placet.evidence.reasons import Reason
from placet.evidence.replay import Replay, readmit
from placet.evidence.state import LogState
from placet.evidence.terms import EndedBy, Form, Operation, Verdict
from placet.evidence.view import EventFacts


def replay(log, **how):
    replayed = Replay(log.origin, **how)
    for data in log.entries:
        replayed.feed(data)
    return replayed


def refused(log, index=None):
    with pytest.raises(ReplayError) as caught:
        replay(log)
    if index is not None:
        assert caught.value.index == index
    assert f"entry {caught.value.index}" in caught.value.diagnostics()
    return caught.value.reason


@pytest.mark.parametrize("scene", [*EVENTS, *ALLOWED], ids=lambda scene: scene.__name__)
def test_every_scene_replays(scene):
    log = MemoryLog()
    made = scene(log)
    log.submit(made.asked, t=made.t, decision=made.decided)
    replayed = replay(log)
    assert replayed.root() == log.tree.root()
    assert replayed.statuses.root() == log.statuses.root()
    assert replayed.size == log.size
    assert replayed.complete


@pytest.mark.parametrize("scene", [*USES, *ALLOWED_USES], ids=lambda scene: scene.__name__)
def test_every_use_replays(scene):
    log = MemoryLog()
    made = scene(log)
    log.submit(UseDraft(event=made.event, service="vault"), OutcomeDraft(of=made.event, result="match"), t=made.t)
    assert replay(log).root() == log.tree.root()


@pytest.mark.parametrize("scene", EVENTS, ids=lambda scene: scene.__name__)
def test_a_log_that_allows_what_the_rules_deny_is_refused(scene):
    log = MemoryLog()
    made = scene(log)
    log.t = max(log.t, made.t)
    index = log.decide(made.decided)
    forged = log.forge(
        lambda at: replace(admit_event(made.asked, at, log.facts, index), verdict=Verdict.ALLOW, reasons=())
    )
    assert refused(log, forged[0].i) == "NOT_BY_THE_RULES"


@pytest.mark.parametrize("scene", USES, ids=lambda scene: scene.__name__)
def test_a_log_that_allows_a_use_that_the_rules_deny_is_refused(scene):
    log = MemoryLog()
    made = scene(log)
    draft = UseDraft(event=made.event, service="vault")
    log.t = max(log.t, made.t)
    forged = log.forge(lambda at: replace(admit_use(draft, at, log.facts), verdict=Verdict.ALLOW, reasons=()))
    assert refused(log, forged[0].i) == "NOT_BY_THE_RULES"


@pytest.mark.parametrize(
    "lie",
    [
        {"verdict": Verdict.DENY},
        {"verdict": Verdict.DENY, "permit": None},
        {"reasons": (Reason.POLICY,)},
        {"verdict": Verdict.DENY, "reasons": (Reason.POLICY,), "permit": None},
        {"verdict": Verdict.DENY, "reasons": (Reason.EVENTS_EXHAUSTED,), "permit": None},
        {"verdict": Verdict.DENY, "reasons": (Reason.BASIS_UNKNOWN,), "permit": None, "basis": None},
        {"basis": 1},
        {"decision": 2},
        {"decision": 99},
        {"permit": EventPermit(max_uses=1, not_after=T0 - 1)},
        {"v": 2},
    ],
    ids=str,
)
def test_any_other_verdict_than_the_rules_is_refused(lie):
    log = MemoryLog()
    log.submit(consent())
    index = log.decide(decision())
    made = event(permit=permit())
    forged = log.forge(lambda at: replace(admit_event(made, at, log.facts, index), **lie))
    assert refused(log, forged[0].i)


@pytest.mark.parametrize("lie", [{"n": 0}, {"n": 2}, {"event": None}, {"event": 2}], ids=str)
def test_any_other_use_than_the_rules_is_refused(lie):
    log = MemoryLog()
    index = permitted(log)
    draft = UseDraft(event=index, service="vault")
    forged = log.forge(lambda at: replace(admit_use(draft, at, log.facts), **lie))
    assert refused(log, forged[0].i) == "NOT_BY_THE_RULES"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"form": Form.LEGAL_PERMISSION, "subject": None}, "APPROVALS_MISSING"),
        ({"needs": (4,)}, "NEEDS_UNKNOWN"),
        ({"subject": None}, "FORM_FIELDS"),
        ({"not_after": T0}, "VALIDITY"),
        ({"not_before": T0 - HOUR}, "NOT_BY_THE_RULES"),
    ],
)
def test_a_grant_that_the_rules_refuse_is_refused(changes, reason):
    log = MemoryLog()
    log.forge(lambda at: grant_entry(at, **changes))
    assert refused(log, 2) == reason


def test_a_grant_with_another_ordinal_is_refused():
    log = MemoryLog()
    log.submit(consent())
    log.statuses.put(log.status[0])
    log.forge(lambda at: replace(grant_entry(at), basis=0))
    assert refused(log, 4) == "NOT_BY_THE_RULES"


def test_changes_that_the_rules_refuse_are_refused():
    wider = {"purposes": ("login", "payment", "z"), "operations": None, "sites": None, "egress": None}
    log = MemoryLog()
    log.submit(consent())
    log.forge(lambda at: Amend(**placed(at), basis=0, not_after=None, **wider))
    assert refused(log, 4) == "AMEND_NOT_NARROWER"


def test_a_second_withdraw_is_refused():
    log = MemoryLog()
    log.submit(consent())
    log.submit(withdrawal())
    log.forge(lambda at: Withdraw(**placed(at), basis=0, by=EndedBy.SYSTEM, reason="x"))
    assert refused(log, 6) == "BASIS_ENDED"


def test_a_false_status_root_is_refused():
    """The lie that a bundle cannot show: a withdrawn basis kept alive in the status tree."""
    log = MemoryLog()
    log.submit(consent())
    alive = b64url(log.statuses.root())
    log.submit(consent())
    both_alive = b64url(log.statuses.root())
    assert alive != both_alive
    log.forge(lambda at: Withdraw(**placed(at), basis=0, by=EndedBy.SYSTEM, reason="x"), end=False)
    log.end_batch(status_root=both_alive)
    assert refused(log, 7) == "STATUS_ROOT"


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"bases": 2}, "STATE"),
        ({"prev_state": None, "covers": (0, 3)}, "STATE"),
        ({"prev_state": 0, "covers": (1, 3)}, "STATE"),
        ({"covers": (1, 3)}, "NOT_BY_THE_RULES"),
        ({"covers": (2, 4)}, "NOT_BY_THE_RULES"),
        ({"rules": "placet/rules/2"}, "NOT_BY_THE_RULES"),
        ({"status_root": HASH}, "STATUS_ROOT"),
    ],
)
def test_a_false_state_is_refused(lie, reason):
    log = MemoryLog()
    log.submit(consent())
    state = parse_entry(log.entries[3])
    assert isinstance(state, State)
    log.entries[3] = encode_entry(replace(state, **lie))
    assert refused(log, 3) == reason


def test_a_log_begins_with_its_creation_and_a_state():
    log = MemoryLog("log.example/other")
    with pytest.raises(ReplayError) as caught:
        Replay(ORIGIN).feed(log.entries[0])
    assert caught.value.reason == "ORIGIN"
    log = MemoryLog()
    first = parse_entry(log.entries[0])
    replayed = Replay(ORIGIN)
    with pytest.raises(ReplayError) as caught:
        replayed.feed(encode_entry(replace(first, type="log.begun")))
    assert caught.value.reason == "BEGINNING"
    replayed.feed(log.entries[0])
    assert not replayed.complete
    outcome = Outcome(i=1, t=T0, prev=b64url(log.tree.node(0, 0)), of=0, result="x")
    with pytest.raises(ReplayError) as caught:
        replayed.feed(encode_entry(outcome))
    assert caught.value.reason == "BEGINNING"
    log.forge(lambda at: admit_record(RecordDraft(type="log.created", data={"origin": ORIGIN}), at))
    assert refused(log, 2) == "BEGINNING"


def test_a_refused_entry_changes_nothing():
    log = MemoryLog()
    log.submit(consent())
    replayed = Replay(ORIGIN)
    for data in log.entries[:3]:
        replayed.feed(data)
    root = replayed.root()
    for bad in (log.entries[2], log.entries[0], b"{}"):
        with pytest.raises(ReplayError):
            replayed.feed(bad)
    assert replayed.root() == root
    replayed.feed(log.entries[3])
    assert replayed.complete


def test_time_stands_still_in_a_batch_and_never_goes_back():
    log = MemoryLog()
    log.submit(OutcomeDraft(of=0, result="x"), t=T0 + 5)
    replayed = Replay(ORIGIN)
    for data in log.entries[:3]:
        replayed.feed(data)
    state = parse_entry(log.entries[3])
    for t in (T0 + 4, T0 + 6):
        with pytest.raises(ReplayError) as caught:
            replayed.feed(encode_entry(replace(state, t=t)))
        assert caught.value.reason == "TIME"


def test_every_changed_byte_of_every_entry_is_found():
    """P7: whatever byte is changed, replay refuses at that entry or, by the chain, at the next."""
    log = MemoryLog()
    log.submit(consent())
    log.submit(event(permit=permit()), decision=decision())
    log.submit(AmendDraft(basis=0, purposes=("login",)))
    log.submit(withdrawal())
    for index, data in enumerate(log.entries):
        for place in range(0, len(data), 7):
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            with pytest.raises(ReplayError) as caught:
                replay_with(log, index, changed)
            assert caught.value.index in (index, index + 1)


def replay_with(log, index, changed):
    """Replay the log with one entry replaced, and compare the root with that of the true checkpoint."""
    replayed = Replay(ORIGIN)
    for n, entry in enumerate(log.entries):
        replayed.feed(changed if n == index else entry)
    if replayed.root() != log.tree.root():
        raise ReplayError("ROOT", "root", "another root than the checkpoint's", index=index)


def test_events_can_be_read_from_elsewhere():
    log = MemoryLog()
    made = USES[-1](log)
    log.submit(UseDraft(event=made.event, service="vault"), t=made.t)
    read = []

    def read_event(index):
        read.append(index)
        entry = parse_entry(log.entries[index])
        return EventFacts.of(entry) if entry.kind == "event" else None

    assert replay(log, read_event=read_event).root() == log.tree.root()
    assert read
    assert made.event in read


def test_changes_of_a_basis_that_was_never_applied_are_a_defect():
    state = LogState(ORIGIN)
    log = MemoryLog()
    log.submit(consent())
    with pytest.raises(MissingFact):
        state.apply(log.submit(AmendDraft(basis=0, purposes=("login",)))[0])
    with pytest.raises(MissingFact):
        state.apply(log.submit(withdrawal())[0])


def test_readmit_of_states_and_records_needs_no_facts():
    log = MemoryLog()
    readmit(admit_state(log.at(), prev_state=1, bases=5, status_root=HASH), LogState(ORIGIN))
    readmit(Record(**placed(log.at()), type="a.b", data={}), LogState(ORIGIN))


def test_guardianships_and_operations_are_followed():
    log = MemoryLog()
    log.submit(guardianship(), consent())
    log.submit(AmendDraft(basis=1, operations=(Operation.VERIFY,), sites=("branch.1",), not_after=T0 + HOUR))
    replayed = replay(log)
    basis = replayed.facts.basis(1)
    assert basis.operations == {"verify"}
    assert basis.sites == {"branch.1"}
    assert basis.purposes == {"login", "payment"}
    assert basis.not_after == T0 + HOUR


def test_a_refusal_names_the_fields_that_differ():
    log = MemoryLog()
    log.submit(consent())
    index = log.decide(decision())
    lie = {"verdict": Verdict.DENY, "reasons": (Reason.POLICY,)}
    log.forge(lambda at: replace(admit_event(event(), at, log.facts, index), **lie))
    with pytest.raises(ReplayError) as caught:
        replay(log)
    assert caught.value.field == "event.verdict"
    assert 'verdict is "deny" where the rules give "allow"' in str(caught.value)
    assert "reasons" in str(caught.value)
    assert "purpose" not in str(caught.value)
    assert caught.value.expected.verdict == Verdict.ALLOW


def test_a_permit_may_end_at_once_but_not_before():
    log = MemoryLog()
    log.submit(consent())
    index = log.decide(decision())
    nothing = EventPermit(max_uses=1, not_after=T0)
    log.forge(lambda at: replace(admit_event(event(permit=permit()), at, log.facts, index), permit=nothing))
    assert replay(log).complete
