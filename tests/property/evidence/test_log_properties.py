"""Random logs: the rules and the verifier agree with a second reading of the design, replay agrees with the log, and
a lie told at any event is found by replay, and by the bundle where a bundle can show it.
"""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from fakes.evidence_drafts import HOUR, consent, decision, event, forbidding, guardianship, legal_permission, permit
from fakes.evidence_log import DPO, LEGAL, T0, MemoryLog
from fakes.evidence_scenes import withdrawal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property.evidence import naive_rules
from vectors.evidence import independent

from placet.evidence.admission import admit_event
from placet.evidence.building import build_bundle
from placet.evidence.bundle import format_evidence
from placet.evidence.drafts import AmendDraft, UseDraft
from placet.evidence.errors import AdmissionRefused, ReplayError, VerifyError
from placet.evidence.reasons import Reason
from placet.evidence.replay import Replay
from placet.evidence.terms import SECOND, Operation, Verdict
from placet.evidence.verify import Verifier
from placet.tlog.note import format_vkey

PURPOSES = ["login", "payment", "search"]
SITES = ["branch.1", "branch.2"]
DELAYS = [0, 0, 0, SECOND, SECOND, 60 * SECOND, HOUR, 73 * HOUR]
SKEWS = [0, 0, 0, 0, -60 * SECOND, 121 * SECOND, -HOUR]
numbers = st.integers(0, 1_000)


def rarely(*values):
    """Mostly the first of the values."""
    return st.sampled_from([values[0]] * 8 + list(values[1:]))


def scope(items):
    some = st.sets(st.sampled_from(items), min_size=1).map(lambda ids: tuple(sorted(ids)))
    return st.just(("*",)) | some


ends = rarely(None, T0 + 30 * SECOND, T0 + HOUR, T0 + 80 * HOUR)
SCOPES = {
    "purposes": scope(PURPOSES),
    "operations": scope([Operation.VERIFY, Operation.ENROL, Operation.IDENTIFY]),
    "sites": scope(SITES),
    "egress": st.booleans(),
    "not_after": ends,
    "not_before": rarely(T0, T0 - HOUR, T0 + 60 * SECOND),
    "max_events": rarely(None, 1, 2),
}
grants = st.builds(consent, **SCOPES, imported=st.booleans())
changes = st.builds(
    AmendDraft,
    basis=st.just(0),
    purposes=st.none() | scope(PURPOSES),
    sites=st.none() | scope(SITES),
    egress=rarely(None, False),
    not_after=ends,
)


@st.composite
def asked_events(draw):
    """An event and what is off about it: which basis it names, what its decision was made for, when it occurred."""
    operation = draw(rarely(Operation.VERIFY, Operation.ENROL, Operation.IDENTIFY, Operation.EXPORT))
    asked = event(
        purpose=draw(st.sampled_from(PURPOSES)),
        operation=operation,
        site=draw(st.sampled_from(SITES)),
        egress=operation == Operation.EXPORT or draw(st.booleans()),
        offline=draw(st.booleans()),
        seen=draw(rarely(0, 1, 5, 10_000)),
        permit=draw(st.sampled_from([None, permit(1), permit(2, 3_600)])),
    )
    off = {
        "basis": draw(rarely("known", "missing", "unknown", "guardianship")),
        "context": draw(rarely({}, {"operation": "analyse"}, {"basis_form": "none"})),
        "make": draw(rarely(decision, forbidding)),
        "skew": draw(st.sampled_from(SKEWS)),
    }
    return "event", asked, off, draw(numbers)


steps = st.one_of(
    st.tuples(st.just("consent"), grants, st.sets(numbers, max_size=2)),
    st.tuples(st.just("guardianship"), st.builds(guardianship, not_after=ends)),
    st.tuples(st.just("legal"), st.builds(legal_permission, **{**SCOPES, "purposes": st.just(("*",))})),
    st.tuples(st.just("change"), changes, numbers),
    st.tuples(st.just("withdraw"), numbers),
    *[st.tuples(st.just("use"), numbers)] * 3,
    *[asked_events()] * 6,
)
logs = st.lists(st.tuples(st.sampled_from(DELAYS), st.lists(steps, min_size=1, max_size=6)), min_size=1, max_size=8)


class Story:
    """A log that a list of steps is played on, and what the callers of its events and uses had named."""

    def __init__(self):
        self.log = MemoryLog()
        self.named = {}
        self.forms = []
        self.events = []
        self.permitted = []
        # Something to begin with, so that few steps lead far.
        self.grant(guardianship(), "guardianship")
        wide = {"purposes": ("*",), "operations": ("*",), "sites": ("*",), "egress": True}
        self.grant(consent(needs=(0,), **wide), "consent")
        self.grant(consent(max_events=2, **wide), "consent")
        self.log.end_batch()

    def play(self, batches):
        t = T0
        for delay, batch in batches:
            t += delay
            self.log.t = max(self.log.t, t)
            for kind, *step in batch:
                with suppress(AdmissionRefused):
                    getattr(self, kind)(*step)
            self.log.end_batch()
        return self

    def grant(self, draft, form):
        self.log._admit(draft, None)
        self.forms.append(form)

    def consent(self, draft, needs):
        guardians = [ordinal for ordinal, form in enumerate(self.forms) if form == "guardianship"]
        needed = sorted({guardians[number % len(guardians)] for number in needs})
        self.grant(replace(draft, needs=tuple(needed)), "consent")

    def guardianship(self, draft):
        self.grant(draft, "guardianship")

    def legal(self, draft):
        approvals = [self.log._admit(who.approve(draft, expires=self.log.t + 1), None).i for who in (LEGAL, DPO)]
        self.grant(replace(draft, approvals=tuple(approvals)), "legal_permission")

    def change(self, draft, number):
        self.log._admit(replace(draft, basis=number % len(self.forms)), None)

    def withdraw(self, number):
        self.log._admit(withdrawal(number % len(self.forms)), None)

    def use(self, number):
        events = [*self.events, *self.permitted * 3, 1, 10_000]
        index = events[number % len(events)]
        self.named[self.log._admit(UseDraft(event=index, service="vault"), None).i] = index

    def event(self, asked, off, number):
        draft, decided = self.ask(asked, off, number)
        entry = self.log._admit(draft, decided)
        self.named[entry.i] = draft.basis
        self.events.append(entry.i)
        if entry.permit is not None:
            self.permitted.append(entry.i)

    def ask(self, asked, off, number):
        """The event and its decision as the log stands now."""
        bases = [ordinal for ordinal, form in enumerate(self.forms) if form != "guardianship"]
        known = bases[number % len(bases)]
        basis = {"known": known, "missing": None, "unknown": len(self.forms), "guardianship": 0}[off["basis"]]
        form = self.forms[known] if basis == known else "none"
        context = {"operation": str(asked.operation), "egress": asked.egress, "basis_form": form, **off["context"]}
        return asked._replace(basis=basis, occurred=self.log.t + off["skew"]), off["make"](context=context)


def replay(log):
    replayed = Replay(log.origin)
    for data in log.entries:
        replayed.feed(data)
    return replayed


slow = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@slow
@given(logs)
def test_the_rules_agree_with_a_second_reading_of_the_design(batches):
    story = Story().play(batches)
    log, named = story.log, story.named
    entries = [json.loads(data) for data in log.entries]
    for index, entry in enumerate(entries):
        if entry["kind"] == "event":
            expected = naive_rules.against_event(entries[:index], entry, named[index])
            assert entry["reasons"] == expected
        elif entry["kind"] == "use":
            n, expected = naive_rules.against_use(entries[:index], entry, named[index])
            assert (entry["n"], entry["reasons"]) == (n, expected)
        else:
            continue
        assert (entry["verdict"] == "allow") == (not expected)


@slow
@given(logs)
def test_replay_and_every_bundle_agree_with_the_log(batches):
    log = Story().play(batches).log
    replayed, verifier = replay(log), Verifier(log.verifiers)
    assert replayed.root() == log.tree.root()
    assert replayed.statuses.root() == log.statuses.root()
    for index, data in enumerate(log.entries):
        entry = json.loads(data)
        if entry["kind"] == "event":
            bundle = build_bundle(log, index)
            report = verifier.bundle(bundle)
            independent.check_bundle(json.loads(format_evidence(bundle)), format_vkey(log.signer.vkey))
            assert (report.verdict, list(report.reasons)) == (entry["verdict"], entry["reasons"])
            assert report.said
            assert report.unsaid


@slow
@given(logs, asked_events(), st.integers(1, 3))
def test_an_event_with_the_opposite_verdict_is_found(batches, asked, later):
    """Negative control included: the same event with its true verdict passes."""
    story = Story().play(batches)
    log = story.log
    draft, decided = story.ask(*asked[1:])
    index = log.decide(decided)
    honest = admit_event(draft, log.at(), log.facts, index)
    if honest.verdict == Verdict.ALLOW:
        lie = replace(honest, verdict=Verdict.DENY, reasons=(Reason.BASIS_WITHDRAWN,), permit=None)
    else:
        lie = replace(honest, verdict=Verdict.ALLOW, reasons=())
    shown = honest.reasons != (Reason.EVENTS_EXHAUSTED,)  # rule 7 alone: only replay can tell
    log.forge(lambda _: lie)
    for _ in range(later):
        log.submit(consent())
    with pytest.raises(ReplayError) as caught:
        replay(log)
    assert caught.value.index == honest.i
    if shown:
        with pytest.raises(VerifyError):
            Verifier(log.verifiers).bundle(build_bundle(log, honest.i))
    else:
        assert Verifier(log.verifiers).bundle(build_bundle(log, honest.i)).verdict == "allow"
